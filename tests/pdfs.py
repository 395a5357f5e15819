"""PDFs, made by hand: what a test means is in the test, and no file of someone else is needed."""

from __future__ import annotations

import base64
import io
import zlib

from pypdf import PdfReader, PdfWriter


def pdf(*pages: str, stream=None, **how) -> str:
    """A PDF with a line of text for each line of each page, in base64.

    `stream`: the bytes of a compressed content stream, instead of each page's own.
    """
    return base64.b64encode(pdf_bytes(*pages, stream=stream, **how)).decode()


def pdf_bytes(*pages: str, stream=None, kids=None, count=None) -> bytes:
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    of_pages = []
    for text in pages:
        content = stream if stream is not None else zlib.compress(_shown(text))
        objects.append(content)
        number = len(objects)
        of_pages.append(len(objects) + 1)
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >>"
            f" /Contents {number} 0 R >>"
        )
    kids = kids or " ".join(f"{number} 0 R" for number in of_pages)
    objects[1] = f"<< /Type /Pages /Kids [{kids}] /Count {len(pages) if count is None else count} >>"
    return _file(objects)


def encrypted(text: str, *, user_password: str) -> str:
    """The same with a password, which opens it where it is not empty."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_bytes(text))))
    writer.encrypt(user_password, "owner", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return base64.b64encode(out.getvalue()).decode()


def _shown(text: str) -> bytes:
    lines = [f"({line}) Tj T*".encode("latin-1") for line in text.split("\n")]
    return b"BT /F1 12 Tf 72 720 Td 14 TL\n" + b"\n".join(lines) + b"\nET"


def _file(objects) -> bytes:
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, _object(content))
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def _object(content: str | bytes) -> bytes:
    if isinstance(content, str):
        return content.encode()
    return b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(content), content)
