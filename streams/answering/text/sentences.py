"""Where sentences begin and end, in English, French and other languages that use their marks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from streams.answering.text.items import BEGUN, is_number

# A row of marks is gone through once, from its first.
_END = re.compile(
    r"(?<![.!?…])[.!?…]++[\"'”’»)\]*_]*(?:[ \t\u00a0\u202f]?»)?(?:[ \t]*\[\d{1,9}\])*(?=\s|$)"  # noqa: RUF001 - closing quotes
    r"|[。！？]+[」』”）]*(?:\s*\[\d{1,9}\])*"  # noqa: RUF001 - what ends a sentence in Chinese and Japanese
    r"|\n[ \t]*\n"
    rf"|\n(?=[ \t]*{BEGUN})"
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'«“’])(?:(?-i:[A-Z])|[A-Za-z](?:\.[A-Za-z])+|"  # noqa: RUF001 - apostrophe before an abbreviation
    r"mrs?|ms|dr|prof|st|jr|sr|vs|approx|ca|cf|etc|eg|ie|al|fig|figs|nos|nr|vol|pp?|ch|eq|inc|ltd|co|corp|"
    r"mme|mmes|mlle|mlles|mm|pr|art|al|éd|ed|chap|env|ex|réf|ref|tél|tel|av|bd|boul|janv|févr|sept|oct|nov|déc|"
    r"jan|feb|apr|aug|dec|p\.\s?ex|i\.\s?e|e\.\s?g)\.$",
    re.IGNORECASE,
)
_AFTER = re.compile(r"\s*(\S)")
_LOOKBACK = 24


def spans(text: str) -> Iterator[tuple[int, int]]:
    """The sentences of `text` as characters [start, end), in order, white space around them left out.

    Citation markers that follow a sentence's full stop belong to it.
    """
    start = 0
    for end in _END.finditer(text):
        if _goes_on(text, start, end):
            continue
        yield from _trimmed(text, start, end.end())
        start = end.end()
    yield from _trimmed(text, start, len(text))


def sentences(text: str) -> list[str]:
    """The sentences of `text`, in order."""
    return [text[start:end] for start, end in spans(text)]


def _goes_on(text: str, start: int, end: re.Match[str]) -> bool:
    """Whether what looks like a sentence's end is an abbreviation's full stop, or an item's number."""
    if not end[0].startswith(".") or end[0].startswith(".."):
        return False
    before = text[max(start, end.start() - _LOOKBACK) : end.start() + 1]
    follows = _AFTER.match(text, end.end())
    if end.start() - start < _LOOKBACK and is_number(text[start : end.start() + 1]):
        return True
    return follows is not None and (bool(_ABBREVIATION.search(before)) or follows[1].islower())


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    stretch = text[start:end]
    if bare := stretch.strip():
        first = start + len(stretch) - len(stretch.lstrip())
        yield first, first + len(bare)
