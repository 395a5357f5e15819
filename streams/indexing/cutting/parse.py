"""A document's text, as it is cut and embedded: one function for all media types, a module for each hard one.

Pure, and bounded by what the text may be; not by time and memory: what a page or a PDF makes a library do
is for the process that runs it to bound (`streams.confined`).
"""

from __future__ import annotations

from streams.errors import Rejected
from streams.indexing.cutting.cut import Parsed
from streams.messages.changes import Document

TEXTS = ("text/plain", "text/markdown")
"""Read as they are, in time and memory proportional to their length."""

READ = (*TEXTS, "text/html", "application/pdf")
"""The media types that are read."""

MOST_CHARACTERS = 16 * 1024 * 1024
"""Of a text that is indexed; a book has about a million."""


def parse(document: Document) -> Parsed:
    r"""The document's text with `\n` at every line's end and without NUL characters; HTML becomes Markdown.

    Raises `Rejected`: `unsupported_media_type`; `not_utf8` where a character can't be stored; `too_large`;
    `too_deep`; and for a PDF `not_base64`, `encrypted`, `no_text`, `unreadable`.
    """
    media_type = essence(document.media_type)
    if media_type not in READ:
        raise Rejected(
            f"media_type is not one that is read: {', '.join(READ)}. Convert the document to one of these",
            code="unsupported_media_type",
        )
    _storable(document.text)
    parsed = Parsed(
        _read(document.text, media_type), "text/markdown" if media_type == "text/html" else media_type
    )
    text = parsed.text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    if len(text) > MOST_CHARACTERS:
        raise Rejected(
            f"the text has {len(text)} characters, and no more than {MOST_CHARACTERS} are indexed: divide it"
            " into several documents",
            code="too_large",
        )
    return parsed._replace(text=text)


def essence(media_type: str) -> str:
    """The media type without its parameters, in lower case (RFC 9110, section 8.3.1)."""
    return media_type.partition(";")[0].strip().lower()


def _read(text: str, media_type: str) -> str:
    if media_type == "text/html":
        from streams.indexing.cutting.parse_html import html_text  # noqa: PLC0415 - slow to import, and rarely needed

        return html_text(text)
    if media_type == "application/pdf":
        from streams.indexing.cutting.parse_pdf import pdf_text  # noqa: PLC0415 - the same

        return pdf_text(text, MOST_CHARACTERS)
    return text


def _storable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Rejected(
            f"character {error.start} of the text is half of a surrogate pair, which no UTF-8 can hold",
            code="not_utf8",
        ) from None
