"""PDFs: what their pages say, or a code that says what is wrong with them."""

from __future__ import annotations

import base64
import zlib
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject, NumberObject

from streams.errors import Rejected
from streams.indexing.cutting.parse import parse
from streams.messages.changes import Document
from tests.pdfs import encrypted, pdf, pdf_bytes


def parsed(text):
    return parse(Document(tenant="acme", id="1", text=text, media_type="application/pdf"))


def refused(text):
    with pytest.raises(Rejected) as caught:
        parsed(text)
    return caught.value


def test_a_pdf_is_the_text_of_its_pages_with_an_empty_line_between_them():
    got = parsed(pdf("Reset a password\nOpen Settings.", "On a phone"))
    assert got.text == "Reset a password\nOpen Settings.\n\nOn a phone"
    assert got.media_type == "application/pdf"


def test_base64_may_be_broken_into_lines():
    whole = pdf("Bonjour")
    assert parsed("\n".join(whole[at : at + 76] for at in range(0, len(whole), 76))).text == "Bonjour"


@pytest.mark.parametrize("text", ["%PDF-1.4 raw", "abc", "é", "aGVsbG8=!"])
def test_a_pdf_that_is_not_in_base64_is_refused(text):
    assert refused(text).code == "not_base64"


def test_a_pdf_that_any_viewer_opens_is_read_though_it_is_encrypted():
    assert parsed(encrypted("For everyone", user_password="")).text == "For everyone"


def test_a_pdf_with_a_password_is_refused():
    assert refused(encrypted("Secret", user_password="hunter2")).code == "encrypted"


@pytest.mark.parametrize("pages", [(), ("",), ("", "")])
def test_a_pdf_without_a_text_layer_is_refused_with_what_would_help(pages):
    error = refused(pdf(*pages))
    assert error.code == "no_text"
    assert "OCR" in str(error)


def with_images(pages, images):
    """A PDF of pages with text, and behind them pages with nothing but images of these sizes, in pixels."""
    writer = PdfWriter(BytesIO(pdf_bytes(*pages)))
    for sizes in images:
        drawn = DictionaryObject()
        for number, (width, height) in enumerate(sizes):
            image = DecodedStreamObject()
            image.update(
                {
                    NameObject("/Type"): NameObject("/XObject"),
                    NameObject("/Subtype"): NameObject("/Image"),
                    NameObject("/Width"): NumberObject(width),
                    NameObject("/Height"): writer._add_object(NumberObject(height)),
                }
            )
            drawn[NameObject(f"/Im{number}")] = writer._add_object(image)
        writer.add_blank_page(100, 100)[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/XObject"): drawn}
        )
    whole = BytesIO()
    writer.write(whole)
    return base64.b64encode(whole.getvalue()).decode()


SCAN, STRIPS, LOGO, DOT = [(1240, 1754)], [(1240, 64)] * 28, [(400, 300)], [(1, 1)]


@pytest.mark.parametrize("scan", [SCAN, STRIPS])
def test_a_pdf_nearly_all_pages_of_which_were_scanned_is_refused(scan):
    error = refused(with_images(["Cover", "Signed"], [scan] * 19))
    assert error.code == "no_text"
    assert "19 of the PDF's 21 pages" in str(error)


@pytest.mark.parametrize(("scan", "count"), [(SCAN, 18), (STRIPS, 18), (LOGO, 100), (DOT, 100)])
def test_a_pdf_with_some_text_is_read_though_most_of_its_pages_show_images(scan, count):
    assert parsed(with_images(["Cover", "Signed"], [scan] * count)).text == "Cover\n\nSigned"


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"%PDF-1.7\n", pdf_bytes("Bonjour")[:200]],
)
def test_a_broken_pdf_is_refused(data):
    assert refused(base64.b64encode(data).decode()).code in {"unreadable", "no_text"}


def test_a_stream_that_unpacks_to_a_hundred_megabytes_is_refused():
    bomb = zlib.compress(b" " * 100_000_000, 9)
    assert len(bomb) < 100_000
    assert refused(pdf("x", stream=bomb)).code == "too_large"


def test_a_page_that_is_its_own_parent_ends():
    assert refused(pdf("x", kids="2 0 R")).code in {"unreadable", "no_text"}


def test_a_count_of_pages_that_is_a_lie_costs_nothing():
    assert parsed(pdf("Bonjour", count=2_000_000_000)).text == "Bonjour"


def test_more_pages_than_are_read_are_refused(monkeypatch):
    monkeypatch.setattr("streams.indexing.cutting.parse_pdf.MOST_PAGES", 3)
    assert parsed(pdf("a", "b", "c")).text == "a\n\nb\n\nc"
    assert refused(pdf("a", "b", "c", "d")).code == "too_large"


def test_no_message_holds_what_the_document_says():
    for text in (encrypted("Secret", user_password="hunter2"), pdf("Secret")[:300]):
        assert "Secret" not in str(refused(text))


def outcome(text):
    try:
        return parsed(text).text, None
    except Rejected as error:
        return "", error.code


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.tuples(st.integers(0, 600), st.binary(min_size=1, max_size=8)))
def test_any_bytes_are_text_or_are_refused(data):
    if isinstance(data, tuple):
        where, other = data
        whole = pdf_bytes("Bonjour\nle monde")
        data = whole[:where] + other + whole[where + len(other) :]
    text, code = outcome(base64.b64encode(data).decode())
    assert code in {None, "unreadable", "no_text", "encrypted", "too_large"}
    text.encode()
