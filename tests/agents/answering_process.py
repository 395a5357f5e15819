"""An answering worker in a process of its own, whose answers take a while and fall back now and then."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import sys
from datetime import UTC, datetime

from streams.agents.answering import answering_agent
from streams.agents.app import AppConfig
from streams.agents.lifecycle import Lifecycle
from streams.agents.pump.work import PumpSettings
from streams.answering.generating.route import Choice
from streams.answering.transcript import Outcome, Transcript
from streams.kafka.connection import KafkaConnection
from streams.kafka.replies import ReplyTopics
from streams.messages.answers import Timings
from streams.messages.questions import Asked, Question

PIECES = 10


def now():
    return datetime.now(UTC)


class Slow:
    """Says `TEXT 0 TEXT 1 …`, a piece every now and then; an odd question falls back in the middle."""

    def give_way(self, at):
        pass

    async def answer(self, asked, *, attempt=1, resumed=False, turn):
        await turn()
        said = Transcript(asked, attempt=attempt, resumed=resumed, now=now)
        yield said.opened(Choice("primary", "m", None), [], [])
        if int(asked.question.text) % 2:
            yield said.delta("to be forgotten")
            await asyncio.sleep(0.02)
            yield said.reset("timeout", Choice("fallback", "s", "timeout"))
        for number in range(PIECES):
            await asyncio.sleep(random.uniform(0, 0.04))
            yield said.delta(f"{asked.question.text} {number} ")
        yield said.completed(Outcome(Choice("primary", "m", None), [], [], Timings()))


def decode(record):
    question = Question(text=record.value.decode(), deadline_ms=600_000)
    return Asked(question, str(record.at), "default", record.at, record.timestamp, record.headers)


async def canary():
    pass


async def worker(told, answerer, **settings):
    """Runs until SIGTERM; gives the exit code."""
    connection = KafkaConnection(told["bootstrap"])
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    name = told["name"]

    def agent():
        return answering_agent(
            AppConfig(group=name, connection=connection, session_s=6.0),
            topics=[f"{name}.questions"],
            retry_topic=f"{name}.questions.retry",
            answers_topic=f"{name}.answers",
            done_topic=f"{name}.questions_done",
            decode=decode,
            answerer=answerer,
            replies=ReplyTopics(connection, "replies.*"),
            canary=canary,
            settings=PumpSettings(dead_topic=f"{name}.questions_dead", **settings),
            now=now,
            random=random.random,
        )

    return await Lifecycle([agent]).run(stop)


def ended(running):
    """Runs it, and ends the process with its exit code: the consumer's thread is no daemon."""
    logging.basicConfig(level="WARNING", format="%(asctime)s %(levelname)s %(name)s %(message)s")
    code = asyncio.run(running)
    logging.shutdown()
    os._exit(code)


if __name__ == "__main__":
    ended(worker(json.loads(sys.argv[1]), Slow(), slots=6, drain_s=1.0))
