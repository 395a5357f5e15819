"""Answering workers that are killed: every question gets one answer, and reads right."""

import asyncio
import contextlib
import json
import random
import signal
import subprocess
import sys
from collections import defaultdict
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from streams.kafka.connection import KafkaConnection, started
from streams.kafka.consume import stretch, tail
from streams.kafka.produce import Producer
from streams.kafka.replies import event_of
from streams.kafka.topics import TopicPlan, create, wanted
from streams.messages.reader import AnswerReader, intact
from streams.messages.records import Outgoing
from tests.agents.answering_process import PIECES

QUESTIONS = 240
ROOT = Path(__file__).parents[2]


class Crew:
    """Two workers, either of which may be killed and started again."""

    def __init__(self, bootstrap, name, folder):
        self._told, self._folder = json.dumps({"bootstrap": bootstrap, "name": name}), folder
        self.processes = [self._start(0), self._start(1)]

    def _start(self, number):
        with (self._folder / f"worker-{number}.log").open("ab") as log:
            command = [sys.executable, "-m", "tests.agents.answering_process", self._told]
            return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def kill(self, number, how):
        self.processes[number].send_signal(how)

    async def again(self, number):
        await asyncio.to_thread(self.processes[number].wait)
        self.processes[number] = self._start(number)

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()


async def asked(producer, topic):
    for number in range(QUESTIONS):
        await producer.send(Outgoing(topic, None, b"%d" % number, partition=number % 4))
        await asyncio.sleep(0.06)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_every_question_has_one_end_and_reads_right_whichever_worker_is_lost(
    kafka, topic, tmp_path, how
):
    connection, chance = KafkaConnection(kafka), random.Random(7)
    name = topic[-40:].strip("-_.[]")
    own = (
        "changes",
        "indexed",
        "documents_dead",
        "documents_retry",
        "questions_dead",
        "questions_done",
        "answers",
    )
    plan = TopicPlan(
        **{field: f"{name}.{field}" for field in own},
        sources=(),
        questions=(f"{name}.questions",),
        questions_retry=f"{name}.questions.retry",
        partitions=4,
    )
    await create(connection, wanted(plan))
    async with AsyncExitStack() as stack:
        producer = await stack.enter_async_context(started(connection, Producer(connection, max_bytes=10**6)))
        crew = Crew(kafka, name, tmp_path)
        stack.callback(crew.end)
        ended, answers = set(), await stack.enter_async_context(tail(connection, plan.answers))
        asking = asyncio.create_task(asked(producer, f"{name}.questions"))
        killing = asyncio.create_task(losing(crew, how, chance))
        async for record in answers:
            event = event_of(record)
            if event.type in {"answer.completed", "answer.failed"}:
                ended.add(event.question)
            if len(ended) == QUESTIONS:
                break
        killing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await killing
        await asking

    ends, readers, seqs, resets = defaultdict(set), defaultdict(AnswerReader), defaultdict(set), 0
    async for record in stretch(connection, plan.answers):
        event = event_of(record)
        readers[event.question].feed(event)
        seqs[event.question, event.attempt].add(event.seq)
        resets += event.type == "answer.reset" and event.reason == "worker_lost"
        if event.type in {"answer.completed", "answer.failed"}:
            ends[event.question].add(record.value)
    assert len(ends) == QUESTIONS
    assert {question for question, values in ends.items() if len(values) > 1} == set()
    for question, reader in readers.items():
        number = int(question.rsplit("-", 1)[1]) * 4 + int(question.rsplit("-", 2)[1])
        assert reader.terminal.text == "".join(f"{number} {piece} " for piece in range(PIECES))
        assert intact(reader.terminal)
    assert all(numbers == set(range(len(numbers))) for numbers in seqs.values())
    if how == signal.SIGKILL:
        assert resets > 0


async def losing(crew, how, chance):
    await asyncio.sleep(6)
    while True:
        number = chance.randrange(2)
        crew.kill(number, how)
        await crew.again(number)
        await asyncio.sleep(chance.uniform(5, 9))
