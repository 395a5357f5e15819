"""What work costs, and whether twice as much of it costs about twice: not how fast the machine is."""

from time import process_time

FLOOR_S = 0.02
"""What is too short to be measured counts as this."""
TRIES = 3
"""The least of so many counts: what else the machine did is in the others."""


def grows(work, once, twice, *, tries=TRIES):
    """How many times as much processor time `work(twice)` takes as `work(once)`, at best."""
    return max(FLOOR_S, _least(work, twice, tries)) / max(FLOOR_S, _least(work, once, tries))


def _least(work, given, tries):
    return min(_seconds(work, given) for _ in range(tries))


def _seconds(work, given):
    began = process_time()
    work(given)
    return process_time() - began
