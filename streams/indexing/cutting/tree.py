"""Borders in order: merged, found within a piece, and the tree by which the strongest are cut at first."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from streams.indexing.cutting.borders import Border


def middle(
    span: tuple[int, int], candidates: Sequence[Border], places: Sequence[int], least: int
) -> Border | None:
    """The border of the highest rank in `span` that is nearest to its middle, `least` from both ends."""
    start, end = span
    inside = candidates[bisect_left(places, start + least) : bisect_right(places, end - least)]
    return max(
        (border for border in inside if border.before - start >= least),
        key=lambda border: (border.strength[0], -abs(border.before + border.at - start - end)),
        default=None,
    )


def between(ordered: Sequence[Border], span: tuple[int, int], position: int) -> tuple[Sequence[Border], int]:
    """The borders inside `span`, and where the next span's begin."""
    start, end = span
    while position < len(ordered) and ordered[position].before <= start:
        position += 1
    first = position
    while position < len(ordered) and ordered[position].at < end:
        position += 1
    return ordered[first:position], position


def merged(lines: Iterable[Border], finer: Iterable[Border]) -> list[Border]:
    """Both in order; where two stand at one place, the stronger."""
    strongest: dict[int, Border] = {}
    for border in (*lines, *finer):
        known = strongest.get(border.at)
        if known is None or known.strength < border.strength:
            strongest[border.at] = border
    return [strongest[at] for at in sorted(strongest)]


def cartesian(candidates: Sequence[Border]) -> tuple[list[int], list[int], int]:
    """The max-heap over `candidates` in their order: left children, right children, root; -1 is none."""
    left, right = [-1] * len(candidates), [-1] * len(candidates)
    spine: list[int] = []
    for index, border in enumerate(candidates):
        below = -1
        while spine and candidates[spine[-1]].strength < border.strength:
            below = spine.pop()
        left[index] = below
        if spine:
            right[spine[-1]] = index
        spine.append(index)
    return left, right, spine[0] if spine else -1
