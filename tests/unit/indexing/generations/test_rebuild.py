"""What the index holds of a document is enough to make it again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from streams.indexing.cutting.chunk import Chunking, chunk
from streams.indexing.cutting.parse import parse
from streams.indexing.generations.rebuild import rebuilt, text_of
from streams.indexing.plan import plan
from streams.indexing.truncate import floor_of
from streams.messages.changes import Change, Document, Truncation
from streams.messages.records import Offset
from streams.stores.encoded import decoded_head, encoded_head

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PIECES = [
    "word",
    "Two words.",
    "# Heading",
    "- item",
    "    code",
    "```",
    "é",
    "\n",
    "\n\n",
    " ",
    "\t",
    "x" * 90,
    "\r\n",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
CHUNKINGS = st.builds(Chunking, max_tokens=st.integers(16, 60), target_chars=st.integers(16, 200))
MEDIA_TYPES = st.sampled_from(["text/plain", "text/markdown", "text/Markdown; charset=utf-8"])


def cut(document, chunking):
    parsed = parse(document)
    return chunk(parsed.text, media_type=parsed.media_type, chunking=chunking)


def held(document, chunking, **about):
    """The head that a document gets, as a store gives it back, and its passages' texts."""
    change = Change(
        **{"source": "s", "record_key": "k", "timestamp": 5, "at": Offset(topic="t", partition=3, offset=9)}
        | about
        | {"document": document}
    )
    planned = plan(None, change, cut(document, chunking) if document else (), written=NOW)
    return decoded_head(encoded_head(planned.head)), {draft.id: draft.text for draft in planned.drafts}


@given(TEXTS, MEDIA_TYPES, CHUNKINGS, CHUNKINGS)
def test_a_document_made_again_is_cut_as_the_first_one_whatever_the_chunking(text, media_type, one, other):
    document = Document(tenant="t", id="d", text=text, media_type=media_type)
    again = rebuilt(*held(document, one)).document
    assert cut(again, other) == cut(document, other)


def test_it_stands_where_it_stood_with_all_that_was_true_of_it():
    document = Document(
        tenant="t", id="d", text="# A\n\ntext", title="T", media_type="text/markdown", url="https://x",
        language="fr", readers=("g", "h"), metadata=("a=1",),
    )  # fmt: skip
    head, texts = held(document, Chunking(64), time=7, order=3, row={"body": "b"})
    change = rebuilt(head, texts)
    assert change.document == document
    assert change.key == head.document_key
    again = plan(None, change, cut(change.document, Chunking(64)), written=NOW).head
    assert again == head


def test_a_deletion_is_a_deletion_again_even_of_what_nobody_ever_saw():
    for about in ({"tenant": "t", "document_id": "d", "time": 7}, {}):
        head, texts = held(None, Chunking(64), **about)
        change = rebuilt(head, texts)
        assert plan(None, change, (), written=NOW).head == head


def test_a_head_from_before_white_space_was_kept_gets_as_much_as_there_was():
    head, texts = held(Document(tenant="t", id="d", text="  one two. " * 40), Chunking(16, 16))
    bare = replace(head, passages=tuple(replace(entry, gap=None) for entry in head.passages))
    assert decoded_head(encoded_head(bare)) == bare
    assert len(text_of(bare, texts)) == len(text_of(head, texts))
    assert text_of(bare, texts).split() == text_of(head, texts).split()


def test_a_sources_floor_is_the_truncation_that_it_was():
    said = Truncation("s", Offset(topic="docs", partition=3, offset=9), 5, time=7, order=2)
    floor = floor_of(said, None, NOW)
    assert rebuilt(floor, {}) == said
