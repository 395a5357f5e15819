"""Where a text may be cut, and how well: at headings, paragraphs, list items, lines, sentences, words.

A scanner over lines, not a Markdown parser: it can't fail, takes linear time on any input, and a
character changed in one line changes few borders beyond that line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple
from zlib import crc32

ANCHOR_CHARACTERS = 20
"""A border is known by this many characters after it: an edit further on leaves it where it is."""

HASHES = 1 << 32
"""How many hashes there are."""

TIE_CHARACTERS = 200
"""Where many borders begin alike (a form's headings, say), as many characters as this tell them apart."""


class Rank(IntEnum):
    """How well a border cuts; a heading of level n has `Rank.HEADING - n`."""

    WORD = 0
    SENTENCE = 1
    LINE = 2
    NESTED = 3
    ITEM = 4
    BLOCK = 5
    """Code, a list, a quote, a table: it usually belongs to the paragraph before it."""
    PARAGRAPH = 6
    HEADING = 13


class Border(NamedTuple):
    """A place to cut: one piece ends at `before`, the next starts at `at`; only spaces lie in between."""

    before: int
    at: int
    strength: tuple[int, int, int]


_HEADING = re.compile(r" {0,3}(#{1,6})(?=\s|$)")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})\s*$")
_FENCE = re.compile(r"\s*(`{3,}(?=[^`]*$)|~{3,})")
_ITEM = re.compile(r"(\s*)(?:[-*+•]|\d{1,9}[.)])\s")
_SPACES = re.compile(r"\s+")
_WIDE_STOP = re.compile(r"[。！？｡]+[」』”’）]*")  # noqa: RUF001 - the full-width characters are meant
_STOP = re.compile(r"""[.!?…:;]["'»”’)\]*_]{0,3}(\s+)""")  # noqa: RUF001 - so are the curved quotes
_REACH = 4
"""Characters before a space that say whether it ends a sentence: a stop, and what closes after it."""
_GOES_ON = ("|", ">", "<", "!")
"""How tables, quotes, HTML and images begin."""


def lines(text: str, *, markdown: bool) -> list[Border]:
    """The borders before lines, in order; fenced code and headings count only in Markdown."""
    scanner = _Scanner(text, markdown=markdown)
    for start, end in _line_spans(text):
        scanner.take(start, end)
    return scanner.borders


def sentences(text: str, start: int, end: int) -> Iterator[Border]:
    """The borders between sentences of `text[start:end]`, in order."""
    ends = {
        stop.start(1): stop.end(1)
        for stop in _STOP.finditer(text, max(0, start - _REACH), end)
        if not text[stop.end(1) : stop.end(1) + 1].islower()
    }
    for stop in _WIDE_STOP.finditer(text, start, end):
        spaces = _SPACES.match(text, stop.end(), end)
        ends[stop.end()] = spaces.end() if spaces else stop.end()
    for before in sorted(ends):
        if start < before and ends[before] < end:
            yield _border(text, before, ends[before], Rank.SENTENCE)


def words(text: str, start: int, end: int) -> Iterator[Border]:
    """The borders between words of `text[start:end]`, in order."""
    for space in _SPACES.finditer(text, start, end):
        if start < space.start() and space.end() < end:
            yield _border(text, space.start(), space.end(), Rank.WORD)


def _border(text: str, before: int, at: int, rank: int) -> Border:
    near, far = text[at : at + ANCHOR_CHARACTERS], text[at : at + TIE_CHARACTERS]
    return Border(before, at, (rank, _hash(near), _hash(far)))


def _hash(text: str) -> int:
    return crc32(text.encode("utf-8", "surrogatepass"))


def _line_spans(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield start, end
        start = end


def _rank_of_block(line: str, *, prose: bool) -> Rank:
    """Of a line after an empty one: whether it begins something, or goes on with what is before it."""
    begins = prose and not line.startswith(_GOES_ON) and not line[0].islower()
    return Rank.PARAGRAPH if begins else Rank.BLOCK


class _Scanner:
    """Reads lines in order and remembers what the next one's border depends on."""

    def __init__(self, text: str, *, markdown: bool) -> None:
        self.borders: list[Border] = []
        self._text = text
        self._markdown = markdown
        self._fence = ""
        self._end = 0
        self._gap = True
        self._after_heading = False
        self._paragraph: int | None = None

    def take(self, start: int, end: int) -> None:
        """Adds the border before the line `text[start:end]`, if there is one."""
        line = self._text[start:end]
        content = line.strip()
        if not content:
            self._gap = True
            return
        rank = self._rank(line, content)
        if self._end:
            at = start + len(line) - len(line.lstrip())
            self.borders.append(_border(self._text, self._end, at, rank))
        self._end = start + len(line.rstrip())
        self._gap = False

    def _rank(self, line: str, content: str) -> int:
        if self._markdown:
            if self._fence:
                return self._rank_of_code(content)
            if heading := _HEADING.match(line):
                self._after_heading = True
                return Rank.HEADING - len(heading[1])
            if _UNDERLINE.match(line) and self._raise_to_heading(content):
                return Rank.WORD
        return self._rank_of_text(line)

    def _rank_of_code(self, content: str) -> int:
        if content.startswith(self._fence) and not content.strip(self._fence[0]):
            self._fence = ""
        return Rank.LINE

    def _rank_of_text(self, line: str) -> int:
        after_heading, self._after_heading = self._after_heading, False
        fence = _FENCE.match(line) if self._markdown else None
        self._fence = fence[1] if fence else ""
        item = _ITEM.match(line)
        indented = line[0] in " \t"
        self._paragraph = None
        if after_heading:
            return Rank.LINE
        if self._gap:
            self._paragraph = len(self.borders) if self._end else None
            return Rank.ITEM if indented else _rank_of_block(line, prose=not (item or fence))
        if item or fence:
            return Rank.NESTED if indented else Rank.ITEM
        return Rank.LINE if line.lstrip().startswith(("|", ">")) else Rank.SENTENCE

    def _raise_to_heading(self, content: str) -> bool:
        """A line of = or - right under a paragraph's first line makes that line a heading."""
        under, self._paragraph = self._paragraph, None
        if self._gap or under is None or under != len(self.borders) - 1:
            return False
        raised = Rank.HEADING - (1 if content[0] == "=" else 2)
        border = self.borders[under]
        self.borders[under] = border._replace(strength=(raised, *border.strength[1:]))
        self._after_heading = True
        return True
