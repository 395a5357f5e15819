"""Cuts a text into chunks at its own structure, so that an edit moves few borders.

A text that is too long is cut at its best border (a heading before a paragraph before a list item;
between equals, a hash of the first characters after the border decides), then both sides are, the same
way. So a border's place hangs on what stands there, not on how much text precedes it: a paragraph that
is inserted or changed touches the chunks at it. The cuts are those of a Cartesian tree over the borders
(Vuillemin 1980), which is built and walked in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple
from zlib import crc32

from streams.indexing import borders
from streams.indexing.borders import Border, Rank
from streams.indexing.graphemes import whole_before
from streams.indexing.tokens import TokenSums, certainly_fits

ALGORITHM = "structure-2"
"""Goes into the index generation's name: a change of any border is a new number."""

MARKDOWN = "text/markdown"

_NAME = re.compile(r"structure-\d+-(?P<tokens>\d+)t-(?P<characters>\d+)c")

MIN_TOKENS = 8
MIN_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a text: `source[start:end] == text`, with no space at either end.

    `gap` is the white space before it, back to the chunk before; `markdown`: the text was read as Markdown.
    With these two, a text can be put together again from its chunks.
    """

    text: str
    start: int
    end: int
    gap: str = ""
    markdown: bool = False


@dataclass(frozen=True, slots=True)
class Chunking:
    """How to cut: no chunk has more than `max_tokens`; `target_chars` is about the mean length.

    `max_tokens` counts the model's special tokens, but not what is put before a chunk when it is
    embedded (a prefix, a title): take that from the model's window first.
    """

    max_tokens: int
    target_chars: int = 800

    def __post_init__(self) -> None:
        if self.max_tokens < MIN_TOKENS or self.target_chars < MIN_CHARACTERS:
            raise ValueError(f"at least {MIN_TOKENS} tokens and {MIN_CHARACTERS} characters")

    @property
    def name(self) -> str:
        """Names the algorithm and its parameters; equal names cut equal texts equally."""
        return f"{ALGORITHM}-{self.max_tokens}t-{self.target_chars}c"

    @classmethod
    def named(cls, name: str) -> Chunking:
        """The chunking whose name this is; raises ValueError for what is none.

        An earlier algorithm's name gives ours with its sizes: an index may hold pieces of both.
        """
        found = _NAME.fullmatch(name)
        if found is None:
            raise ValueError(f"no chunking of this version: {name[:50]!r}")
        return cls(int(found["tokens"]), int(found["characters"]))

    def halved(self) -> Chunking:
        """Half of both, for a text that its model found too long; equal to itself at the smallest."""
        return Chunking(max(MIN_TOKENS, self.max_tokens // 2), max(MIN_CHARACTERS, self.target_chars // 2))

    @property
    def limit(self) -> int:
        """Characters beyond which a text is cut; what that leaves has about the target as its mean."""
        return self.target_chars * 7 // 4

    @property
    def tolerance(self) -> int:
        """Characters that a chunk may have where it could be cut only inside a paragraph or a code block."""
        return self.target_chars * 5 // 2

    @property
    def least(self) -> int:
        """Characters that a cut leaves on either side."""
        return min(self.target_chars, self.max_tokens) // 4


def chunk(text: str, *, media_type: str, chunking: Chunking) -> tuple[Chunk, ...]:
    """The chunks of `text`, in order, without overlap; every character but spaces is in one.

    `media_type` text/markdown reads headings and fenced code; any other is read as plain text.
    """
    markdown = media_type.partition(";")[0].strip().lower() == MARKDOWN
    chunks, last = [], 0
    # White space at the end is in no chunk: nor may it decide between borders, as it is not kept.
    for start, end in _Text(text.rstrip(), chunking).spans(markdown=markdown):
        chunks.append(Chunk(text[start:end], start, end, text[last:start], markdown))
        last = end
    return tuple(chunks)


class _Span(NamedTuple):
    start: int
    end: int


class _Text:
    def __init__(self, text: str, chunking: Chunking) -> None:
        self._text = text
        self._chunking = chunking

    @cached_property
    def _tokens(self) -> TokenSums:
        return TokenSums(self._text)

    def spans(self, *, markdown: bool) -> Iterator[_Span]:
        text, least = self._text, self._chunking.least
        start, end = len(text) - len(text.lstrip()), len(text.rstrip())
        if start >= end:
            return
        lines = borders.lines(text, markdown=markdown)
        blocks = [border for border in lines if border.strength[0] >= Rank.NESTED]
        position = 0
        for piece in self._cut(_Span(start, end), blocks, least):
            within, position = _between(lines, piece, position)
            yield from self._refined(piece, within)

    def _refined(self, piece: _Span, lines: Sequence[Border]) -> Iterator[_Span]:
        if self._fits(piece, self._chunking.tolerance):
            yield piece
            return
        finer = _merged(lines, borders.sentences(self._text, *piece))
        for coarse in self._cut(piece, finer, self._chunking.least):
            for small in self._cut_at_words(coarse, self._chunking.least):
                for smallest in self._cut_at_words(small, 1):
                    yield from self._hard_cut(smallest)

    def _cut_at_words(self, span: _Span, least: int) -> Iterable[_Span]:
        # Few spans have to be cut there, and to look for every word of the others takes long.
        if self._fits(span, self._chunking.limit):
            return (span,)
        return self._cut(span, tuple(borders.words(self._text, *span)), least)

    def _fits(self, span: _Span, characters: int) -> bool:
        start, end = span
        if end - start > characters:
            return False
        return self._fits_window(start, end)

    def _fits_window(self, start: int, end: int) -> bool:
        most = self._chunking.max_tokens
        return certainly_fits(self._text[start:end], most) or self._tokens.between(start, end) <= most

    def _cut(self, span: _Span, candidates: Sequence[Border], least: int) -> Iterator[_Span]:
        """Cuts at the strongest border with `least` on both sides, until a piece fits or has none."""
        if self._fits(span, self._chunking.limit):
            yield span
            return
        left, right, root = _cartesian(candidates)
        waiting = [(span, root)]
        while waiting:
            piece, node = waiting.pop()
            while node >= 0 and not self._fits(piece, self._chunking.limit):
                border = candidates[node]
                if border.before - piece.start < least:
                    node = right[node]
                elif piece.end - border.at < least:
                    node = left[node]
                else:
                    waiting.append((_Span(border.at, piece.end), right[node]))
                    piece, node = _Span(piece.start, border.before), left[node]
            yield piece

    def _hard_cut(self, span: _Span) -> Iterator[_Span]:
        """Cuts what has no border left, where a hash of the next characters says, not inside a grapheme."""
        start, end = span
        while not self._fits(_Span(start, end), self._chunking.limit):
            furthest = self._furthest(start, end)
            nearest = start + (furthest - start + 1) // 2
            cut = max(range(nearest, furthest + 1), key=self._anchor)
            cut = whole_before(self._text, cut, start)
            yield _Span(start, cut)
            start = cut
        yield _Span(start, end)

    def _furthest(self, start: int, end: int) -> int:
        """The last place up to which what begins at `start` fits; at least one character on."""
        low, high = start + 1, min(end - 1, start + self._chunking.limit)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._fits_window(start, middle) else (low, middle - 1)
        return low

    def _anchor(self, at: int) -> tuple[int, int]:
        return crc32(self._text[at : at + 8].encode("utf-8", "surrogatepass")), at


def _between(ordered: Sequence[Border], span: _Span, position: int) -> tuple[Sequence[Border], int]:
    """The borders inside `span`, and where the next span's begin."""
    while position < len(ordered) and ordered[position].before <= span.start:
        position += 1
    first = position
    while position < len(ordered) and ordered[position].at < span.end:
        position += 1
    return ordered[first:position], position


def _merged(lines: Iterable[Border], finer: Iterable[Border]) -> list[Border]:
    """Both in order; where two stand at one place, the stronger."""
    strongest: dict[int, Border] = {}
    for border in (*lines, *finer):
        known = strongest.get(border.at)
        if known is None or known.strength < border.strength:
            strongest[border.at] = border
    return [strongest[at] for at in sorted(strongest)]


def _cartesian(candidates: Sequence[Border]) -> tuple[list[int], list[int], int]:
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
