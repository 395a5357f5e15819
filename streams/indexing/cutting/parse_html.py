"""HTML to Markdown: of a page its main text, of a fragment all of it.

A page's navigation, footers and advertisements are left out by trafilatura. A fragment, such as a column of
a content management system holds, has none: nothing of it is left out but what nobody sees.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lxml import etree, html
from trafilatura import bare_extraction
from trafilatura.settings import DEFAULT_CONFIG, Extractor

from streams.errors import Rejected
from streams.indexing.cutting.render import AROUND, render

if TYPE_CHECKING:
    from lxml.etree import _Element

_PAGE = re.compile(r"<(?:!doctype|html|head|body)\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_LIMIT = "ERR_RESOURCE_LIMIT"
"""libxml2's, for more than 255 levels or a text of 10 million characters: it drops the rest silently."""
_NO_MEMORY = "ERR_NO_MEMORY"


def html_text(text: str) -> str:
    """The text as Markdown: headings, lists, tables, code and quotes; empty where there is nothing to read.

    Raises `Rejected` (`too_deep`) where elements are nested so deep that some would be lost.
    """
    root = _tree(text)
    if root is None:
        return ""
    whole = render(root)
    if not _PAGE.search(text):
        return whole
    main = _main(root)
    if main and _words(main) != _words(whole):
        return main
    # It could not tell the main text; then it gives all there is, in one paragraph.
    return render(root, without=AROUND) or whole


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _tree(text: str) -> _Element | None:
    # Whatever encoding the page says that it has, it came as text.
    parser = html.HTMLParser(
        encoding="utf-8", collect_ids=False, default_doctype=False, remove_comments=True, remove_pis=True
    )
    data = text.replace("\0", "").encode()
    try:
        root = html.document_fromstring(data, parser=parser) if data.strip() else None
    except etree.ParserError:
        return None
    finally:
        problems = {entry.type_name for entry in parser.error_log}
        if _NO_MEMORY in problems:
            raise MemoryError
        if _LIMIT in problems:
            raise Rejected(
                "elements are nested deeper than 255 levels, or one text is longer than 10 million"
                " characters: what is beyond can't be read",
                code="too_deep",
            )
    if root is not None:
        _keep_headings(root)
    return root


def _keep_headings(root: _Element) -> None:
    """Takes buttons in headings for text: what opens an answer is its question."""
    for heading in root.iter("h1", "h2", "h3", "h4", "h5", "h6", "summary", "dt"):
        for button in heading.iter("button"):
            button.tag = "span"


def _main(root: _Element) -> str:
    """What trafilatura takes for the page's own text; empty where it finds none.

    Every option that the result depends on is set here: an index is only stable if the same page always
    gives the same text. Nothing is remembered from one page to the next (`dedup`).
    """
    options = Extractor(
        config=DEFAULT_CONFIG,
        output_format="xml",
        fast=False,
        precision=False,
        recall=False,
        comments=False,
        formatting=True,
        links=False,
        images=False,
        tables=True,
        dedup=False,
        lang=None,
        with_metadata=False,
    )
    try:
        found = bare_extraction(root, options=options)
    except etree.XPathError:
        # All of its expressions are right: what is left are libxml2's limits, and its memory.
        raise Rejected("the page has too many elements to be searched", code="too_large") from None
    body = getattr(found, "body", None)
    return "" if body is None else render(body)
