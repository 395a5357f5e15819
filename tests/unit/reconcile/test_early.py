"""Changes of one server's log whose times are when their statements began, met in any order."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from streams.indexing.plan import plan
from streams.messages.changes import Change, Document
from streams.messages.early import LONGEST_NS
from streams.messages.records import Offset
from streams.reconcile.spool import Letter, Read, Spool
from streams.reconcile.verdict import compare
from tests.unit.reconcile.logs import TOPIC, WRITTEN

documents = st.none() | st.just(Document("t", "k", "text"))
statements = st.tuples(st.integers(0, LONGEST_NS), documents)
logs = st.lists(statements, min_size=1, max_size=6).map(
    lambda drawn: [change(offset, *one) for offset, one in enumerate(drawn)]
)


def change(offset, began, document=None):
    at = Offset(topic=TOPIC, partition=0, offset=offset)
    time, order = LONGEST_NS + began, 10 + offset
    return Change(TOPIC, "k", at, 1000 + offset, document, time=time, order=order, early=True)


def applied(changes, head=None):
    for one in changes:
        head = plan(head, one, (), written=WRITTEN).head or head
    return head


def verdict(log, head, dead=()):
    with Spool() as spool:
        spool.bury(Letter(one.at) for one in dead)
        spool.take(Read(one) for one in log)
        (said,) = spool.spoken([log[0].key]).values()
    return compare(said.wanted, said.dead, head)


@given(logs.flatmap(lambda log: st.tuples(st.just(log), st.permutations(log))))
def test_the_last_in_the_log_is_the_document_whatever_order_they_are_applied_in(drawn):
    log, order = drawn
    head = applied(order)
    assert (head.offset, head.deleted) == (log[-1].at.offset, log[-1].document is None)
    assert verdict(log, head) is None


@given(logs, st.data())
def test_a_dead_letter_that_is_sent_back_never_goes_before_what_came_after_it(log, data):
    dead = data.draw(st.lists(st.sampled_from(log), unique_by=id))
    head = applied(one for one in log if one not in dead)
    assert verdict(log, head, dead) == ("dead" if log[-1] in dead else None)
    head = applied(data.draw(st.permutations(dead)), head)
    assert verdict(log, head) is None
    assert verdict(log, head, dead) is None


def test_a_deletion_that_began_first_and_came_last_is_not_undone():
    written, gone = change(1, 20, Document("t", "k", "text")), change(2, 10)
    assert applied([gone, written]).deleted
    assert verdict([written, gone], applied([gone]), [written]) is None


def test_the_numbers_of_another_server_are_lower_and_its_changes_count():
    before, after = change(5, 10), replace(change(6, 20, Document("t", "k", "text")), order=1)
    assert not applied([before, after]).deleted
    assert verdict([before, after], applied([before, after])) is None
    assert not applied([before, after, before]).deleted, (
        "nor does a topic that is read again bring back old ones"
    )


def test_what_began_more_than_an_hour_after_is_no_earlier():
    written, gone = change(1, LONGEST_NS + 1, Document("t", "k", "text")), change(2, 0)
    assert not applied([gone, written]).deleted
