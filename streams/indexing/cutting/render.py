"""A tree of elements as Markdown: HTML's, or the one that trafilatura makes of it, which is named as in TEI.

For reading and searching, not for display: headings, lists, tables, code and quotes keep their marks, as
the chunker cuts by them; emphasis and links are their text alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

UNSEEN = frozenset((
    "annotation", "annotation-xml", "iframe", "noscript", "object", "script", "select", "style", "svg",
    "template",
))  # fmt: skip
"""What a reader of the page does not see as text."""

AROUND = frozenset(("aside", "dialog", "footer", "header", "nav"))
"""What stands around a page's own text."""

_LISTS = frozenset(("ul", "ol", "menu", "list"))
_ROWS = frozenset(("tr", "row"))
_CELLS = frozenset(("td", "th", "cell"))
_QUOTES = frozenset(("blockquote", "quote"))
_BREAKS = frozenset(("br", "lb"))
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6", "head"))
_OWN_LINES = _LISTS | _QUOTES | _HEADINGS | {"table", "pre"}
_BLOCKS = _OWN_LINES | _ROWS | _CELLS | frozenset((
    "ab", "address", "article", "aside", "body", "caption", "center", "dd", "details", "dialog", "div", "dl",
    "dt", "fieldset", "figcaption", "figure", "footer", "form", "frameset", "header", "hgroup", "hr", "html",
    "item", "li", "main", "nav", "noframes", "p", "section", "summary", "tbody", "tfoot", "thead",
))  # fmt: skip

_BREAK = "\0"
"""Where a line ends within a paragraph; no text holds this character."""

_HEADING = re.compile(r"h([1-6])")
_TICKS = re.compile(r"`+")
_UNTITLED_LEVEL = 2


def render(root: _Element, *, without: frozenset[str] = frozenset()) -> str:
    """The text of `root` as Markdown, with an empty line between blocks; `without` elements of these names.

    Calls itself for each level of the tree: libxml2 makes 255 at most.
    """
    body = root.find("body")
    return "\n\n".join(_Renderer(UNSEEN | without).blocks(root if body is None else body))


class _Renderer:
    def __init__(self, skipped: frozenset[str]) -> None:
        self._skipped = skipped

    def blocks(self, element: _Element) -> list[str]:
        """The blocks in an element, in order; text between them is a paragraph."""
        blocks: list[str] = []
        run: list[str] = []
        for part in (*self._content(element), []):
            if isinstance(part, str):
                run.append(part)
                continue
            if paragraph := _squeezed("".join(run)):
                blocks.append(paragraph)
            run.clear()
            blocks += part
        return blocks

    def _content(self, element: _Element) -> Iterator[str | list[str]]:
        """Its text in pieces, and the blocks of each block in it."""
        yield element.text or ""
        for child in element:
            if not isinstance(child.tag, str) or child.tag in self._skipped:
                pass
            elif child.tag in _BREAKS:
                yield _BREAK
            elif child.tag in _BLOCKS or _is_code_block(child):
                yield self._block(child)
            else:
                yield from self._content(child)
            yield child.tail or ""

    def _block(self, element: _Element) -> list[str]:
        tag = element.tag
        if tag in _HEADINGS:
            text = self._line(element)
            return [f"{'#' * _level(element)} {text}"] if text else []
        if tag in _LISTS:
            return self._list(element)
        if tag == "table":
            return self._table(element)
        if tag in _QUOTES:
            return ["\n".join(f"> {line}".rstrip() for line in "\n\n".join(self.blocks(element)).split("\n"))]
        if tag in {"pre", "code"}:
            return _code("".join(_verbatim(element)))
        return self.blocks(element)

    def _line(self, element: _Element) -> str:
        """All text in an element, in one line."""
        parts = (part if isinstance(part, str) else f" {' '.join(part)} " for part in self._content(element))
        return " ".join("".join(parts).replace(_BREAK, " ").split())

    def _list(self, element: _Element) -> list[str]:
        """Its items, a line each at least; text between them stands between two lists."""
        ordered = "ol" in {element.tag, element.get("rend")}
        loose = _squeezed(element.text or "")
        lists: list[list[str]] = [[loose], []] if loose else [[]]
        count = 0
        for child in element:
            if isinstance(child.tag, str) and child.tag not in self._skipped:
                marker = f"{count + 1}. " if ordered else "- "
                if blocks := self._block(child) if child.tag in _LISTS else self.blocks(child):
                    lists[-1].append(_indented(blocks, marker))
                    count += 1
            if loose := _squeezed(child.tail or ""):
                lists += [[loose], []]
        return ["\n".join(lines) for lines in lists if lines]

    def _table(self, element: _Element) -> list[str]:
        """A line for each row; a table that only lays out a page is what stands in it."""
        rows = [row for row in element.iterdescendants() if row.tag in _ROWS]
        cells = [[cell for cell in row.iterdescendants() if cell.tag in _CELLS] for row in rows]
        columns = max(map(len, cells), default=0)
        if columns < 2 or any(inner.tag in _OWN_LINES for inner in element.iterdescendants()):  # noqa: PLR2004 - one column is no table
            return self.blocks(element)
        captions = [self._line(child) for child in element if child.tag == "caption"]
        lines = ["| " + " | ".join(map(self._line, row)) + " |" for row in cells if row]
        loose = _squeezed(" ".join(self._outside_cells(element)))
        return [*filter(None, [*captions, loose]), "\n".join(lines)]

    def _outside_cells(self, element: _Element) -> Iterator[str]:
        """The text of a table that stands in none of its cells, as in what was written by hand."""
        yield element.text or ""
        for child in element:
            inside = child.tag in _CELLS or child.tag == "caption" or child.tag in self._skipped
            if isinstance(child.tag, str) and not inside:
                yield from self._outside_cells(child)
            yield child.tail or ""


def _is_code_block(element: _Element) -> bool:
    """Whether code has lines of its own, as it has in `pre`, which trafilatura makes code of."""
    return element.tag == "code" and any("\n" in text for text in element.itertext())


def _level(element: _Element) -> int:
    found = _HEADING.fullmatch(element.tag) or _HEADING.fullmatch(element.get("rend") or "")
    return int(found[1]) if found else _UNTITLED_LEVEL


def _squeezed(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.split(_BREAK))
    return "\n".join(filter(None, lines))


def _verbatim(element: _Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if child.tag in _BREAKS:
            yield "\n"
        elif isinstance(child.tag, str):
            yield from _verbatim(child)
        yield child.tail or ""


def _code(text: str) -> list[str]:
    text = "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")
    if not text:
        return []
    fence = "`" * max([3, *(len(run[0]) + 1 for run in _TICKS.finditer(text))])
    return [f"{fence}\n{text}\n{fence}"]


def _indented(blocks: Iterable[str], marker: str) -> str:
    """An item: its first block after the marker, the others under it."""
    first, *others = blocks
    lines = first.split("\n")
    for block in others:
        nested = block.startswith(("- ", "1. "))
        lines += ([] if nested else [""]) + block.split("\n")
    margin = " " * len(marker)
    return "\n".join([marker + lines[0], *(f"{margin}{line}" if line else "" for line in lines[1:])])
