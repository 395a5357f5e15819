"""What was found: a passage that counts now."""

from __future__ import annotations

from dataclasses import dataclass

from streams.messages.held import Head
from streams.ports import Hit


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that counts now: what the search found, and its document's current head.

    `suspicion`, 0 to 1: how much it reads like instructions to the model; 0 where it is no suspect.
    """

    hit: Hit
    head: Head
    suspicion: float = 0.0
