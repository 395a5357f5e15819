"""The verdict on a generation that was built: what is found in it, and what speaks against the switch."""

from __future__ import annotations

from dataclasses import dataclass

from streams.errors import Rejected
from streams.indexing.generations.copying import Copied

TOLERANCE = 0.05
"""How much less the new generation may find of questions that a program made: they are few."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Recall@5 of both generations on the same questions; by vectors alone where a program made these.

    `live` is None where its model is not there any more.
    """

    questions: int
    automatic: bool
    live: float | None
    new: float
    live_vectors: float | None = None
    new_vectors: float | None = None


def refusals(copied: Copied) -> str | None:
    """How many documents the target refuses, and why; None where it has them all."""
    if not copied.refused:
        return None
    codes = ", ".join(f"{count} {code}" for code, count in sorted(copied.refused.items()))
    return f"{copied.refused.total()} documents can't be in it ({codes})"


def objection(verdict: Verdict, copied: Copied, *, min_recall: float | None) -> str | None:
    """Why not to switch; None where nothing speaks against it. `--force` is the caller's to know of."""
    if copied.refused:
        return refusals(copied)
    if min_recall is not None:
        below = verdict.new < min_recall
        return f"its recall is {verdict.new:.3f}, less than {min_recall:g}" if below else None
    if verdict.live is None or (verdict.automatic and verdict.live_vectors is None):
        return (
            "the live generation's model is not there to compare with: say with --min-recall what is enough"
        )
    allowed = TOLERANCE if verdict.automatic else 0.0
    for what, live, new in (
        ("recall", verdict.live, verdict.new),
        ("recall by vectors alone", verdict.live_vectors, verdict.new_vectors),
    ):
        if live is not None and new is not None and new < live - allowed:
            return f"its {what} is {new:.3f}, that of the live one is {live:.3f}"
    return None


def not_switched(reason: str) -> Rejected:
    """Why the generation that was built is not the live one."""
    return Rejected(
        f"not switched: {reason}. What was built is kept and goes on getting every change:"
        " run this again with --force, or give it up with --abandon",
        code="not_switched",
    )
