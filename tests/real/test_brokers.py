"""A Kafka of three brokers, as production has it: restarted one by one, its leaders killed, two of them away.

Longer by `make chaos`.
"""

import asyncio
import json
import random
import sys
import time
from dataclasses import replace

import pytest

from ops.servers.brokers import Brokers
from streams.kafka import topics
from streams.kafka.admin import Admin
from streams.kafka.connection import started
from streams.wiring import connection, topic_plan
from tests.bench.stub import stub
from tests.chaos.brokers import Site, leader_killed, make, rolling_restart, two_away
from tests.real.conftest import require_kafka

AWAY_S = 5.0


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    require_kafka()
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    folder = tmp_path_factory.mktemp("brokers")
    with Brokers(folder / "kafka") as brokers, stub(first_ms=100, token_ms=30, tokens=30) as url:
        site = Site(folder, brokers, url, seed)
        asyncio.run(site.create())
        try:
            site.work()
            yield site
        finally:
            site.cluster.end()


@pytest.mark.timeout(580)
async def test_topics_have_three_copies_of_which_two_must_be_in_sync_and_who_has_fewer_is_named(site):
    plan = topic_plan(site.cluster.settings)
    narrow = replace(plan, answers=f"narrow-{time.time_ns()}")
    await make(site.brokers, narrow.answers, [1])
    reports = await topics.check(connection(site.cluster.settings), topics.wanted(narrow))
    found = {report.name: report for report in reports}
    told = {(one.what, one.wanted, one.found) for one in found.pop(narrow.answers).differences}
    assert {("replication", "3", "1"), ("partitions", "3", "1")} <= told
    assert all(report.fits and not report.differences and not report.stuck for report in found.values())
    async with started(connection(site.cluster.settings), Admin(connection(site.cluster.settings))) as admin:
        assert {(await admin.shapes())[name].copies for name in found} == {3}
        assert (await admin.configs([plan.questions_done]))[plan.questions_done]["min.insync.replicas"] == "2"


@pytest.mark.timeout(580)
async def test_a_rolling_restart_loses_nothing_and_no_partition_is_stuck_after_it(site):
    async with site.busy() as busy:
        await rolling_restart(busy)
        await busy.goes_on()
        print(busy.pauses())


@pytest.mark.timeout(580)
async def test_answers_outlive_the_death_of_the_broker_that_leads_their_partitions(site):
    async with site.busy() as busy:
        await leader_killed(busy)
        print(busy.pauses())


@pytest.mark.timeout(580)
async def test_two_of_three_brokers_away_are_waited_for_and_nothing_is_committed_that_is_not_done(site):
    async with site.busy() as busy:
        await two_away(busy, AWAY_S)
        await busy.goes_on()
        print(busy.pauses())
    assert await site.cluster.check() == []


async def said(site, command):
    """What a command says of the parts that it asks, its exit code, and its errors."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "streams", command, "--json",
        env=site.cluster.workers[0].environ, stdout=pipe, stderr=pipe,
    )  # fmt: skip
    out, err = await process.communicate()
    rows = [json.loads(line) for line in out.splitlines()]
    return {row["part"]: row for row in rows if "part" in row}, process.returncode, err.decode()


@pytest.mark.timeout(580)
async def test_who_looks_while_two_of_three_brokers_are_away_is_told_soon_which_and_what_does_not_go_on(site):
    """The last, as it leaves them away: one is stopped, one does not answer."""
    stopped, frozen, there = site.brokers.nodes
    await asyncio.to_thread(stopped.stop)
    frozen.freeze()
    try:
        (doctor, code, _), (_, status, error) = await asyncio.gather(
            said(site, "doctor"), said(site, "status")
        )
    finally:
        frozen.thaw()
    print(doctor, error)
    assert (code, status) == (3, 3)
    assert doctor["kafka"]["detail"].startswith(
        f"only {there.bootstrap} answers, and not {stopped.bootstrap}, {frozen.bootstrap}:"
    )
    assert json.loads(error)["code"] == "kafka_down"
