"""How records come from Kafka to the pump: many at a turn of the loop, and none that there is no room for."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer

from streams.agents.app import AppConfig, attach, create_app
from streams.agents.member import Member
from streams.agents.producing import Producing
from streams.agents.pump.pump import Pump
from streams.agents.pump.work import PumpSettings
from streams.agents.transport import MAX_POLL_RECORDS
from streams.kafka.admin import Admin
from streams.kafka.connection import KafkaConnection, started
from tests.agents.group import Steps

PARTITIONS = 2
LIMIT_S = 60


@pytest.fixture
async def topic(embedded_broker):
    name = f"d-{uuid.uuid4().hex[:12]}"
    async with started(connection(embedded_broker), Admin(connection(embedded_broker))) as admin:
        await admin.create(name, PARTITIONS, 1, {})
    return name


def connection(broker):
    return KafkaConnection(broker, embedded=True)


async def produce(broker, topic, count):
    client = AIOKafkaProducer(bootstrap_servers=broker, linger_ms=5)
    async with started(connection(broker), client) as producer:
        sent = [await producer.send(topic, b"wait", b"k%d" % number) for number in range(count)]
        await asyncio.gather(*sent)


@asynccontextmanager
async def working(broker, topic, work, **settings):
    """An app at work on the topic, and its pump."""
    app = create_app(AppConfig(f"{topic}-group", connection(broker)))

    async def well():
        pass

    pump = Pump(
        Member(app),
        work,
        PumpSettings(dead_topic=f"{topic}.dead", drain_s=0.5, **settings),
        produce=Producing(app),
        canary=well,
        now=lambda: datetime.now(UTC),
        random=random.random,
    )
    attach(app, [topic], pump)
    await app.start()
    try:
        yield app, pump
    finally:
        await pump.quiesce()
        await asyncio.wait_for(app.stop(), LIMIT_S)


async def until(said):
    async with asyncio.timeout(LIMIT_S):
        while not said():  # noqa: ASYNC110 - neither the pump nor Faust says when it has changed
            await asyncio.sleep(0.01)


async def test_a_busy_loop_does_not_keep_records_that_were_fetched_from_the_pump(embedded_broker, topic):
    """Faust's own way takes several turns for each record: on a busy loop the pump starves."""
    records = 2 * MAX_POLL_RECORDS
    await produce(embedded_broker, topic, records)
    turns = 0
    async with working(embedded_broker, topic, Steps(), slots=1) as (_, pump):
        await until(lambda: pump.pending)
        while pump.pending < records and turns < records:
            turns += 1
            time.sleep(0.002)  # noqa: ASYNC251 - this is what keeps the loop busy
            await asyncio.sleep(0)
        assert pump.pending == records
    assert turns < records // 2


async def test_nothing_more_is_fetched_while_the_pump_is_full_and_all_comes_once_it_is_not(
    embedded_broker, topic
):
    records = 4 * MAX_POLL_RECORDS
    await produce(embedded_broker, topic, records)
    work, held = Steps(), []
    async with working(embedded_broker, topic, work, slots=64, max_pending=10) as (app, pump):

        def in_queue():
            return max(channel.queue.qsize() for channel in app.topics)

        await until(lambda: pump.pending == 10 and not app.has_room())
        while len(work.offsets("done")) < records:
            held.append(in_queue())
            for gate in [gate for gate in work.gates.values() if not gate.is_set()]:
                gate.set()
            work.moved.clear()
            await asyncio.wait_for(work.moved.wait(), LIMIT_S)
    assert max(held) < 2 * MAX_POLL_RECORDS
    assert len(work.ended) == records
