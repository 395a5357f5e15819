"""Kafka behind a network that fails for a short while; for a long one, and half open: `make chaos`."""

import asyncio
import sys

import pytest

from tests.bench.workers import Worker
from tests.chaos.deadlines import found, half_open, hangs
from tests.chaos.network import ProxiedKafka, networked, outage, resets


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with ProxiedKafka(tmp_path_factory.mktemp("proxied") / "kafka") as broker:
        yield broker


@pytest.mark.timeout(300)
async def test_whatever_becomes_of_kafka_each_question_has_one_end_by_its_deadline_or_once_kafka_is_back(
    broker, tmp_path
):
    async with networked(tmp_path, broker) as network:
        await network.goes_on(120)
        assert (await found(network, lambda network: hangs(network, 3))).answered
        assert (await found(network, half_open)).answered


@pytest.mark.timeout(300)
async def test_workers_outlive_resets_and_an_outage_and_a_comparison_that_kafka_leaves_says_so(
    broker, tmp_path
):
    async with networked(tmp_path, broker) as network:
        await resets(network, times=3)
        await outage(network, seconds=3)
        site = network.site
        for number in range(40):
            await network.ask.put(site.changes, f"long-{number}", 0, "word " * 20_000)
        settings = Worker(tmp_path, site.environ | site.more).environ
        before = network.kafka.passed
        comparing = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "streams", "reconcile", "--wait", "0",
            env=settings, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        network.worker.kill()
        async with asyncio.timeout(120):
            while network.kafka.passed < before + 1_000_000:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
            await network.kafka.refuse()
            said, _ = await comparing.communicate()
        assert comparing.returncode == 3, said.decode()
        assert b"Kafka" in said
        assert broker.behind.encode() in said
