"""A document's position: which of two changes of one document is the later one.

A position is `(time, order, timestamp, offset)`, kept as one fixed-width string, so that every store
can compare it as text. `time` is the source's own, in nanoseconds since the epoch; `order` is the
source's own sequence, which counts only between changes of the same time; `timestamp` (milliseconds)
and `offset` are Kafka's.
"""

from __future__ import annotations

from typing import NamedTuple, Self

WIDTHS = (20, 30, 15, 19)
"""Digits of time, order, timestamp and offset: room for any 64-bit nanosecond and any 98-bit sequence."""


_FORM = ".".join(f"%0{width}d" for width in WIDTHS)


class Position(NamedTuple):
    """When a change happened, as far as its source and Kafka can tell."""

    time: int
    order: int
    timestamp: int
    offset: int

    def __str__(self) -> str:
        """The sortable form: for positions a and b, `a < b` exactly where `str(a) < str(b)`."""
        return _FORM % self

    def before(self) -> Position:
        """The one right before this: there is none between the two. Of the very first one, itself."""
        parts = list(self)
        for part in reversed(range(len(parts))):
            if parts[part]:
                parts[part] -= 1
                return Position(*parts)
            parts[part] = 10 ** WIDTHS[part] - 1
        return self

    @classmethod
    def parse(cls, text: str) -> Self:
        """The position that `text`, as made by `str`, stands for. Raises ValueError for anything else."""
        parts = text.split(".")
        if len(parts) != len(WIDTHS) or any(
            len(part) != width or not part.isdecimal() for part, width in zip(parts, WIDTHS, strict=True)
        ):
            raise ValueError(f"not a position: {text[:100]!r}")
        return cls(*(int(part) for part in parts))


def fits(value: int, part: int) -> bool:
    """Whether `value` can stand as part number `part` of a position (0 time … 3 offset)."""
    return 0 <= value < int(10 ** WIDTHS[part])
