"""The pump: order, acknowledgement, what it lets go of, and what it never loses."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import aside
from streams.agents.pump.membership import Partition, Stretch
from streams.agents.pump.positions import Behind
from streams.agents.pump.work import Combined, Kept
from streams.errors import Misconfigured, Rejected, Retryable
from tests.agents.group import Bench, Steps


def text(outgoing, name):
    return dict(outgoing.headers)[name].decode()


async def test_records_of_one_key_are_handled_one_after_the_other():
    async with Bench() as bench:
        for _ in range(3):
            bench.deliver(b"wait", key=b"a")
        for offset in range(3):
            await bench.until(lambda done=offset: bench.work.offsets("start") == list(range(done + 1)))
            bench.work.gates[offset].set()
        await bench.committed(3)


async def test_records_of_other_keys_do_not_wait_but_are_not_committed_past_the_first():
    async with Bench() as bench:
        bench.deliver(b"wait", key=b"slow")
        for key in range(20):
            bench.deliver(key=b"%d" % key)
        await bench.until(lambda: len(bench.work.offsets("done")) == 20)
        assert bench.group.commits == []
        bench.work.gates[0].set()
        await bench.committed(21)


async def test_no_more_than_the_slots_are_handled_at_once():
    async with Bench(slots=3) as bench:
        for key in range(5):
            bench.deliver(b"wait", key=b"%d" % key)
        await bench.handed_over()
        await bench.until(lambda: bench.work.offsets("start") == [0, 1, 2])
        bench.work.gates[1].set()
        await bench.until(lambda: bench.work.offsets("start") == [0, 1, 2, 3])


class Aside:
    """Handlers that look now and then whether something came, and then work for longer than that."""

    def __init__(self, bench):
        self.came, self.working, self.most = asyncio.Event(), 0, 0
        bench.work.acts |= {b"aside": self.wait, b"come": self.come}

    async def come(self, _record):
        self.came.set()

    async def wait(self, _record):
        while not self.came.is_set():
            await aside.sleep(0.001)
        self.working += 1
        self.most = max(self.most, self.working)
        await asyncio.sleep(0.01)
        self.working -= 1


async def test_what_sleeps_aside_leaves_its_slot_to_others():
    async with Bench(slots=1) as bench:
        Aside(bench)
        for key in range(5):
            bench.deliver(b"aside", key=b"%d" % key)
        bench.deliver(b"come", key=b"other")
        await bench.committed(6)


async def test_what_slept_aside_goes_on_in_a_slot_of_its_own():
    async with Bench(slots=2) as bench:
        those = Aside(bench)
        for key in range(20):
            bench.deliver(b"aside", key=b"%d" % key)
        await bench.until(lambda: len(bench.work.offsets("start")) == 20)
        for key in range(20, 40):
            bench.deliver(b"come", key=b"%d" % key)
        await bench.committed(40)
        assert those.most == 2


async def test_records_of_a_key_wait_behind_one_that_sleeps_aside():
    async with Bench(slots=1) as bench:
        Aside(bench)
        bench.deliver(b"aside", key=b"a")
        bench.deliver(key=b"a")
        bench.deliver(key=b"b")
        await bench.until(lambda: bench.work.offsets("done") == [2])
        bench.deliver(b"come", key=b"c")
        await bench.committed(4)
        assert bench.work.offsets("done").index(0) < bench.work.offsets("done").index(1)


async def test_a_drain_does_not_wait_for_what_sleeps_aside():
    async with Bench(slots=1, drain_s=600.0) as bench:
        Aside(bench)
        for key in range(3):
            bench.deliver(b"aside", key=b"%d" % key)
        await bench.until(lambda: len(bench.work.offsets("start")) == 3)
        await asyncio.wait_for(bench.rebalance(), 30)
        assert bench.work.offsets("cancelled")
        assert bench.work.offsets("done") == []


async def test_a_full_window_pauses_its_partition_and_half_of_it_resumes():
    async with Bench(window=4, slots=10) as bench:
        for key in range(4):
            bench.deliver(b"wait", key=b"%d" % key)
        await bench.until(lambda: bench.group.paused == {("t", 0)})
        bench.work.gates[0].set()
        await bench.committed(1)
        assert bench.group.paused
        bench.work.gates[1].set()
        await bench.until(lambda: not bench.group.paused)


@pytest.mark.parametrize("limit", [{"max_pending": 3}, {"max_pending_bytes": 13}])
async def test_no_more_is_read_than_may_be_pending(limit):
    async with Bench(slots=10, **limit) as bench:
        for key in range(6):
            bench.deliver(b"wait", key=b"%d" % key)
        await bench.until(lambda: len(bench.work.offsets("start")) == 3)
        assert bench.pump.pending == 3
        bench.work.gates[0].set()
        await bench.until(lambda: len(bench.work.offsets("start")) == 4)


async def test_of_a_full_window_what_it_waits_for_is_told_until_half_of_it_is_free():
    told = []

    def shut(at):
        told.append(at.offset)
        bench.work.gates[at.offset].set()

    async with Bench(window=4, slots=10, shut=shut) as bench:
        for key in range(8):
            bench.deliver(b"wait", key=b"%d" % key)
        await bench.handed_over()
        await bench.until(lambda: not bench.group.paused)
        assert set(told) <= {0, 1, 2, 3, 4, 5}
        assert 2 <= bench.pump.pending < 4


class Bare(Steps):
    """Keeps nothing of a record but where it stands."""

    def keep(self, record, _items):
        return Kept(record.bare(()), 1)


async def test_what_is_kept_of_a_record_counts_and_not_what_was_read():
    async with Bench(Bare(), slots=10, max_pending_bytes=3) as bench:
        for key in range(6):
            bench.deliver(b"wait", key=b"%d" % key)
        await bench.until(lambda: len(bench.work.offsets("start")) == 3)
        bench.work.gates[0].set()
        await bench.until(lambda: len(bench.work.offsets("start")) == 4)


@pytest.mark.parametrize("there", [True, False])
async def test_a_dead_letter_of_which_little_was_kept_is_what_kafka_has_or_else_a_pointer(there):
    async def again(bare):
        return record if there else bare

    async def dies(_record):
        raise Rejected("dies", code="dies")

    async with Bench(Bare(), again=again) as bench:
        bench.work.acts[b"die"] = dies
        record = bench.deliver(b"die", headers=[("mine", b"1")])
        await bench.committed(1)
    [letter] = bench.produced
    assert text(letter, "dead-code") == "dies"
    if there:
        assert (letter.key, letter.value, text(letter, "mine")) == (b"k", b"die", "1")
    else:
        assert (letter.value, text(letter, "dead-truncated")) == (b"", "3")


async def test_headers_are_among_the_bytes_that_may_be_pending():
    async with Bench(max_pending_bytes=1000) as bench:
        bench.deliver(b"wait", key=b"a", headers=[("h", b"x" * 400)])
        await bench.handed_over()
        assert bench.pump.has_room()
        bench.deliver(b"wait", key=b"b", headers=[("h", b"x" * 400), ("h", b"x" * 400)])
        await bench.handed_over()
        assert not bench.pump.has_room()
        for gate in (0, 1):
            bench.work.gates[gate].set()
        await bench.committed(2)
        assert bench.pump._load._bytes == 0


async def test_how_far_a_partition_is_behind_counts_what_waits_here_and_what_was_not_read_yet():
    async with Bench(slots=1) as bench:
        for key in range(3):
            bench.deliver(b"wait", key=b"%d" % key)
        await bench.until(lambda: bench.pump.pending == 3)
        partition = Partition("t", 0)
        bench.group.waiting = {partition: Stretch(3, 10)}
        assert await bench.pump.behind() == {partition: Behind(0, 10)}
        assert bench.pump.oldest is not None
        for offset in range(3):
            bench.work.gates[offset].set()
        await bench.until(lambda: bench.pump.pending == 0)
        assert await bench.pump.behind() == {partition: Behind(3, 7)}
        assert bench.pump.oldest is None


async def test_a_refused_record_is_a_dead_letter_at_once_and_the_next_goes_on():
    async with Bench() as bench:
        bench.deliver(b"refuse")
        bench.deliver()
        await bench.committed(2)
    (letter,) = bench.produced
    assert (letter.topic, letter.key, letter.value) == ("dead", b"k", b"refuse")
    assert [text(letter, f"dead-{name}") for name in ("code", "offset", "attempts")] == ["refused", "0", "1"]
    assert bench.work.ended[0][1][0].code == "refused"


async def test_an_exception_while_preparing_is_a_dead_letter_that_does_not_quote_it():
    async with Bench() as bench:
        bench.deliver(b"bug")
        await bench.committed(1)
    assert text(bench.produced[0], "dead-code") == "failed"
    assert "ZeroDivisionError" in text(bench.produced[0], "dead-message")


async def test_nothing_is_acknowledged_before_the_dead_topic_has_it():
    failures = iter(range(5))
    held = asyncio.Event()

    async def produce(outgoing):
        if next(failures, None) is not None:
            raise Retryable("no broker", code="kafka_down")
        await held.wait()

    async with Bench(produce=produce) as bench:
        bench.deliver(b"refuse")
        await bench.until(lambda: next(failures, None) is None)
        assert not bench.group.commits
        assert not bench.work.ended
        held.set()
        await bench.committed(1)


async def test_a_dead_letter_that_kafka_finds_too_large_is_written_as_a_pointer():
    tried = []

    async def produce(outgoing):
        tried.append(outgoing)
        if outgoing.value:
            raise Rejected("too large", code="too_large")

    async with Bench(produce=produce) as bench:
        bench.deliver(b"refuse")
        await bench.committed(1)
    assert text(tried[-1], "dead-truncated") == str(len(b"k" + b"refuse"))


@pytest.mark.parametrize("where", ["dead letter", "receipt"])
async def test_a_topic_that_takes_nothing_stops_the_worker_and_names_the_setting(where):
    async def refuse(*_):
        raise Rejected("too large", code="too_large")

    work = Steps()
    if where == "receipt":
        work.conclude = refuse
    async with Bench(work, produce=refuse) as bench:
        bench.deliver(b"refuse" if where == "dead letter" else b"")
        await bench.until(lambda: bench.group.crashes)
        (error,) = bench.group.crashes
        assert isinstance(error, Misconfigured)
        assert error.setting == "STREAMS_TOPIC_MAX_MESSAGE_BYTES"
        assert not bench.group.commits


async def test_a_dead_letter_sent_back_that_dies_again_keeps_where_it_first_stood():
    async with Bench(retry_topics=frozenset({"retry"})) as bench:
        first = bench.deliver(b"refuse")
        await bench.committed(1)
        bench.deliver(b"refuse", topic="retry", headers=bench.produced[0].headers)
        await bench.committed(1, topic="retry")
        bench.deliver(b"refuse", topic="other", headers=bench.produced[0].headers)
        await bench.committed(1, topic="other")
    again, forged = bench.produced[1:]
    assert (text(again, "dead-topic"), text(again, "dead-offset")) == (first.topic, str(first.offset))
    assert text(forged, "dead-topic") == "other"


async def test_a_failure_that_passes_is_tried_again():
    tries = []

    async def flaky(record):
        tries.append(record.offset)
        if len(tries) < 3:
            raise Retryable("busy", code="overloaded")

    work = Steps()
    work.acts[b"flaky"] = flaky
    async with Bench(work) as bench:
        bench.deliver(b"flaky")
        await bench.committed(1)
    assert len(tries) == 3
    assert not bench.produced


@pytest.mark.parametrize(
    ("error", "code", "attempts"),
    [
        (Retryable("store said 500", code="store"), "poison", "5"),
        (ValueError("text of the document"), "failed", "3"),
        (asyncio.CancelledError(), "failed", "3"),
        (TimeoutError(), "failed", "3"),
    ],
)
async def test_a_record_that_fails_while_the_canary_passes_is_a_dead_letter(error, code, attempts):
    async def fails(_record):
        raise error

    work = Steps()
    work.acts[b"poison"] = fails
    async with Bench(work) as bench:
        bench.deliver(b"poison")
        bench.deliver()
        await bench.committed(2)
    (letter,) = bench.produced
    assert (text(letter, "dead-code"), text(letter, "dead-attempts")) == (code, attempts)
    assert "text of the document" not in text(letter, "dead-message")
    assert not bench.group.crashes


async def test_a_handler_that_hangs_is_cancelled_and_tried_again():
    async def hangs(record):
        if work.offsets("start").count(record.offset) == 1:
            await asyncio.Event().wait()

    work = Steps()
    work.acts[b"hang"] = hangs
    async with Bench(work, handle_limit_s=0.05) as bench:
        bench.deliver(b"hang")
        await bench.committed(1)
    assert work.log == [("start", 0, 0), ("cancelled", 0, 0), ("start", 0, 0), ("done", 0, 0)]


class Outage:
    """A store that is down until told otherwise; the canary asks it too."""

    def __init__(self):
        self.down = True
        self.asked = 0

    async def __call__(self, _record=None):
        self.asked += 1
        if self.down:
            raise Retryable("connection refused", code="store_down")


async def test_an_outage_makes_no_dead_letter_however_long_and_ends_by_itself():
    store, work = Outage(), Steps()
    work.acts[b"write"] = store
    async with Bench(work, canary=store) as bench:
        bench.group.owned = {("t", 0)}
        for key in range(10):
            bench.deliver(b"write", key=b"%d" % key)
        await bench.until(lambda: store.asked > 60)
        assert bench.pump.state == "waiting"
        assert "store_down" in bench.pump.problem
        assert bench.group.paused == {("t", 0)}
        bench.deliver(b"write", key=b"late", partition=1)
        await bench.until(lambda: bench.group.paused == {("t", 0), ("t", 1)})
        store.down = False
        await bench.committed(10)
        await bench.committed(1, partition=1)
        assert bench.pump.state == "running"
        assert not bench.group.paused
    assert not bench.produced


async def test_in_an_outage_handlers_are_not_called_while_the_canary_fails():
    store, work = Outage(), Steps()
    work.acts[b"write"] = store
    async with Bench(work, canary=store) as bench:
        bench.deliver(b"write")
        await bench.until(lambda: store.asked > 20)
        assert len(work.offsets("start")) == 1


async def test_of_those_that_failed_only_one_is_tried_at_a_time():
    at_once, most = 0, 0

    async def fails(record):
        nonlocal at_once, most
        if work.offsets("start").count(record.offset) > 1:
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.002)
            at_once -= 1
        raise Retryable("no", code="busy")

    work = Steps()
    work.acts[b"poison"] = fails
    async with Bench(work) as bench:
        for key in range(4):
            bench.deliver(b"poison", key=b"%d" % key)
        await bench.committed(4)
    assert most == 1


@pytest.mark.parametrize("where", ["prepare", "handle", "canary", "produce"])
async def test_what_a_person_must_mend_stops_the_worker_and_acknowledges_nothing(where):
    error = Misconfigured("the dimension is 384, not 768", setting="STREAMS_EMBED_DIMENSION")

    async def wrong(*_):
        raise error

    async def fails(_record):
        raise Retryable("no", code="x")

    work = Steps()
    if where == "prepare":
        work.prepare = lambda _: (_ for _ in ()).throw(error)
    work.acts[b"x"] = wrong if where == "handle" else fails
    given = {"canary": {"canary": wrong}, "produce": {"produce": wrong}}.get(where, {})
    async with Bench(work, **given) as bench:
        bench.deliver(b"refuse" if where == "produce" else b"x")
        await bench.until(lambda: error in bench.group.crashes)
        assert not bench.group.commits


async def test_a_drain_finishes_what_runs_commits_it_and_lets_go_of_the_rest():
    async with Bench(slots=2) as bench:
        for key in range(6):
            bench.deliver(b"wait", key=b"%d" % key)
        await bench.handed_over()
        await bench.until(lambda: len(bench.work.offsets("start")) == 2)
        draining = asyncio.create_task(bench.pump.drain())
        await bench.until(lambda: bench.pump.state == "draining")
        bench.work.gates[0].set()
        bench.work.gates[1].set()
        await draining
        assert bench.group.committed == {("t", 0): 2}
        assert bench.work.offsets("start") == [0, 1]


async def test_a_drain_still_does_what_is_in_front_of_something_finished():
    async with Bench(slots=1) as bench:
        bench.deliver(b"wait", key=b"a")
        bench.deliver(b"", key=b"a")
        bench.deliver(b"wait", key=b"b")
        bench.deliver(b"", key=b"c")
        bench.deliver(b"", key=b"a")
        await bench.handed_over()
        await bench.until(lambda: bench.work.offsets("start") == [0])
        bench.work.gates[0].set()
        await bench.until(lambda: bench.work.offsets("start") == [0, 2])
        bench.work.gates[2].set()
        await bench.pump.drain()
        assert bench.group.committed == {("t", 0): 3}
        assert sorted(bench.work.offsets("start")) == [0, 1, 2]


async def test_a_drain_still_does_what_is_in_front_of_something_that_runs():
    async with Bench() as bench:
        bench.deliver(b"wait", key=b"a")
        bench.deliver(b"", key=b"a")
        bench.deliver(b"wait", key=b"b")
        bench.deliver(b"", key=b"a")
        await bench.handed_over()
        await bench.until(lambda: bench.work.offsets("start") == [0, 2])
        draining = asyncio.create_task(bench.pump.drain())
        await bench.until(lambda: bench.pump.state == "draining")
        bench.work.gates[0].set()
        bench.work.gates[2].set()
        await draining
        assert bench.group.committed == {("t", 0): 3}
        assert sorted(bench.work.offsets("start")) == [0, 1, 2]


async def test_a_drain_in_an_outage_does_not_wait_for_what_it_begins():
    store, work = Outage(), Steps()
    work.acts[b"write"] = store
    async with Bench(work, canary=store, drain_s=60) as bench:
        bench.deliver(b"wait", key=b"a")
        bench.deliver(b"write", key=b"a")
        bench.deliver(b"", key=b"b")
        bench.deliver(b"write", key=b"c")
        await bench.until(lambda: bench.pump.state == "waiting")
        draining = asyncio.create_task(bench.pump.drain())
        await bench.until(lambda: bench.pump.state == "draining")
        bench.work.gates[0].set()
        async with asyncio.timeout(2):
            await draining
        assert bench.group.committed == {("t", 0): 1}


async def test_a_drain_cancels_what_takes_too_long_and_it_comes_again():
    async with Bench(drain_s=0.05) as bench:
        slow = bench.deliver(b"wait", key=b"a")
        bench.deliver(key=b"b")
        await bench.until(lambda: bench.work.offsets("done") == [1])
        await bench.rebalance()
        assert bench.work.offsets("cancelled") == [0]
        assert not bench.group.commits
        bench.work.gates[0].set()
        bench.deliver_again(slow)
        await bench.committed(1)


async def test_a_drain_does_not_wait_for_what_only_waits_for_a_dependency():
    store, work = Outage(), Steps()
    work.acts[b"write"] = store
    async with Bench(work, canary=store, drain_s=60) as bench:
        bench.deliver(b"write")
        await bench.until(lambda: bench.pump.state == "waiting")
        async with asyncio.timeout(1):
            await bench.pump.drain()


async def test_a_drain_lets_nothing_overtake_what_it_gave_up():
    async def fails(_record):
        raise Retryable("no", code="busy")

    work = Steps()
    work.acts[b"fails"] = fails
    async with Bench(work, backoff_s=60, backoff_max_s=60) as bench:
        bench.deliver(b"fails", key=b"a")
        bench.deliver(key=b"a")
        bench.deliver(key=b"c")
        await bench.until(lambda: work.offsets("done") == [2])
        await bench.until(lambda: bench.pump._scheduler.waiting)
        await bench.pump.drain()
    assert work.offsets("start") == [0, 2]


async def test_a_late_finish_of_an_older_generation_is_not_acknowledged():
    late = asyncio.Event()

    async def stubborn(_record):
        while not late.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await late.wait()

    work = Steps()
    work.acts[b"stubborn"] = stubborn
    async with Bench(work, drain_s=0.01) as bench:
        first = bench.deliver(b"stubborn", key=b"a")
        await bench.until(lambda: work.offsets("start") == [0])
        await bench.rebalance()
        work.acts[b"stubborn"] = lambda _: bench.work.gates["never"].wait()
        bench.deliver_again(first)
        await bench.until(lambda: work.offsets("start") == [0, 0])
        bench.deliver(key=b"a")
        late.set()
        await bench.until(lambda: work.offsets("done") == [0])
        bench.deliver(key=b"b")
        await bench.until(lambda: work.offsets("done") == [0, 2])
        await bench.until(lambda: bench.pump.pending == 2)
        assert not bench.group.commits


async def test_records_of_an_older_generation_are_not_taken():
    async with Bench() as bench:
        record = bench.deliver()
        bench.group.generation += 1
        await bench.handed_over()
        assert bench.pump.pending == 0
        bench.deliver_again(record)
        await bench.committed(1)


async def test_a_commit_that_is_refused_is_made_again():
    async with Bench() as bench:
        bench.group.refuses = True
        bench.deliver()
        await bench.until(lambda: bench.work.offsets("done") == [0])
        bench.group.refuses = False
        await bench.committed(1)


async def test_quiesce_takes_no_more():
    async with Bench() as bench:
        bench.deliver()
        await bench.committed(1)
        await bench.pump.quiesce()
        assert bench.pump.state == "stopped"
        bench.deliver()
        await bench.handed_over()
        assert bench.work.offsets("start") == [0]


class LastWins(Steps):
    """Whatever waits becomes the last of it."""

    def combine(self, waiting):
        return Combined(len(waiting), len(waiting) - 1)

    def superseded(self, _item):
        return "superseded"


async def test_what_waits_of_one_key_becomes_one_and_the_others_are_superseded():
    async with Bench(LastWins()) as bench:
        bench.deliver(b"wait")
        await bench.until(lambda: bench.work.offsets("start") == [0])
        for _ in range(3):
            bench.deliver()
        await bench.handed_over()
        bench.work.gates[0].set()
        await bench.committed(4)
        assert bench.work.offsets("start") == [0, 3]
        assert dict(bench.work.ended) == {0: ["done"], 1: ["superseded"], 2: ["superseded"], 3: ["done"]}


async def test_a_superseded_record_is_not_acknowledged_before_the_one_that_stands_for_it():
    async with Bench(LastWins()) as bench:
        bench.deliver(b"wait")
        await bench.until(lambda: bench.work.offsets("start") == [0])
        bench.deliver()
        bench.deliver(b"wait")
        await bench.handed_over()
        bench.work.gates[0].set()
        await bench.until(lambda: bench.work.offsets("start") == [0, 2])
        await bench.committed(1)
        bench.work.gates[2].set()
        await bench.committed(3)


async def test_one_that_dies_stands_for_nothing():
    async def dies(_record):
        raise Rejected("bad", code="bad")

    work = LastWins()
    work.acts[b"dies"] = dies
    async with Bench(work) as bench:
        bench.deliver(b"wait")
        await bench.until(lambda: work.offsets("start") == [0])
        bench.deliver()
        bench.deliver()
        bench.deliver(b"dies")
        await bench.handed_over()
        bench.work.gates[0].set()
        await bench.committed(4)
    assert work.offsets("start") == [0, 3, 2]
    assert [text(letter, "dead-offset") for letter in bench.produced] == ["3"]


class ByWord(Steps):
    """A record of several words is several items, each with itself for a key."""

    def prepare(self, record):
        return [(word, word) for word in record.value.split()]

    async def handle(self, word):
        if word == b"bad":
            raise Rejected("bad word", code="bad_word")
        return word


async def test_a_record_of_several_parts_is_concluded_once_with_one_dead_letter():
    async with Bench(ByWord()) as bench:
        bench.deliver(b"a bad c bad")
        bench.deliver(b"")
        await bench.committed(2)
        (first, ends), (second, none) = sorted(bench.work.ended)
        assert (first, second, none) == (0, 1, [])
        assert [end if isinstance(end, bytes) else end.code for end in ends] == [
            b"a",
            "bad_word",
            b"c",
            "bad_word",
        ]
    (letter,) = bench.produced
    assert dict(letter.headers)["dead-parts"] == b"1,3"


async def test_a_record_whose_parts_are_all_refused_is_a_dead_letter_as_a_whole():
    async with Bench(ByWord()) as bench:
        bench.deliver(b"bad")
        bench.deliver(b"bad bad")
        await bench.committed(2)
    assert all("dead-parts" not in dict(letter.headers) for letter in bench.produced)


class Flaky(Steps):
    """Each record fails as often as its value says, from its first start on."""

    def __init__(self):
        super().__init__()
        self.started = []

    async def handle(self, record):
        at = (record.partition, record.offset)
        self.started.append(at)
        await asyncio.sleep(0)
        if self.started.count(at) <= int(record.value):
            raise Retryable("not yet", code="busy")
        self._note("done", record)


class Log:
    """Partitions that keep what was written, and deliver it again from what is committed."""

    def __init__(self, bench):
        self.bench, self.partitions = bench, [[], [], []]

    async def write(self, partition, key, failures):
        key = b"%d-%d" % (partition, key)
        record = self.bench.deliver(b"%d" % failures, key=key, partition=partition)
        self.partitions[partition].append(record)
        await asyncio.sleep(0)

    async def rebalance(self):
        await self.bench.rebalance()
        for partition, records in enumerate(self.partitions):
            for record in records[self.bench.group.committed.get(("t", partition), 0) :]:
                self.bench.deliver_again(record)

    async def committed(self):
        for partition, records in enumerate(self.partitions):
            if records:
                await self.bench.committed(len(records), partition)

    def by_key(self):
        lines = {}
        for record in chain(*self.partitions):
            lines.setdefault(record.key, []).append((record.partition, record.offset))
        return lines


writes = st.tuples(st.integers(0, 2), st.integers(0, 3), st.sampled_from([0, 0, 1, 2]))


@settings(max_examples=60, deadline=None)
@given(st.lists(writes | st.none(), max_size=40), st.integers(1, 4))
async def test_any_mix_of_records_failures_and_rebalances_loses_nothing_and_keeps_order(events, slots):
    async with Bench(Flaky(), slots=slots, window=5, drain_s=0.02) as bench:
        log = Log(bench)
        for event in events:
            await (log.rebalance() if event is None else log.write(*event))
        await log.committed()
    done = {(partition, offset) for _, partition, offset in bench.work.log}
    firsts = list(dict.fromkeys(bench.work.started))
    for line in log.by_key().values():
        assert done.issuperset(line)
        assert [at for at in firsts if at in line] == line
    assert not bench.produced


# Frozen, and woken


def asking_its_place(bench, order):
    async def act(record):
        order.append("asks")
        await bench.pump.in_place()
        order.append("goes on")

    bench.work.acts[b"once"] = act


async def test_a_handler_of_a_process_that_was_frozen_goes_on_once_the_group_says_that_it_may():
    async with Bench() as bench:
        order = []
        asking_its_place(bench, order)
        bench.deliver(b"wait", key=b"before")
        bench.frozen_s = 100
        bench.deliver(b"once", key=b"k")
        await bench.until(lambda: "goes on" in order)
        # It was asked by what changes nothing: the place of the first record that is not finished.
        assert bench.group.commits == [{("t", 0): 0}]
        bench.deliver(b"once", key=b"k")
        await bench.until(lambda: order.count("goes on") == 2)
        assert bench.group.commits == [{("t", 0): 0}]
        bench.work.gates[0].set()
        await bench.committed(3)


async def test_a_handler_that_has_not_heard_of_its_group_asks_it_first():
    async with Bench() as bench:
        order = []
        asking_its_place(bench, order)
        bench.group.silent = True
        bench.deliver(b"once", key=b"k")
        await bench.until(lambda: "goes on" in order)
        assert bench.group.commits[0] == {("t", 0): 0}
        await bench.committed(1)


async def test_a_handler_whose_place_is_lost_waits_to_be_cancelled_and_does_not_go_on():
    async with Bench() as bench:
        order = []
        asking_its_place(bench, order)
        bench.group.refuses = True
        bench.work.acts[b"freeze"] = lambda _record: freeze(bench)
        bench.deliver(b"freeze", key=b"k")
        bench.deliver(b"once", key=b"k")
        await bench.until(lambda: order)
        await bench.rebalance()
        assert order == ["asks"]
        assert bench.work.offsets("cancelled") == [1]


async def freeze(bench):
    bench.frozen_s = 100


# A topic that is made again


async def test_a_partition_that_goes_back_is_worked_on_and_committed_from_there():
    async with Bench() as bench:
        old = [bench.deliver(key=b"%d" % key) for key in range(5)]
        await bench.committed(5)
        bench.deliver_again(old[0])
        await bench.committed(1)
        assert bench.work.offsets("done") == [*range(5), 0]


async def test_what_was_read_of_a_topic_before_it_was_made_again_is_done_and_commits_nothing():
    async with Bench() as bench:
        old = [bench.deliver(b"wait" if key == 1 else b"", key=b"%d" % key) for key in range(5)]
        await bench.committed(1)
        for record in old[:3]:
            bench.deliver_again(replace(record, key=b"new", value=b""))
        await bench.committed(3)
        bench.work.gates[1].set()
        await bench.until(lambda: bench.work.offsets("done").count(1) == 2)
        bench.deliver(partition=1)
        await bench.committed(1, partition=1)
        assert bench.group.committed["t", 0] == 3
        assert bench.pump.pending == 0


async def test_what_waits_to_be_committed_of_a_topic_is_not_once_it_was_made_again():
    async with Bench() as bench:
        bench.group.refuses = True
        old = [bench.deliver(key=b"%d" % key) for key in range(5)]
        await bench.until(lambda: len(bench.work.offsets("done")) == 5)
        bench.deliver_again(replace(old[0], value=b"wait"))
        await bench.until(lambda: bench.work.offsets("start").count(0) == 2)
        bench.group.refuses = False
        bench.deliver(partition=1)
        await bench.committed(1, partition=1)
        assert ("t", 0) not in bench.group.committed
        bench.work.gates[0].set()
        await bench.committed(1)


async def test_a_drain_lets_go_of_what_waits_of_a_topic_that_was_made_again_since():
    async with Bench(slots=1) as bench:
        old = [bench.deliver(b"wait", key=b"%d" % key) for key in range(5)]
        bench.deliver_again(replace(old[0], value=b""))
        await bench.handed_over()
        bench.work.gates[0].set()
        await asyncio.wait_for(bench.rebalance(), 30)
        assert bench.pump.pending == 0
        assert bench.group.committed.get(("t", 0), 1) == 1


# What a partition ends in


async def test_a_partition_that_ends_in_what_is_not_for_us_is_committed_to_its_end_once_all_is_finished():
    async with Bench() as bench:
        bench.deliver(b"wait", key=b"a")
        bench.deliver(key=b"b")
        await bench.until(lambda: bench.work.offsets("done") == [1])
        bench.group.read = {("t", 0): (1, 7), ("t", 1): (None, 3), ("t", 2): (None, 0)}
        await bench.committed(3, partition=1)
        assert ("t", 0) not in bench.group.committed
        bench.work.gates[0].set()
        await bench.committed(7)
        assert ("t", 2) not in bench.group.committed


async def test_a_partition_of_which_more_is_on_its_way_to_the_pump_is_not_committed_to_its_end():
    async with Bench() as bench:
        bench.deliver(key=b"a")
        await bench.committed(1)
        bench.group.read = {("t", 0): (5, 9), ("t", 1): (None, 3)}
        await bench.committed(3, partition=1)
        assert bench.group.committed["t", 0] == 1
