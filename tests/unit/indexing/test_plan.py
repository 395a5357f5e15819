from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from streams.indexing.order import position_of, repeats, stale
from streams.indexing.plan import passage, plan
from streams.messages.changes import Change, Document
from streams.messages.held import content_hash, current
from streams.messages.position import Position
from streams.messages.records import Offset
from tests.unit.indexing.stepping import CHUNKING, paragraphs

WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)


def change(offset, text="", *, partition=0, timestamp=None, time=None, order=None, **document):
    made = None if text is None else Document(**{"tenant": "t", "id": "d", "text": text, **document})
    return Change(
        source="s",
        record_key="k",
        at=Offset(topic="docs", partition=partition, offset=offset),
        timestamp=offset if timestamp is None else timestamp,
        document=made,
        time=time,
        order=order,
    )


def planned(change_, *heads):
    text = change_.document.text if change_.document else ""
    return plan(current(heads), change_, paragraphs(text, media_type="", chunking=CHUNKING), written=WRITTEN)


def ids(head):
    return [entry.id for entry in head.passages]


def test_a_new_document_is_embedded_whole():
    made = planned(change(1, "a\n\nb"))
    assert made.outcome == "indexed"
    assert [(draft.text, draft.copy) for draft in made.drafts] == [("a", None), ("b", None)]
    assert ids(made.head) == [draft.id for draft in made.drafts]
    assert [(entry.start, entry.end) for entry in made.head.passages] == [(0, 1), (3, 4)]
    assert [entry.content_hash for entry in made.head.passages] == [content_hash("a"), content_hash("b")]


def test_a_paragraph_inserted_above_changes_no_other_passage():
    first = planned(change(1, "a\n\nb")).head
    made = planned(change(2, "new\n\na\n\nb"), first)
    assert [draft.text for draft in made.drafts] == ["new"]
    assert ids(made.head)[1:] == ids(first)
    assert made.removed == 0


def test_the_same_content_again_is_unchanged_and_lists_the_same_passages():
    first = planned(change(1, "a\n\nb")).head
    made = planned(change(2, "a\n\nb"), first)
    assert (made.outcome, made.drafts, made.removed) == ("unchanged", (), 0)
    assert ids(made.head) == ids(first)
    assert made.head.position > first.position


def test_a_new_address_is_a_change_though_every_passage_is_kept():
    first = planned(change(1, "a")).head
    made = planned(change(2, "a", url="https://example.org"), first)
    assert (made.outcome, made.drafts) == ("indexed", ())


def test_new_readers_mean_new_passages_with_copied_vectors():
    first = planned(change(1, "a\n\nb", readers=("*",))).head
    for other in ({"readers": ("g",)}, {"title": "T"}, {"metadata": ("k=v",)}, {"tenant": "u"}):
        made = planned(change(2, "a\n\nb", **other), first)
        assert [draft.copy for draft in made.drafts] == ids(first), other
        assert not set(ids(made.head)) & set(ids(first)), other
        assert (made.outcome, made.removed) == ("indexed", 0), other


def test_a_move_is_one_step_of_one_document():
    first = planned(change(1, "a")).head
    made = planned(change(2, "a", tenant="u", id="e"), first)
    assert made.head.document_key == first.document_key
    assert (made.head.tenant, made.head.document_id) == ("u", "e")


def test_a_text_that_stands_twice_is_two_passages_embedded_once():
    made = planned(change(1, "a\n\na"))
    assert len(set(ids(made.head))) == 2
    assert len({draft.content_hash for draft in made.drafts}) == 1
    again = planned(change(2, "a\n\na\n\na"), made.head)
    assert ids(again.head)[:2] == ids(made.head)
    assert [draft.copy is not None for draft in again.drafts] == [True]
    fewer = planned(change(3, "a"), again.head)
    assert ids(fewer.head) == ids(made.head)[:1]
    assert fewer.removed == 2


def test_a_deletion_takes_tenant_and_id_from_the_document():
    first = planned(change(1, "a\n\nb")).head
    made = planned(change(2, None), first)
    assert (made.outcome, made.reason, made.removed) == ("deleted", None, 2)
    assert (made.head.deleted, made.head.passages, made.head.readers) == (True, (), ())
    assert (made.head.tenant, made.head.document_id) == ("t", "d")


def test_a_deletion_of_what_is_not_there_still_writes_a_head():
    unknown = planned(change(1, None))
    assert (unknown.outcome, unknown.reason) == ("ignored", "absent")
    assert (unknown.head.deleted, unknown.head.tenant, unknown.head.document_id) == (True, None, None)
    named = planned(replace(change(1, None), tenant="t", document_id="d"))
    assert (named.head.tenant, named.head.document_id) == ("t", "d")
    twice = planned(change(2, None), named.head)
    assert (twice.outcome, twice.reason) == ("ignored", "absent")
    assert twice.head.position > named.head.position
    assert (twice.head.tenant, twice.head.document_id) == ("t", "d")


def test_a_document_that_was_deleted_comes_back_embedded_anew():
    deleted = planned(change(2, None), planned(change(1, "a")).head).head
    made = planned(change(3, "a"), deleted)
    assert made.outcome == "indexed"
    assert [draft.copy for draft in made.drafts] == [None]


def test_an_empty_document_that_stays_empty_is_unchanged_and_one_that_was_deleted_is_not():
    first = planned(change(1, "")).head
    assert planned(change(2, ""), first).outcome == "unchanged"
    assert planned(change(3, ""), planned(change(2, None), first).head).outcome == "indexed"


def test_at_or_below_the_documents_position_a_change_is_stale():
    head = planned(change(5, "a", time=7)).head
    for late in (change(5, "b", time=7), change(4, "b", time=7), change(9, "b", time=6)):
        made = planned(late, head)
        assert (made.outcome, made.reason, made.head, made.base) == ("ignored", "stale", None, head)


def test_the_highest_head_is_the_document_whatever_order_they_come_in():
    low, high = planned(change(1, "a")).head, planned(change(2, "b")).head
    for heads in ((low, high), (high, low)):
        assert planned(change(3, "b"), *heads).outcome == "unchanged"


def test_without_time_and_order_of_its_own_a_change_has_the_documents():
    head = planned(change(1, "a", time=70, order=3)).head
    assert position_of(change(2, None), head) == Position(70, 3, 2, 2)
    assert position_of(change(2, None), None) == Position(0, 0, 2, 2)
    assert position_of(change(2, "b", time=71), head) == Position(71, 0, 2, 2)


def test_what_stands_later_in_the_log_is_later_though_its_statement_began_before():
    head = planned(change(5, "a", time=70, order=3)).head
    last = replace(change(6, "b", time=60, order=4), early=True)
    assert position_of(last, head) == Position(70, 4, 6, 6)
    after = planned(last, head).head
    assert stale(change(6, "b", time=60, order=4), head), "a time that is the commit's decides"
    assert stale(replace(change(7, "a", time=70, order=3), early=True), after), "the one before, sent again"
    assert stale(last, after), "sent again"
    assert repeats(last, after)
    assert stale(replace(change(8, "c", time=60, order=2), early=True), head), "before it in the log"


def test_what_began_more_than_an_hour_before_may_be_of_another_log():
    hour = 3_600 * 10**9
    head = planned(change(5, "a", time=hour + 10, order=3)).head
    assert not stale(replace(change(6, "b", time=10, order=4), early=True), head)
    assert stale(replace(change(6, "b", time=9, order=4), early=True), head)


def test_a_change_that_is_carried_on_has_the_later_of_the_time_that_it_inherited_and_the_documents():
    carried = replace(change(5, "b", time=70, order=3), inherited=True)
    assert position_of(carried, None) == Position(70, 3, 5, 5)
    assert position_of(carried, planned(change(1, "a")).head) == Position(70, 3, 5, 5)
    assert position_of(carried, planned(change(1, "a", time=80)).head) == Position(80, 0, 5, 5)
    assert not planned(carried).head.timed
    assert planned(change(5, "b", order=3)).head.timed


def test_a_later_record_of_the_same_partition_is_later_whatever_its_timestamp():
    head = planned(change(5, "a", timestamp=100)).head
    assert position_of(change(6, "b", timestamp=90), head) == Position(0, 0, 100, 6)
    assert not stale(change(6, "b", timestamp=90), head)
    assert stale(change(6, "b", timestamp=90, partition=1), head)
    assert stale(change(4, "b", timestamp=90), head)


def test_a_record_without_a_timestamp_has_the_lowest():
    assert position_of(change(1, "a", timestamp=-1), None) == Position(0, 0, 0, 1)


def test_a_passage_carries_what_its_head_says():
    made = planned(change(1, "a", title="T", readers=("g",), metadata=("k=v",)))
    one = passage(made.head, made.drafts[0].id, "a", (1.0,), WRITTEN)
    assert (one.tenant, one.title, one.readers, one.metadata) == ("t", "T", ("g",), ("k=v",))
    assert one.born == made.head.position


texts = st.lists(st.sampled_from("abc"), max_size=6).map("\n\n".join)


@given(texts, texts)
def test_whatever_is_edited_kept_and_new_are_told_apart_by_text_alone(before, after):
    first = planned(change(1, before)).head
    made = planned(change(2, after), first)
    new = {draft.id for draft in made.drafts}
    assert set(ids(made.head)) - set(ids(first)) == new
    assert len(set(ids(made.head))) == len(made.head.passages)
    kept = len(made.head.passages) - len(new)
    assert made.removed == len(first.passages) - kept
