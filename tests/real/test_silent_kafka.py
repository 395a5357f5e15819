"""Dead letters that are sent back while Kafka stops answering, without a word."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import aclosing, suppress
from datetime import UTC, datetime

import pytest

from streams.errors import Rejected, Retryable
from streams.kafka import topics
from streams.kafka.connection import KafkaConnection, started
from streams.kafka.consume import stretch
from streams.kafka.produce import Producer
from streams.messages.dead import dead_letter
from streams.messages.records import Record

LETTERS, FROZEN_AT = 300, 20
PACED = """
import asyncio
from streams.cli import main
from streams.cli.records import dead
from streams.kafka.produce import Producer

send = Producer.send

async def later(self, outgoing):
    await asyncio.sleep(0.1)
    return await send(self, outgoing)

Producer.send = later
dead.SEND_S = 10.0
main()
"""
"""The command line, where Kafka may take ten seconds for a record, not thirty, and gets ten a second."""


def letter(number):
    record = Record("documents.changes", 0, number, 1, f"acme/{number}".encode(), b"{}")
    return dead_letter(
        record, Rejected("it is none", code="unmapped"),
        attempts=1, at=datetime.now(UTC), topic="documents.dead", max_bytes=10**6,
    )  # fmt: skip


async def places(there, topic):
    """Where its records stand, once a broker that was frozen leads it again."""
    async with asyncio.timeout(90):
        while True:
            with suppress(Retryable):
                async with aclosing(stretch(there, topic)) as records:
                    return [str(record.at) async for record in records]
            await asyncio.sleep(0.2)


@pytest.mark.timeout(240)
async def test_a_replay_that_kafka_leaves_ends_and_says_how_many_were_sent_back(kafka_broker):
    there = KafkaConnection(kafka_broker.bootstrap)
    plan = topics.TopicPlan(partitions=1)
    await topics.create(there, topics.wanted(plan))
    async with started(there, Producer(there, max_bytes=10**6)) as producer:
        for number in range(LETTERS):
            await producer.send(letter(number))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("STREAMS_")}
    pipe = asyncio.subprocess.PIPE
    replaying = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PACED, "dead", "replay", "--code", "unmapped", "--json",
        env=environ | {"STREAMS_KAFKA_BOOTSTRAP_SERVERS": kafka_broker.bootstrap}, stdout=pipe, stderr=pipe,
    )  # fmt: skip
    said = [await replaying.stdout.readline() for _ in range(FROZEN_AT)]
    assert all(said), await replaying.communicate()
    kafka_broker.freeze()
    try:
        async with asyncio.timeout(120):
            rest, error = await replaying.communicate()
    finally:
        kafka_broker.thaw()
    said += rest.splitlines()
    problem = json.loads(error.splitlines()[-1])
    assert (replaying.returncode, problem["code"]) == (3, "kafka_down"), error.decode()
    assert FROZEN_AT <= len(said) < LETTERS
    assert problem["error"].startswith(f"{len(said)} sent back, then, of the next one")
    sent = await places(there, "documents.retry")
    told = [json.loads(line)["to"] for line in said]
    assert told == sent[: len(told)]
    assert len(sent) <= len(told) + 1
