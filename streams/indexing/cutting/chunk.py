"""Cuts a text into chunks at its own structure, so that an edit moves few borders.

A text that is too long is cut at its best border (a heading before a paragraph before a list item;
between equals, a hash of the first characters after the border decides), then both sides are, the same
way. So a border's place hangs on what stands there, not on how much text precedes it: a paragraph that
is inserted or changed touches the chunks at it. The cuts are those of a Cartesian tree over the borders
(Vuillemin 1980), which is built and walked in linear time.

Only the last cut, of a piece that gives two chunks, is made near the piece's middle: it can move no border
but its own, and chunks of like length are found better than long and short ones. A short text is cut finer
than a long one, as an edit touches a chunk at least: of one chunk that is all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple
from zlib import crc32

from streams.indexing.cutting import borders
from streams.indexing.cutting.borders import Border, Rank
from streams.indexing.cutting.graphemes import whole_before
from streams.indexing.cutting.sizes import Size, Sizes
from streams.indexing.cutting.tokens import TokenSums, certainly_fits
from streams.indexing.cutting.tree import between, cartesian, merged, middle

ALGORITHM = "structure-3"
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
        return Size.of(self.target_chars, self.max_tokens).limit

    @property
    def tolerance(self) -> int:
        """Characters that a chunk may have where it could be cut only inside a paragraph or a code block."""
        return self.target_chars * 2


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

    def _sizes(self, characters: int | None = None, *, scraps: bool = False) -> Sizes:
        """Of the pieces of a text with so many characters; without, of those of a long one."""
        return Sizes(self._chunking.target_chars, self._chunking.max_tokens, characters, scraps=scraps)

    def spans(self, *, markdown: bool) -> Iterator[_Span]:
        text = self._text
        start, end = len(text) - len(text.lstrip()), len(text.rstrip())
        if start >= end:
            return
        lines = borders.lines(text, markdown=markdown)
        blocks = [border for border in lines if border.strength[0] >= Rank.NESTED]
        position = 0
        for piece in self._cut(_Span(start, end), blocks, self._sizes(end - start)):
            within, position = between(lines, piece, position)
            yield from self._refined(piece, within)

    def _refined(self, piece: _Span, lines: Sequence[Border]) -> Iterator[_Span]:
        if self._fits(piece, self._chunking.tolerance):
            yield piece
            return
        finer, sizes = merged(lines, borders.sentences(self._text, *piece)), self._sizes()
        for coarse in self._cut(piece, finer, sizes):
            for small in self._cut_at_words(coarse, sizes):
                for smallest in self._cut_at_words(small, self._sizes(scraps=True)):
                    yield from self._hard_cut(smallest)

    def _cut_at_words(self, span: _Span, sizes: Sizes) -> Iterable[_Span]:
        # Few spans have to be cut there, and to look for every word of the others takes long.
        if self._fits(span, self._chunking.limit):
            return (span,)
        return self._cut(span, tuple(borders.words(self._text, *span)), sizes)

    def _fits(self, span: _Span, characters: int) -> bool:
        start, end = span
        if end - start > characters:
            return False
        return self._fits_window(start, end)

    def _fits_window(self, start: int, end: int) -> bool:
        most = self._chunking.max_tokens
        return certainly_fits(self._text[start:end], most) or self._tokens.between(start, end) <= most

    def _cut(self, span: _Span, candidates: Sequence[Border], sizes: Sizes) -> Iterator[_Span]:
        """Cuts at the strongest border with enough on both sides, until a piece fits or has none."""
        if self._fits(span, sizes.finest.limit):
            yield span
            return
        left, right, root = cartesian(candidates)
        places = [border.at for border in candidates]
        waiting = [(span, root)]
        while waiting:
            piece, node = waiting.pop()
            while node >= 0 and piece.end - piece.start > sizes.at(candidates[node]).even:
                border, least = candidates[node], sizes.at(candidates[node]).least
                if border.before - piece.start < least:
                    node = right[node]
                elif piece.end - border.at < least:
                    node = left[node]
                else:
                    waiting.append((_Span(border.at, piece.end), right[node]))
                    piece, node = _Span(piece.start, border.before), left[node]
            yield from self._cut_evenly(piece, candidates, places, sizes)

    def _cut_evenly(
        self, span: _Span, candidates: Sequence[Border], places: Sequence[int], sizes: Sizes
    ) -> Iterator[_Span]:
        """Cuts a short piece at the border next to its middle among those of the highest rank."""
        waiting = [span]
        while waiting:
            piece = waiting.pop()
            if self._fits(piece, sizes.finest.limit):
                yield piece
                continue
            border = middle(piece, candidates, places, sizes.finest.least)
            if border is None or self._fits(piece, sizes.at(border).limit):
                yield piece
            else:
                waiting += [_Span(border.at, piece.end), _Span(piece.start, border.before)]

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
