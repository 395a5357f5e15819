"""A table that is followed through Debezium: whatever connector and database go through, the index equals it.

The connector here writes what a real one writes: changes in the order of commits, a tombstone after each
deletion, placeholders for large values that did not change; it sends stretches again, loses some, reads
snapshots whose times are later than changes still to come, and its database's log starts again.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from streams.agents.pump.work import Combined
from streams.agents.superseding import supersede
from streams.errors import Rejected
from streams.messages.changes import Change
from streams.messages.records import Record
from streams.sources import Source, Tombstones, decode
from tests.unit.indexing.memory_store import MemoryStore
from tests.unit.indexing.shelf import Shelf

UNAVAILABLE = "__debezium_unavailable_value"
SOURCE = Source("cms", "debezium", id="{id}", text="{title}\n\n{body}", tenant="t", on_truncate="delete")
HOUR = 3600 * 10**9


@dataclass
class Followed:
    """A table, its log, its connector, and the topic that this writes to: one log of records a partition."""

    rows: dict = field(default_factory=dict)
    now: int = 1_700_000_000 * 10**9
    lsn: int = 1000
    sent: list = field(default_factory=list)
    partitions: tuple = ((), ())
    captured: bool = True
    writes: int = 0

    def commit(self, *changes):
        """One transaction; each change has a place of its own in the log."""
        self.now += 1000
        events = []
        for change in changes:
            events += [(*event, {})[:3] for event in getattr(self, change[0])(*change[1:])]
        if self.captured:
            self.sent += events
            self._send(events)

    def write(self, id_, title, body):
        old, self.writes = self.rows.get(id_), self.writes + 1
        new = {
            "id": id_,
            "title": f"{title} {self.writes}",
            "body": (old or {}).get("body", "new") if body is None else f"{body} {self.writes}",
        }
        self.rows[id_] = new
        told = new | {"body": UNAVAILABLE} if old and body is None else new
        yield self._event("u" if old else "c", id_, after=told)

    def delete(self, id_):
        if self.rows.pop(id_, None):
            yield self._event("d", id_)
            yield id_, None

    def move(self, id_, to):
        """Gives a row another key: a deletion, and a new row that leaves out what is large, of one place."""
        if to not in self.rows and (row := self.rows.pop(id_, None)):
            yield *self._event("d", id_), {"__debezium.newkey": {"id": to}}
            yield id_, None
            self.lsn -= 10
            self.rows[to] = row | {"id": to}
            told = self.rows[to] | {"body": UNAVAILABLE}
            yield *self._event("c", to, after=told), {"__debezium.oldkey": {"id": id_}}

    def truncate(self):
        self.rows.clear()
        yield self._event("t", None)

    def send_again(self, count):
        """What a connector does that crashed before its offsets were written; a tombstone is never alone."""
        again = self.sent[-count:]
        if again and again[0][1] is None:
            again = self.sent[-count - 1 :]
        self._send(again)

    def lose(self):
        """The slot is dropped: what is committed now is never seen, until a snapshot is read."""
        self.captured = False

    def snapshot(self):
        """Reads all rows anew; by its clock much later than the changes that follow."""
        if not self.captured:
            self.captured, self.sent = True, []
        self._send([(*self._read(id_, "true"), {}) for id_ in self.rows])

    def incremental(self):
        """Reads all rows beside the stream."""
        if self.captured:
            self._send([(*self._read(id_, "incremental"), {}) for id_ in self.rows])

    def fail_over(self):
        """Another server takes over, whose log counts from elsewhere; the clock goes on."""
        self.lsn = 1 + self.lsn % 7

    def _event(self, op, id_, after=None):
        self.lsn += 10
        info = {"connector": "postgresql", "ts_ns": self.now, "lsn": self.lsn, "snapshot": "false"}
        return id_, {"op": op, "before": None, "after": after, "source": info}

    def _read(self, id_, kind):
        info = {"connector": "postgresql", "ts_ns": self.now + HOUR, "lsn": self.lsn, "snapshot": kind}
        return id_, {"op": "r", "before": None, "after": self.rows[id_], "source": info}

    def _send(self, events):
        logs = [list(log) for log in self.partitions]
        for id_, value, headers in events:
            log = logs[(id_ or 0) % 2]
            key = None if id_ is None else json.dumps({"id": id_}).encode()
            data = None if value is None else json.dumps(value).encode()
            stamp = 1_700_000_000_000 + sum(map(len, logs))
            named = tuple((name, json.dumps(one).encode()) for name, one in headers.items())
            log.append(Record("cms", (id_ or 0) % 2, len(log), stamp, key, data, named))
        self.partitions = tuple(map(tuple, logs))


ids = st.integers(0, 3)
writes = st.tuples(st.just("write"), ids, st.sampled_from("ab"), st.none() | st.sampled_from("xy"))
deletes = st.tuples(st.just("delete"), ids)
moves = st.tuples(st.just("move"), ids, ids)
transactions = st.lists(st.one_of(writes, writes, deletes, moves), min_size=1, max_size=4)
lost = st.lists(st.lists(writes, min_size=1, max_size=3), max_size=3)
seen = st.one_of(
    st.tuples(st.just("commit"), transactions),
    st.tuples(st.just("commit"), transactions),
    st.tuples(st.just("send_again"), st.integers(1, 8)),
    st.just(("snapshot",)),
    st.just(("incremental",)),
    st.just(("fail_over",)),
)
steps = st.one_of(seen, st.tuples(st.just("lost"), lost))


def followed(history):
    table = Followed()
    for name, *arguments in history:
        if name == "commit":
            table.commit(*arguments[0])
        elif name == "lost":
            table.lose()
            for changes in arguments[0]:
                table.commit(*changes)
            table.snapshot()
        else:
            getattr(table, name)(*arguments)
    return table


@dataclass
class Worker:
    """Applies records as the indexing agent does."""

    shelf: Shelf = field(default_factory=lambda: Shelf(MemoryStore()))
    tombstones: Tombstones = field(default_factory=Tombstones)

    def said(self, records):
        """What records say of one document, which waited in line together, or one that is of none."""
        return [
            one
            for record in records
            for one in self.tombstones.dated(decode(SOURCE, record, max_bytes=10**6))
        ]

    async def apply(self, waiting):
        """Applies changes; those that are left where a row that moved waits for its old key's deletion."""
        while waiting:
            chosen = supersede(waiting) if isinstance(waiting[0], Change) else Combined()
            winner = waiting[chosen.winner]
            try:
                await self.shelf.apply(winner)
            except Rejected:
                assert winner.moved_from is not None
                return waiting
            waiting = waiting[chosen.length :]
        return waiting


async def applied(partitions, turns, *, combine):
    """What can be found once a worker has applied the records, the partitions taking turns."""
    worker, logs, left = Worker(), [list(log) for log in partitions], [[], []]
    while any(logs) or any(left):
        first = turns.pop() % 2 if turns else 0
        for which in (first, 1 - first):
            if not left[which] and (log := logs[which]):
                records = [log.pop(0)]
                while combine and log and log[0].key == records[0].key:
                    records.append(log.pop(0))
                left[which] = worker.said(records)
            before, left[which] = left[which], await worker.apply(left[which])
            if len(left[which]) < len(before):
                break
        else:
            raise AssertionError("each partition waits for the other")
    return await worker.shelf.shown()


def wanted(table):
    return {
        json.dumps({"id": str(id_)}, separators=(",", ":")): ("t", row["title"], row["body"])
        for id_, row in table.rows.items()
    }


WRITTEN, DELETED, HALF = ("write", 1, "a", "x"), ("delete", 1), ("write", 1, "b", None)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, max_size=12), st.lists(st.integers(0, 1)), st.booleans())
@example(
    [
        ("commit", [WRITTEN]),
        ("commit", [DELETED]),
        ("commit", [WRITTEN]),
        ("commit", [HALF]),
        ("send_again", 8),
    ],
    [],
    False,
)
@example([("commit", [WRITTEN]), ("commit", [HALF]), ("commit", [("move", 1, 2)])], [], True)
@example([("commit", [WRITTEN]), ("commit", [("move", 1, 2)])], [0], False)
@example([("commit", [WRITTEN, ("move", 1, 3), ("delete", 1)]), ("send_again", 8)], [], False)
@example([("commit", [WRITTEN]), ("incremental",), ("commit", [WRITTEN])], [], False)
@example([("commit", [WRITTEN]), ("lost", [[WRITTEN]]), ("commit", [HALF])], [], True)
@example([("commit", [WRITTEN]), ("fail_over",), ("commit", [WRITTEN, DELETED, WRITTEN, HALF])], [], True)
def test_the_index_equals_the_table_whatever_happens_to_the_connector(history, turns, combine):
    table = followed(history)
    assert asyncio.run(applied(table.partitions, turns, combine=combine)) == wanted(table)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, max_size=5), st.lists(seen, max_size=5), st.lists(st.integers(0, 1)))
def test_a_truncated_table_is_empty_until_rows_come_again(before, after, turns):
    table = followed([*before, ("commit", [("truncate",)]), *after])
    assert asyncio.run(applied(table.partitions, turns, combine=False)) == wanted(table)


commits = st.tuples(
    st.just("commit"), st.lists(st.one_of(writes, writes, deletes, moves, st.just(("truncate",))))
)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(commits, steps), max_size=8), st.integers(1, 12))
def test_what_a_connector_sends_again_changes_nothing_at_any_moment(history, count):
    table = followed(history)
    ends = [len(log) for log in table.partitions]
    table.send_again(count)
    again = [record for log, end in zip(table.partitions, ends, strict=True) for record in log[end:]]

    async def watch():
        worker = Worker()
        first = [record for log, end in zip(table.partitions, ends, strict=True) for record in log[:end]]
        for record in sorted(first, key=lambda one: one.timestamp):
            assert not await worker.apply(worker.said([record]))
        for record in again:
            assert not await worker.apply(worker.said([record]))
            assert await worker.shelf.shown() == wanted(table)

    asyncio.run(watch())
