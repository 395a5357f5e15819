"""A tombstone right behind a deletion of its row has that one's time; any other has none."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from streams.agents.pump.work import Combined
from streams.agents.superseding import supersede
from streams.indexing.plan import plan
from streams.messages.changes import Change, Document, Ignored
from streams.messages.records import Offset
from streams.sources import Tombstones


def gone(offset, *, key="k", time=None, order=None, partition=0):
    at = Offset(topic="cms", partition=partition, offset=offset)
    return Change("cms", key, at, 1000, time=time, order=order)


DELETION = gone(5, time=70, order=3)


def dated(*said):
    tombstones = Tombstones()
    (last,) = [tombstones.dated((one,)) for one in said][-1]
    return last.time, last.order


def test_right_behind_its_deletion_it_has_that_ones_time():
    assert dated(DELETION, gone(6)) == (70, 3)
    assert dated(DELETION, gone(6), gone(7)) == (70, 3)
    assert dated(DELETION, gone(0, key="x", partition=1), gone(6)) == (70, 3)


def test_what_is_sent_back_in_between_keeps_no_tombstone_from_its_deletion():
    back, other = gone(1, key="old", time=10, order=1), gone(3, key="older", time=20, order=2)
    assert dated(DELETION, back, gone(6)) == (70, 3)
    assert dated(DELETION, back, gone(2, key="old"), gone(6)) == (70, 3)
    assert dated(DELETION, back, other, gone(2, key="old")) == (10, 1)
    assert dated(DELETION, back, other, gone(2, key="old"), gone(4, key="older")) == (20, 2)


def test_what_is_delivered_again_has_its_deletions_time():
    assert dated(DELETION, gone(9, key="z", time=90), DELETION, gone(6)) == (70, 3)


def test_of_many_that_are_sent_back_the_last_are_remembered():
    many = [gone(offset, key=str(offset), time=offset) for offset in range(10, 4000, 2)]
    assert dated(gone(5000, time=70), *many, gone(3999, key="3998")) == (3998, None)
    assert dated(gone(5000, time=70, order=3), *many, gone(5001)) == (70, 3)


def test_it_is_of_the_same_statement_as_its_deletion():
    """So that it is as late as that one, where the deletion itself is a dead letter, and waits no longer."""
    deletion = replace(gone(5, time=60, order=4), early=True)
    tombstones = Tombstones()
    tombstones.dated((deletion,))
    (tombstone,) = tombstones.dated((gone(6),))
    written = replace(gone(4, time=70, order=3), document=Document(tenant="t", id="x", text=""), early=True)
    held = plan(None, written, (), written=datetime(2026, 11, 26, tzinfo=UTC)).head
    assert plan(held, tombstone, (), written=held.written).outcome == "deleted"
    assert supersede([deletion, tombstone]) == Combined(2, 1)


@pytest.mark.parametrize("tombstone", [gone(7), gone(6, key="x"), gone(6, partition=1), gone(4)])
def test_elsewhere_it_has_none(tombstone):
    assert dated(DELETION, tombstone) == (None, None)


def test_a_deletion_with_a_time_keeps_it():
    assert dated(DELETION, gone(6, time=80, order=1)) == (80, 1)


def test_whatever_else_a_record_says_stays_as_it_is():
    written = replace(gone(6), document=Document(tenant="t", id="x", text=""))
    tombstones = Tombstones()
    tombstones.dated((DELETION,))
    for said in ((Ignored("heartbeat"),), (written,), (gone(6), gone(6)), ()):
        assert tombstones.dated(said) == said
