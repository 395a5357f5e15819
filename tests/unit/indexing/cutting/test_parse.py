"""A document's text, before it is cut."""

import pytest

from streams.errors import Rejected
from streams.indexing.cutting.parse import MOST_CHARACTERS, parse
from streams.messages.changes import Document


def document(text, media_type="text/plain"):
    return Document(tenant="acme", id="1", text=text, media_type=media_type)


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "text/markdown", "Text/Markdown; charset=utf-8", " TEXT/PLAIN ;format=flowed"],
)
def test_text_and_markdown_are_read_whatever_their_parameters(media_type):
    assert parse(document("# Bonjour", media_type)).text == "# Bonjour"


@pytest.mark.parametrize("media_type", ["application/msword", "image/png", "", "text", "text/plainer"])
def test_any_other_media_type_is_refused_with_those_that_are_read(media_type):
    with pytest.raises(Rejected, match="text/plain, text/markdown") as caught:
        parse(document("<p>", media_type))
    assert caught.value.code == "unsupported_media_type"


def test_line_ends_are_normalised_and_nul_characters_dropped():
    assert parse(document("a\r\nb\rc\n\0d\0")).text == "a\nb\nc\nd"


def test_half_a_surrogate_pair_is_refused_with_where_it_stands():
    with pytest.raises(Rejected, match="character 3") as caught:
        parse(document("abc\ud800"))
    assert caught.value.code == "not_utf8"


def test_an_empty_text_is_a_text():
    assert parse(document("")).text == ""


def test_a_text_longer_than_is_indexed_is_refused_with_how_long_it_is():
    with pytest.raises(Rejected, match="16777217 characters") as caught:
        parse(document("a" * (MOST_CHARACTERS + 1)))
    assert caught.value.code == "too_large"
