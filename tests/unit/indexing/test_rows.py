"""Rows that are deleted, moved and renamed, as change-data-capture tells of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streams.messages.held import current
from streams.messages.position import Position
from streams.messages.receipts import PassageCounts
from tests.unit.indexing.shelf import row


async def test_a_delete_that_names_only_its_key_finds_tenant_and_id_through_the_head(shelf):
    await shelf.apply(row("7", 1, "one\n\ntwo", tenant="acme", id="article-7", readers=("g",)))
    applied = await shelf.apply(row("7", 2, None))
    assert (applied.outcome, applied.reason) == ("deleted", None)
    assert (applied.tenant, applied.document_id) == ("acme", "article-7")
    assert applied.passages == PassageCounts(removed=2)
    assert await shelf.shown() == {}
    await shelf.tidy()
    assert await shelf.on_disk() == 0


@pytest.mark.parametrize("named", [{}, {"tenant": "acme", "document_id": "article-7"}])
async def test_a_delete_of_what_is_not_there_is_absent_and_keeps_older_changes_out(shelf, named):
    applied = await shelf.apply(replace(row("7", 2, None, time=5), **named))
    assert (applied.outcome, applied.reason) == ("ignored", "absent")
    assert (applied.tenant, applied.document_id) == (named.get("tenant"), named.get("document_id"))
    assert (await shelf.apply(row("7", 1, "old", time=4))).reason == "stale"
    assert await shelf.shown() == {}


async def test_a_tombstone_after_its_delete_has_the_deletes_time_and_nothing_to_do(shelf):
    await shelf.apply(row("7", 1, "one", time=4, order=1), row("7", 2, None, time=5, order=2))
    applied = await shelf.apply(row("7", 3, None))
    assert (applied.outcome, applied.reason) == ("ignored", "absent")
    assert applied.position == Position(5, 2, 3, 3)
    assert (await shelf.apply(row("7", 4, "late", time=4, order=9))).reason == "stale"
    assert (await shelf.apply(row("7", 5, "again", time=5, order=3))).outcome == "indexed"
    assert await shelf.shown() == {"7": ("t", "again")}


async def test_a_tombstone_that_comes_again_after_the_row_was_written_anew_is_stale(shelf):
    said = [
        row("7", 1, "one", time=4),
        row("7", 2, None, time=5),
        row("7", 3, None),
        row("7", 4, "new", time=6),
    ]
    await shelf.apply(*said)
    for again in said[1:3]:
        assert (await shelf.apply(again)).reason == "stale"
    assert await shelf.shown() == {"7": ("t", "new")}


async def test_where_compaction_left_only_the_tombstone_the_document_goes(shelf):
    await shelf.apply(row("7", 1, "one", time=4))
    applied = await shelf.apply(row("7", 9, None))
    assert (applied.outcome, applied.tenant, applied.document_id) == ("deleted", "t", "7")
    assert applied.position == Position(4, 0, 9, 9)
    assert await shelf.shown() == {}


async def test_where_a_new_index_sees_only_the_tombstone_the_row_can_still_be_written_anew(shelf):
    applied = await shelf.apply(row("7", 9, None))
    assert (applied.outcome, applied.reason) == ("ignored", "absent")
    assert (await shelf.apply(row("7", 10, "new", time=6))).outcome == "indexed"
    assert await shelf.shown() == {"7": ("t", "new")}


async def test_a_move_takes_the_document_out_of_its_old_tenant_in_one_step(shelf):
    await shelf.apply(row("7", 1, "one\n\ntwo", tenant="acme"))
    applied = await shelf.apply(row("7", 2, "one\n\ntwo", tenant="globex"))
    assert (applied.outcome, applied.tenant, applied.passages.embedded) == ("indexed", "globex", 0)
    assert await shelf.shown() == {"7": ("globex", "one", "two")}
    assert await shelf.on_disk() == 4
    await shelf.tidy()
    assert await shelf.on_disk() == 2
    assert await shelf.shown() == {"7": ("globex", "one", "two")}


async def test_a_delete_that_names_only_its_key_finds_a_document_that_has_moved(shelf):
    await shelf.apply(row("7", 1, "one", tenant="acme", id="a"), row("7", 2, "one", tenant="globex", id="b"))
    applied = await shelf.apply(row("7", 3, None))
    assert (applied.outcome, applied.tenant, applied.document_id) == ("deleted", "globex", "b")
    await shelf.tidy()
    assert (await shelf.on_disk(), await shelf.shown()) == (0, {})


async def test_a_document_that_moves_there_and_back_is_whole_in_its_first_tenant(shelf):
    await shelf.apply(
        row("7", 1, "one", tenant="acme"),
        row("7", 2, "one", tenant="globex"),
        row("7", 3, "one\n\ntwo", tenant="acme"),
    )
    await shelf.tidy()
    assert await shelf.shown() == {"7": ("acme", "one", "two")}
    assert await shelf.on_disk() == 2


async def test_new_readers_and_a_new_id_embed_nothing_and_leave_nothing_behind(shelf):
    await shelf.apply(row("7", 1, "one", readers=("g",)))
    await shelf.apply(row("7", 2, "one", readers=("h",)), row("7", 3, "one", readers=("h",), id="other"))
    assert shelf.embedder.embedded == ["one"]
    await shelf.tidy()
    head = current(await shelf.heads(row("7", 1).key))
    assert (head.readers, head.document_id) == (("h",), "other")
    assert await shelf.on_disk() == 1


async def test_a_row_whose_key_changes_is_deleted_there_and_new_here(shelf):
    await shelf.apply(row("7", 1, "one", time=4))
    gone, new = row("7", 2, None, time=5), row("8", 3, "one", time=5)
    for order in ([gone, new], [new, gone]):
        await shelf.apply(*order)
        assert await shelf.shown() == {"8": ("t", "one")}
    await shelf.tidy()
    assert await shelf.on_disk() == 1


async def test_a_key_change_that_one_record_holds_is_two_documents_of_one_place(shelf):
    await shelf.apply(row("7", 1, "one", time=4))
    await shelf.apply(row("7", 2, None, time=5), row("8", 2, "one", time=5))
    assert await shelf.shown() == {"8": ("t", "one")}
    for again in (row("7", 2, None, time=5), row("8", 2, "one", time=5)):
        assert (await shelf.apply(again)).reason == "stale"


async def test_a_record_with_several_rows_of_one_document_ends_as_its_last_row(shelf):
    rows = [row("7", 2, text, time=5, order=n) for n, text in enumerate(["one", None, "two", "three"])]
    await shelf.apply(row("7", 1, "zero", time=5, order=0), *rows)
    assert await shelf.shown() == {"7": ("t", "three")}
    for again in rows:
        assert (await shelf.apply(again)).reason == "stale"
    assert await shelf.shown() == {"7": ("t", "three")}


async def test_whatever_order_they_come_in_the_last_state_is_the_same(shelf):
    said = [
        row("7", 1, "one", time=4, tenant="acme"),
        row("7", 2, None, time=5),
        row("7", 4, "two", time=6, tenant="globex"),
        row("7", 5, "two\n\nthree", time=7, tenant="acme"),
    ]
    for order in (said[::-1], said[2:] + said[:2], said):
        await shelf.apply(*order)
        assert await shelf.shown() == {"7": ("acme", "two", "three")}
    await shelf.tidy()
    assert await shelf.on_disk() == 2
