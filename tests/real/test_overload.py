"""Ten times the load that a worker can carry: each question has one end in time, and no tenant starves."""

import asyncio
import statistics
import time
from itertools import cycle

import pytest

from streams.answering.waiting.admission import MOST_WAITING_BYTES, WAITING_A_SLOT
from tests.asked import Site
from tests.bench.stub import stub
from tests.crowd import crowd

SLOTS, ANSWER_MS = 2, 500
TIMES, SECONDS, DEADLINE_MS = 10, 6, 6000
LATE_S = 3.0
"""How much later than its deadline an end may come, where others want the processor, too."""
MORE_MB = 60
"""What the worker may need more than before, for what waits."""


@pytest.fixture
def site(kafka, tmp_path):
    with stub(first_ms=ANSWER_MS, token_ms=0, tokens=3) as url:
        site = Site(kafka, tmp_path, url, STREAMS_ANSWER_SLOTS=str(SLOTS))
        asyncio.run(site.create())
        yield site


async def tenants(site):
    async with site.asking() as ask:
        for tenant in ("small", "large"):
            after = await ask.put(site.changes, f"doc-of-{tenant}", 0, "", tenant)
            assert (await ask(after, tenant=tenant)).route == "primary"


@pytest.mark.timeout(240)
async def test_at_ten_times_the_load_each_question_has_one_end_in_time_and_no_tenant_starves(site):
    with site.worker() as worker:
        await asyncio.to_thread(worker.ready)
        await tenants(site)
        before_mb = worker.resident_mb()
        async with crowd(site) as asking, asyncio.TaskGroup() as group:
            began, rate = time.monotonic(), TIMES * SLOTS * 1000 / ANSWER_MS
            for number in range(int(rate * SECONDS)):
                tenant = "large" if number % 40 else "small"
                group.create_task(
                    asking.ask(text="What is alpha?", tenant=tenant, deadline_ms=DEADLINE_MS, stream=False)
                )
                await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            await asking.all_ended(DEADLINE_MS / 1000 + 60)
            more_mb = worker.resident_mb() - before_mb
        check(asking.told.values())
        assert more_mb < MORE_MB

        # More than may wait, with all the time there is: whoever has asked less has its turn before them.
        async with crowd(site) as asking:
            many = 2 * SLOTS * WAITING_A_SLOT
            await asyncio.gather(
                *(
                    asking.ask(text="What is alpha?", tenant="large", deadline_ms=600_000, stream=False)
                    for _ in range(many)
                )
            )
            large = list(asking.told.values())
            small = await asking.ask(text="What is alpha?", tenant="small", deadline_ms=30_000, stream=False)
            refused = many - SLOTS * WAITING_A_SLOT - SLOTS
            await asking.until(lambda: small.ends and sum(bool(one.ends) for one in large) >= refused, 60)
            assert (small.end.type, small.late_s < LATE_S) == ("answer.completed", True)
            ended = [one.end for one in large if one.ends]
            assert {end.retryable for end in ended if end.type == "answer.failed"} == {True}
            assert worker.resident_mb() - before_mb < MORE_MB


LONG = [{"role": "user", "content": "ж" * 30_000}] * 4
LONG_BYTES = 2 * 4 * 30_000
MANY = 3 * MOST_WAITING_BYTES // LONG_BYTES // 2
"""Half as many more as there is room for."""


def ways(site):
    """What a question may wait for, and be long by."""
    return (
        {"history": LONG},
        {"history": LONG, "key": b"42"},
        {"history": LONG, "after": [{"topic": site.changes, "partition": 0, "offset": 10**9}]},
        {"padding": "y" * LONG_BYTES, "key": b"42"},
    )


@pytest.mark.timeout(240)
async def test_a_tenant_whose_questions_are_long_and_wait_for_long_keeps_no_other_out(site):
    with site.worker() as worker:
        await asyncio.to_thread(worker.ready)
        await tenants(site)
        before_mb = worker.resident_mb()
        async with crowd(site) as asking:
            asked = {"text": "What is alpha?", "tenant": "large", "deadline_ms": 600_000, "stream": False}
            many = [asked | way for _, way in zip(range(MANY), cycle(ways(site)), strict=False)]
            await asyncio.gather(*(asking.ask(**one) for one in many))
            large = list(asking.told.values())
            small = await asking.ask(
                text="What is alpha?", tenant="small", deadline_ms=60_000, stream=False, key=b"42"
            )
            await asking.until(lambda: small.ends and any(one.ends for one in large), 90)
            assert (small.end.type, small.late_s < LATE_S) == ("answer.completed", True)
            failed = [one.end for one in large if one.ends and one.end.type == "answer.failed"]
            assert {(end.code, end.retryable) for end in failed} == {("unavailable", True)}
            assert worker.resident_mb() - before_mb < MORE_MB


def check(told):
    assert [one.fields for one in told if len(one.ends) != 1] == []
    assert max(one.late_s for one in told) < LATE_S
    ended = {
        tenant: [one.end for one in told if one.fields["tenant"] == tenant] for tenant in ("small", "large")
    }
    answered = {
        tenant: sum(end.type == "answer.completed" for end in ends) / len(ends)
        for tenant, ends in ended.items()
    }
    assert answered["small"] >= 0.8
    assert 0 < answered["large"] < 0.5
    refused = [one for one in told if one.end.type == "answer.failed"]
    assert {(one.end.code, one.end.retryable) for one in refused} <= {
        ("unavailable", True), ("deadline_exceeded", True),
    }  # fmt: skip
    assert statistics.median(one.took_s for one in refused) < DEADLINE_MS / 2000
