"""A document's text, as it is cut and embedded: one module for all media types, one function for each."""

from __future__ import annotations

from streams.errors import Rejected
from streams.indexing.cut import Parsed
from streams.messages.changes import Document

READ = ("text/plain", "text/markdown")
"""The media types that are read."""


def parse(document: Document) -> Parsed:
    r"""The document's text with `\n` at every line's end and without NUL characters.

    Raises `Rejected`: `unsupported_media_type`, or `not_utf8` where a character can't be stored.
    """
    media_type = _essence(document.media_type)
    if media_type not in READ:
        raise Rejected(
            f"media_type is not one that is read: {', '.join(READ)}. Convert the document to one of these",
            code="unsupported_media_type",
        )
    text = document.text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    _storable(text)
    return Parsed(text, media_type)


def _essence(media_type: str) -> str:
    """The media type without its parameters, in lower case (RFC 9110, section 8.3.1)."""
    return media_type.partition(";")[0].strip().lower()


def _storable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Rejected(
            f"character {error.start} of the text is half of a surrogate pair, which no UTF-8 can hold",
            code="not_utf8",
        ) from None
