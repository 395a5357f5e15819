"""The scheduler: whatever handlers do, each record comes to its end, and no more work at once than may."""

import asyncio

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams import aside
from streams.agents.pump.scheduler import Scheduler
from streams.alive import alive
from streams.errors import Rejected, Retryable
from tests.agents.group import Bench, Steps
from tests.unit.answering.virtual import monotonic, run

LIMIT_S = 20.0
"""After this a handler is hung."""
FOR_EVER_S = 50_000.0
POISON_AFTER, FAILED_AFTER = 5, 3


class Scripted(Steps):
    """Each record's attempts do what its script says, the last one nothing; how many work at once is kept."""

    def __init__(self, scripts):
        super().__init__()
        self.scripts = scripts
        self.attempts = {}
        self.working, self.most, self.suspects, self.most_suspects = 0, 0, 0, 0

    async def handle(self, record):
        attempt = self.attempts[record.offset] = self.attempts.get(record.offset, 0) + 1
        script = self.scripts[record.offset]
        with Counted(self, suspect=attempt > 1) as counted:
            for step in script[attempt - 1] if attempt <= len(script) else ():
                await self.do(step, counted)

    async def do(self, step, counted):
        if step == "work":
            await asyncio.sleep(1.0)
        elif step == "slowly":
            for _ in range(3):
                await asyncio.sleep(0.9 * LIMIT_S)
                alive()()
        elif step == "aside":
            counted.out()
            await aside.sleep(LIMIT_S)
            counted.come()
        elif step == "fail":
            raise Retryable("busy", code="overloaded")
        elif step == "hang":
            await asyncio.Event().wait()
        elif step == "raise":
            raise ZeroDivisionError
        elif step == "cancel":
            raise asyncio.CancelledError
        elif step == "reject":
            raise Rejected("no", code="no")


class Counted:
    """One handler, among those that work at once while it is in."""

    def __init__(self, work, *, suspect):
        self.work, self.suspect, self.works = work, suspect, False

    def __enter__(self):
        self.come()
        return self

    def __exit__(self, *_):
        self.out()

    def come(self):
        self.works = True
        self.work.working += 1
        self.work.suspects += self.suspect
        self.work.most = max(self.work.most, self.work.working)
        self.work.most_suspects = max(self.work.most_suspects, self.work.suspects)

    def out(self):
        if self.works:
            self.works = False
            self.work.working -= 1
            self.work.suspects -= self.suspect


def end(script):
    """The code of the dead letter that such a record is, None where it is done."""
    for failures, attempt in enumerate(script, start=1):
        last = next((step for step in attempt if step not in {"work", "slowly", "aside"}), None)
        if last in {None, "reject"}:
            return last and "no"
        retried = last in {"fail", "hang"}
        if failures >= (POISON_AFTER if retried else FAILED_AFTER):
            return "poison" if retried else "failed"
    return None


async def until(said):
    async with asyncio.timeout(FOR_EVER_S):
        while not said():  # noqa: ASYNC110 - in virtual time
            await asyncio.sleep(1.0)


async def handled(scripts, slots, lines):
    """What became of the records, `lines` of them side by side."""
    async with Bench(Scripted(scripts), slots=slots, handle_limit_s=LIMIT_S) as bench:
        for number in range(len(scripts)):
            bench.deliver(key=b"%d" % (number % lines))
        await until(lambda: bench.group.committed.get(("t", 0)) == len(scripts))
        assert (bench.pump.state, bench.pump.pending) == ("running", 0)
        assert bench.pump._scheduler.empty
        assert bench.pump._scheduler.working == 0
    return bench.work, {
        int(headers["dead-offset"]): headers["dead-code"].decode()
        for headers in (dict(letter.headers) for letter in bench.produced)
    }


steps = st.sampled_from(
    ["work", "aside", "aside", "fail", "fail", "hang", "slowly", "raise", "cancel", "reject"]
)
scripts = st.lists(st.lists(st.lists(steps, max_size=3), max_size=6), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(scripts, st.integers(1, 4), st.integers(1, 12))
@example([[["fail"], ["aside", "aside"]]] * 3, 1, 3)
@example([[["aside", "fail"], ["aside"] * 3]] * 12, 2, 12)
@example([[["fail"], ["hang"], ["hang"]]] * 6, 2, 6)
def test_whatever_handlers_do_each_record_comes_to_its_own_end(scripts, slots, lines):
    work, dead = run(handled(scripts, slots, lines))
    expected = {number: end(script) for number, script in enumerate(scripts)}
    assert dead == {number: code for number, code in expected.items() if code}
    assert work.most <= slots
    assert work.most_suspects <= 1


async def let_go_of(scripts, slots, after_s):
    """The partitions are taken away, and given back, as often as that; the records are delivered again."""
    bench = Bench(Scripted(scripts), slots=slots, handle_limit_s=LIMIT_S, drain_s=2.0, backoff_s=1.0)
    async with bench:
        records = [bench.deliver(key=b"%d" % number) for number in range(len(scripts))]
        for pause_s in after_s:
            await asyncio.sleep(pause_s)
            await bench.rebalance()
            assert bench.work.working == 0
            for record in records[bench.group.committed.get(("t", 0), 0) :]:
                bench.deliver_again(record)
        await until(lambda: bench.group.committed.get(("t", 0)) == len(scripts))
        assert (bench.pump._scheduler.working, bench.pump._scheduler.waiting) == (0, set())
    return bench


@settings(max_examples=100, deadline=None)
@given(scripts, st.integers(1, 4), st.lists(st.sampled_from([0.0, 0.5, 3.0, 25.0]), max_size=4))
def test_what_is_let_go_holds_nothing(scripts, slots, after_s):
    bench = run(let_go_of(scripts, slots, after_s))
    assert bench.work.most <= slots
    assert bench.work.most_suspects <= len(scripts)


def waits_for_its_turn(slots, suspects, aside_s):
    """Records that fail once, and then wait aside, beside as many that fail once."""
    return [[["fail"], ["aside"] * aside_s]] * suspects + [[["fail"]]] * (suspects + slots)


def test_suspects_that_go_aside_keep_nobody_from_working():
    for slots in (1, 4, 32):
        scripts = waits_for_its_turn(slots, 2 * slots, 3)
        _, dead = run(handled(scripts, slots, len(scripts)))
        assert dead == {}


def test_the_time_that_an_item_waits_for_its_turn_does_not_count_as_hung():
    """Far more of it than the limit: each suspect works nearly that long, one after the other."""
    _, dead = run(handled([[["fail"], ["slowly"]]] * 20, 20, 20))
    assert dead == {}


def test_a_suspect_that_is_done_is_none_any_more_while_its_receipt_is_on_its_way():
    async def concluded():
        work = Scripted([[["fail"]]] * 2)
        receipt = asyncio.Event()

        async def conclude(_record, _ended):
            await receipt.wait()

        work.conclude = conclude
        async with Bench(work, slots=2) as bench:
            for number in range(2):
                bench.deliver(key=b"%d" % number)
            await until(lambda: work.attempts == {0: 2, 1: 2})
            receipt.set()
            await until(lambda: bench.group.committed.get(("t", 0)) == 2)

    run(concluded())


def test_new_work_begins_while_hundreds_wait_aside_that_have_failed():
    """What they wait for is among the new work, so that it must be begun however many they are."""

    async def moved():
        async with Bench(slots=4, handle_limit_s=LIMIT_S) as bench:
            came, failed = asyncio.Event(), set()

            async def row(record):
                if record.offset not in failed:
                    failed.add(record.offset)
                    raise Retryable("busy", code="overloaded")
                while not came.is_set():
                    await aside.sleep(0.1)

            async def deletion(_record):
                came.set()

            bench.work.acts |= {b"row": row, b"deletion": deletion}
            for number in range(300):
                bench.deliver(b"row", key=b"%d" % number)
            bench.deliver(b"deletion", key=b"old")
            await until(lambda: bench.group.committed.get(("t", 0)) == 301)
            return bench.produced

    assert run(moved()) == []


def test_a_failure_of_everything_reaches_no_more_than_there_are_slots():
    """Each of those that fail is tried again alone: of thousands that would take hours."""

    async def outage():
        async with Bench(slots=4, backoff_s=60.0, backoff_max_s=60.0) as bench:

            async def fails(_record):
                raise Retryable("busy", code="overloaded")

            bench.work.acts[b"fails"] = fails
            for number in range(50):
                bench.deliver(b"fails", key=b"%d" % number)
            await asyncio.sleep(20.0)
            return bench.work.offsets("start")

    assert run(outage()) == [0, 1, 2, 3]


# The scheduler alone


class Workers:
    """Tasks that a scheduler begins one after the other, each of which does what it is told."""

    def __init__(self, limit):
        self.scheduler = Scheduler(limit, self.begin)
        self.todo, self.log = [], []

    def begin(self):
        if not self.todo:
            return None
        name, act = self.todo.pop(0)
        task = asyncio.create_task(act(name))
        task.add_done_callback(self.scheduler.exit)
        return task


async def turns(count=10):
    for _ in range(count):
        await asyncio.sleep(0)


async def test_who_comes_back_and_new_work_take_turns_and_who_came_first_comes_back_first():
    workers = Workers(1)
    doors = {name: asyncio.Event() for name in "abc"}

    async def leaves(name):
        workers.scheduler.leave(aside=True)
        await doors[name].wait()
        await workers.scheduler.come()
        workers.log.append(name)

    async def works(name):
        await doors["c"].wait()
        workers.log.append(name)

    workers.todo = [("a", leaves), ("b", leaves), *((name, works) for name in ("new", "newer", "newest"))]
    workers.scheduler.dispatch()
    await turns()
    for name in "bac":
        doors[name].set()
        await turns()
    assert workers.log == ["new", "b", "newer", "a", "newest"]
    assert workers.scheduler.empty


async def test_who_is_cancelled_while_it_waits_for_its_turn_stands_in_no_line():
    workers = Workers(1)
    opened = asyncio.Event()

    async def leaves(name):
        workers.scheduler.leave(aside=True)
        await workers.scheduler.come()
        workers.log.append(name)

    async def works(name):
        await opened.wait()
        workers.log.append(name)

    workers.todo = [("first", works)]
    workers.scheduler.dispatch()
    tasks = [asyncio.create_task(leaves(name)) for name in "abc"]
    for task in tasks:
        workers.scheduler.enter(task)
    await turns()
    tasks[0].cancel()
    opened.set()
    await turns()
    assert workers.log == ["first", "b"]
    for task in tasks:
        workers.scheduler.exit(task)
    await turns()
    assert workers.log == ["first", "b", "c"]
    assert workers.scheduler.working == 0


@pytest.mark.parametrize("before", [True, False])
async def test_who_is_cancelled_just_as_it_has_its_turn_gives_it_on(before):
    scheduler = Scheduler(1)
    opened, log = asyncio.Event(), []

    async def comes(name):
        with scheduler.joined():
            await scheduler.come()
            log.append(name)
            await opened.wait()
            if before:
                tasks[1].cancel()
        tasks[1].cancel()

    tasks = [asyncio.create_task(comes(name)) for name in "abc"]
    await turns()
    opened.set()
    await asyncio.wait(tasks)
    assert tasks[1].cancelled()
    assert log == ["a", "c"]
    assert (scheduler.working, scheduler.empty) == (0, True)


async def test_a_task_that_is_not_the_schedulers_waits_for_nothing():
    scheduler = Scheduler(1)
    scheduler.leave()
    await scheduler.come(alone=True)
    assert await scheduler.without(asyncio.sleep(0, "given")) == "given"
    assert scheduler.working == 0


def test_a_long_time_aside_does_not_use_up_the_limit():
    async def waits():
        async with Bench(slots=1, handle_limit_s=LIMIT_S) as bench:

            async def act(_record):
                await asyncio.sleep(0.6 * LIMIT_S)
                await aside.sleep(10 * LIMIT_S)
                await asyncio.sleep(0.3 * LIMIT_S)

            async def goes_on(_record):
                await aside.sleep(1.0)
                await asyncio.sleep(0.6 * LIMIT_S)
                await aside.sleep(1.0)
                await asyncio.sleep(0.6 * LIMIT_S)

            bench.work.acts |= {b"act": act, b"hangs": goes_on}
            bench.deliver(b"act", key=b"a")
            await until(lambda: bench.group.committed.get(("t", 0)) == 1)
            bench.deliver(b"hangs", key=b"b")
            await until(lambda: bench.group.committed.get(("t", 0)) == 2)
            return bench.work.offsets("start"), monotonic()

    starts, took_s = run(waits())
    assert starts == [0, 1, 1, 1, 1, 1]
    assert took_s > 10 * LIMIT_S
