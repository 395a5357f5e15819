"""Claims: the sentences of an answer, and the citations that each points at."""

from __future__ import annotations

import re
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
    for at, (said, own) in enumerate(told):
        following = next((cited for _, cited in told[at:] if cited), leading)
        if _LEADS.search(said) and at + 1 < len(told):
            leading = own
        elif said:
            made.append(Claim(said, following))
    return made


def _told(text: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The sentences without their markers, and what those point at."""
    pointing = markers(text)
    for start, end in spans(text):
        own = [marker for marker in pointing if start <= marker.start < end]
        yield bare(_without(text, start, end, own)), tuple(dict.fromkeys(marker.n for marker in own))


def _without(text: str, start: int, end: int, cut: Sequence[Marker]) -> str:
    """`text[start:end]` less the markers in it, and the white space before each."""
    kept = []
    for marker in cut:
        kept.append(text[start : marker.start].rstrip())
        start = marker.end
    return "".join([*kept, text[start:end]])
