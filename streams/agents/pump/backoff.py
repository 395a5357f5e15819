"""How long to wait before trying again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

Random = Callable[[], float]
"""A number from 0 (inclusive) to 1."""

ASKED_MAX_S = 60.0
"""The longest wait that another side may ask for."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double from `first_s` to `longest_s`, each shortened by up to half, at random."""

    first_s: float
    longest_s: float
    random: Random

    def wait(self, failures: int, *, at_least: float | None = None) -> float:
        """Seconds to wait after so many failures (from 1); `at_least` is what the other side asked for."""
        longest = min(self.first_s * math.pow(2, min(failures - 1, 30)), self.longest_s)
        return max(longest * (1 - self.random() / 2), min(at_least or 0.0, ASKED_MAX_S))
