"""What a setting is called."""

from __future__ import annotations

from streams.errors import Misconfigured

PREFIX = "STREAMS_"
BESIDES = frozenset({"STREAMS_TEST_DATA", "STREAMS_SERVERS_DIR"})
"""Names with our prefix that are no settings: the test suite's."""


def misconfigured(field: str, problem: str) -> Misconfigured:
    """The error for one setting, by the name that its user knows."""
    name = PREFIX + field.upper()
    return Misconfigured(f"{name} {problem}", setting=name)
