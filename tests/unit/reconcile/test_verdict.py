"""What is found to be wrong with a document, against a pure replay of what was said of it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from streams.messages.changes import Change, Document
from streams.messages.position import Position
from streams.reconcile.spool import Letter, Read, Spool
from streams.reconcile.standing import over
from streams.reconcile.verdict import Reach, compare, doubt
from tests.unit.indexing.replay import State
from tests.unit.reconcile.logs import TOPIC, head_of, logs, state_of


def spoken(log, dead=()):
    """What the spool makes of a log, read one partition after the other."""
    by_partition = sorted(log, key=lambda change: (change.at.partition, change.at.offset))
    with Spool() as spool:
        spool.bury(Letter(change.at) for change in dead)
        spool.take(Read(change) for change in by_partition)
        return spool.spoken([log[0].key])[log[0].key]


def verdict(log, head, dead=()):
    said = spoken(log, dead)
    return compare(said.wanted, said.dead, head)


@given(logs())
def test_what_counts_of_a_partition_is_what_a_replay_comes_to(log):
    wanted, state = spoken(log).wanted, state_of(log)
    assert (wanted.position, wanted.offset, wanted.deleted) == (
        Position(*state.position),
        state.log[2],
        state.document is None,
    )


@given(logs(), st.integers(0, 7))
def test_an_index_that_lacks_the_end_of_a_log_is_found_by_name_and_only_that(log, upto):
    held, wanted = state_of(log[:upto]), state_of(log)
    there, wanted_there = held is not None and held.document is not None, wanted.document is not None
    expected = {
        (False, True): "missing",
        (True, True): "stale",
        (True, False): "resurrected",
        (False, False): None,
    }[there, wanted_there]
    assert verdict(log, head_of(held)) == (None if held == wanted else expected)


@given(logs(), st.integers(0, 7))
def test_a_compacted_topic_brings_no_false_finding(log, cleaned):
    """The cleaned part of a log holds a key's last record alone."""
    last = log[:cleaned][-1:]
    assert verdict(last + log[cleaned:], head_of(state_of(log))) is None


@given(logs(back=0), st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7))))
def test_stretches_that_came_again_bring_no_false_finding(log, again):
    delivered = log + [change for start, end in again for change in log[start:end]]
    assert verdict(log, head_of(state_of(delivered))) is None


@given(logs(), logs())
def test_an_index_beyond_what_was_read_is_sound(log, more):
    moved = [_after(log, change) for change in more]
    state = state_of(moved, state_of(log))
    assert verdict(log, head_of(state)) is None


def _after(log, change):
    at = change.at.model_copy(update={"offset": log[-1].at.offset + change.at.offset})
    return Change(change.source, change.record_key, at, change.timestamp, change.document, time=change.time,
                  order=change.order)  # fmt: skip


@given(st.booleans().flatmap(lambda own: logs(partitions=3, timed=st.just(own), back=0)), st.randoms())
def test_partitions_met_in_any_order_bring_no_false_finding(log, random):
    queues = {number: [one for one in log if one.at.partition == number] for number in range(3)}
    met = []
    while any(queues.values()):
        met.append(queues[random.choice([number for number in queues if queues[number]])].pop(0))
    assert verdict(log, head_of(state_of(met))) is None


@given(logs(), st.data())
def test_a_dead_letter_is_neither_missing_nor_stale(log, data):
    dead = data.draw(st.lists(st.sampled_from(log), unique_by=id, min_size=1))
    state = state_of([change for change in log if change not in dead])
    kind = verdict(log, head_of(state), dead)
    assert kind in {None, "dead"}
    if log[-1] in dead and log[-1].time is None:
        assert kind == "dead"


@given(st.booleans().flatmap(lambda own: logs(timed=st.just(own), back=0)), st.data())
def test_a_dead_letter_that_was_sent_back_is_told_no_more(log, data):
    dead = [data.draw(st.sampled_from(log))]
    state = state_of([*(change for change in log if change not in dead), *dead])
    assert verdict(log, head_of(state), dead) is None


@given(logs(), st.integers(0, 7))
def test_what_is_applied_of_a_finding_is_found_no_more(log, upto):
    """As `--repair` does it: what counts, at the time that it inherits, on what the index holds."""
    held = state_of(log[:upto])
    assume(held is not None)
    wanted = spoken(log).wanted
    position = over(wanted, Position(*held.position), follows=True)
    change = next(one for one in log if one.at.offset == wanted.offset)
    if change.time is None and position[:2] != (0, 0):
        change = Change(TOPIC, "k", change.at, change.timestamp, change.document, time=position.time,
                        order=position.order)  # fmt: skip
    assert verdict(log, head_of(state_of([change], held))) is None


def an_orphan(offset=5):
    return head_of(State((0, 0, 1000, offset), Document("t", "k", "text"), (TOPIC, 0, offset)))


WHOLE = Reach({0: (0, 9)}, oldest=1000)


def test_an_orphan_is_told_only_where_its_topic_is_all_there():
    assert doubt(an_orphan(), WHOLE, taken=False) is None
    assert doubt(an_orphan(), replace(WHOLE, spans={0: (3, 9)}), taken=False) == "no_beginning"
    assert doubt(an_orphan(), replace(WHOLE, spans={0: (0, 9), 1: (1, 2)}), taken=False) == "no_beginning"
    assert doubt(an_orphan(), None, taken=False) == "no_source"


def test_a_record_that_nobody_can_read_may_be_an_orphans():
    assert doubt(an_orphan(5), replace(WHOLE, unread={0: 6}), taken=False) == "illegible"
    assert doubt(an_orphan(5), replace(WHOLE, unread={0: 4, 1: 8}), taken=False) is None


def test_what_another_record_took_the_place_of_came_from_another_topic():
    assert doubt(an_orphan(), WHOLE, taken=True) == "other_record"


def test_a_topic_that_says_nothing_of_any_document_is_read_in_a_wrong_way():
    assert doubt(an_orphan(), replace(WHOLE, records=5), taken=True) == "says_nothing"
    assert doubt(an_orphan(), replace(WHOLE, records=5, speaking=1), taken=False) is None


def test_a_topic_that_is_right_as_somebody_says_leaves_the_other_doubts():
    assert doubt(an_orphan(), replace(WHOLE, oldest=None), taken=True, trusted=True) is None
    assert doubt(an_orphan(), replace(WHOLE, spans={0: (3, 9)}), taken=True, trusted=True) == "no_beginning"
    assert doubt(an_orphan(5), replace(WHOLE, unread={0: 6}), taken=True, trusted=True) == "illegible"
    assert doubt(an_orphan(), replace(WHOLE, records=5), taken=True, trusted=True) == "says_nothing"


def test_what_is_older_than_a_topic_did_not_come_from_it():
    assert doubt(an_orphan(), replace(WHOLE, oldest=1001), taken=False) == "older"
    assert doubt(an_orphan(), replace(WHOLE, oldest=None), taken=False) == "older"
