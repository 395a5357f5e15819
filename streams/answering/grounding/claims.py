"""Claims: the sentences of an answer, and the citations that each points at."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streams.answering.text.items import bare
from streams.answering.text.sentences import spans
from streams.messages.markers import Marker, markers

_LEADS = re.compile(r":[*_]*$")


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer without its markers, and the citations that it points at."""

    text: str
    cited: tuple[int, ...]


def claims(text: str) -> list[Claim]:
    """The sentences of an answer. One without a marker is covered by the next one's that has some.

    A line that leads in to what follows, with a colon, claims nothing; its markers cover what has none.
    """
    told = list(_told(text))
    made: list[Claim] = []
    leading: tuple[int, ...] = ()
    for at, ((said, own), following) in enumerate(zip(told, _following(told), strict=True)):
        if _LEADS.search(said) and at + 1 < len(told):
            leading = own
        elif said:
            made.append(Claim(said, following or leading))
    return made


def _following(told: Sequence[tuple[str, tuple[int, ...]]]) -> list[tuple[int, ...]]:
    """For each sentence, what the first one from there on that points at something points at."""
    found = list[tuple[int, ...]]([()])
    for _, own in reversed(told):
        found.append(own or found[-1])
    return found[:0:-1]


def _told(text: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The sentences without their markers, and what those point at."""
    pointing = markers(text)
    starts = [marker.start for marker in pointing]
    for start, end in spans(text):
        own = pointing[bisect_left(starts, start) : bisect_left(starts, end)]
        yield bare(_without(text, start, end, own)), tuple(dict.fromkeys(marker.n for marker in own))


def _without(text: str, start: int, end: int, cut: Sequence[Marker]) -> str:
    """`text[start:end]` less the markers in it, and the white space before each."""
    kept = []
    for marker in cut:
        kept.append(text[start : marker.start].rstrip())
        start = marker.end
    return "".join([*kept, text[start:end]])
