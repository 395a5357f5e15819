"""Which questions another model answers, while it takes over step by step."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

PARTS = 10_000
"""A share is told to a hundredth of a percent."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """`model` answers `percent` of the questions, 0 to 100."""

    model: str
    percent: float

    def takes(self, question_id: str) -> bool:
        """Whether it answers the question with this id: the same ones at every attempt, and by every worker.

        Whoever is in at 10 % is in at 50 %, too.
        """
        return part(question_id, "rollout") < self.percent / 100 * PARTS


def part(question_id: str, purpose: str) -> int:
    """A number below `PARTS` that the id always gets for this purpose; evenly spread over ids."""
    digest = hashlib.sha256(f"{purpose}:{question_id}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8]) % PARTS
