"""PDF to text: what its pages say, in order, by pypdf."""

from __future__ import annotations

import base64
import binascii
import logging
from io import BytesIO

from pypdf import PageObject, PasswordType, PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError
from pypdf.generic import DictionaryObject

from streams.errors import Rejected

MOST_PAGES = 20_000
_MOST_SCANNED = 0.9
"""Of the pages; where more are images, what is left is a cover or a signature, and not the document."""
_SCAN_PIXELS = 500 * 500
"""What a page of text has at least to be legible; a logo or a line has fewer."""

_ENCRYPTED = Rejected(
    "the PDF can't be opened without a password: index one that is not encrypted", code="encrypted"
)
_TOO_LARGE = "index it in parts"


def pdf_text(text: str, most_characters: int) -> str:
    """The text of a PDF that is given in base64, with an empty line between pages.

    Raises `Rejected`: `not_base64`; `encrypted`; `no_text` where its pages are empty, or nearly all of them
    images; `too_large` where it has more than `most_characters`, `MOST_PAGES`, or unpacks to more than pypdf
    allows; `unreadable` where it is broken. Raises MemoryError.
    """
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # its warnings may quote the document
    data = _bytes(text)
    try:
        pages = _pages(data, most_characters)
    except (Rejected, MemoryError):
        raise
    except (DependencyError, FileNotDecryptedError):
        raise _ENCRYPTED from None
    except LimitReachedError:
        raise Rejected(f"the PDF unpacks to more than can be read: {_TOO_LARGE}", code="too_large") from None
    except Exception as error:  # noqa: BLE001 - broken files make pypdf raise anything; it says so itself
        raise Rejected(
            f"the PDF is broken ({type(error).__name__}): does a viewer open it? Save it from there again",
            code="unreadable",
        ) from None
    if not pages:
        raise Rejected(
            "the PDF has no text, only images or empty pages: recognise its text (OCR) first", code="no_text"
        )
    return "\n\n".join(pages)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Rejected("the text of a PDF must be its bytes in base64", code="not_base64") from None


def _pages(data: bytes, most_characters: int) -> list[str]:
    reader = PdfReader(BytesIO(data), strict=False)
    if reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:
        raise _ENCRYPTED
    pages: list[str] = []
    characters = scanned = 0
    for number, page in enumerate(reader.pages):
        if number == MOST_PAGES or characters > most_characters:
            raise Rejected(
                f"the PDF has more than {MOST_PAGES} pages or {most_characters} characters: {_TOO_LARGE}",
                code="too_large",
            )
        # Broken fonts give halves of surrogate pairs, which can't be stored.
        text = page.extract_text().encode("utf-8", "replace").decode().strip()
        characters += len(text)
        if text:
            pages.append(text)
        else:
            scanned += _shows_an_image(page)
    if pages and scanned > (count := len(reader.pages)) * _MOST_SCANNED:
        raise Rejected(
            f"{scanned} of the PDF's {count} pages are images without text: recognise it (OCR) first",
            code="no_text",
        )
    return pages


def _shows_an_image(page: PageObject) -> bool:
    """Whether the page has images of its own, large enough to be one that was scanned, be it in strips."""
    try:
        objects = page["/Resources"]["/XObject"]  # type: ignore[index]
        return sum(_pixels(objects[name].get_object()) for name in objects) >= _SCAN_PIXELS
    except Exception:  # noqa: BLE001 - of none, or of a broken one, there is nothing to see
        return False


def _pixels(image: DictionaryObject) -> int:
    """How many it has; none where it is something else."""
    if image.get("/Subtype") != "/Image" or not {"/Width", "/Height"} <= image.keys():
        return 0
    return int(image["/Width"]) * int(image["/Height"])  # type: ignore[call-overload,no-any-return]
