"""A worker is killed, or frozen past its session and woken, with a question in each of its phases."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

import pytest

from streams.kafka.connection import KafkaConnection, started
from streams.kafka.consume import stretch, tail
from streams.kafka.done import terminal_of
from streams.kafka.produce import Producer
from streams.kafka.replies import event_of
from streams.kafka.topics import TopicPlan, create, wanted
from streams.kafka.watermarks import CommittedOffsets
from streams.messages.reader import AnswerReader, intact
from streams.messages.records import Offset, Outgoing
from tests.agents.phased_process import PHASES, PIECES

ROOT = Path(__file__).parents[2]
TERMINAL = {"answer.completed", "answer.failed"}
OWN = (
    "changes",
    "indexed",
    "documents_dead",
    "documents_retry",
    "questions_dead",
    "questions_done",
    "answers",
)


class Site:
    """Topics of one group, and its workers."""

    def __init__(self, bootstrap, topic, folder):
        self.connection, self.folder, self.name = (
            KafkaConnection(bootstrap),
            folder,
            topic[-40:].strip("-_.[]"),
        )
        self.plan = TopicPlan(
            **{field: f"{self.name}.{field}" for field in OWN},
            sources=(),
            questions=(f"{self.name}.questions",),
            questions_retry=f"{self.name}.questions.retry",
            partitions=len(PHASES),
        )

    @contextmanager
    def worker(self, *, holds):
        told = {
            "bootstrap": self.connection.bootstrap_servers, "name": self.name,
            "folder": str(self.folder), "holds": holds,
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.agents.phased_process", json.dumps(told)]
        with (self.folder / f"worker-{holds}.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    async def asked(self):
        """One question for each phase, in a partition of its own."""
        await create(self.connection, wanted(self.plan))
        async with started(self.connection, Producer(self.connection, max_bytes=10**6)) as producer:
            for number in range(len(PHASES)):
                await producer.send(Outgoing(f"{self.name}.questions", None, b"?", partition=number))

    async def held(self, process):
        """Returns when each question is in its phase."""
        async with asyncio.timeout(60):
            while not all((self.folder / phase).exists() for phase in PHASES):
                assert process.poll() is None
                await asyncio.sleep(0.05)

    async def said(self, text, phase):
        """Returns when a delta of that phase's question says this."""
        async with asyncio.timeout(60), tail(self.connection, self.plan.answers, beginning=True) as records:
            async for record in records:
                event = event_of(record)
                said = event.type == "answer.delta" and event.text == text
                if said and event.question.endswith(f"-{PHASES.index(phase)}-0"):
                    return

    async def committed(self):
        """Returns when every question is acknowledged."""
        topic = f"{self.name}.questions"
        all_of_them = [Offset(topic=topic, partition=number, offset=0) for number in range(len(PHASES))]
        marks = CommittedOffsets(self.connection, self.name, [topic])
        try:
            assert await marks.wait_for(all_of_them, time.monotonic() + 60)
        finally:
            await marks.close()

    async def events(self):
        """By phase, the records of its question's events, in order."""
        by_phase = defaultdict(list)
        async for record in stretch(self.connection, self.plan.answers):
            number = int(event_of(record).question.rsplit("-", 2)[1])
            by_phase[PHASES[number]].append(record)
        return by_phase

    async def decided(self):
        """By phase, all the ends that the done log holds."""
        by_phase = defaultdict(list)
        async for record in stretch(self.connection, self.plan.questions_done):
            assert record.header("schema-version") == "1"
            if terminal := terminal_of(record):
                by_phase[PHASES[record.partition]].append(terminal)
        return by_phase


@pytest.fixture
async def site(kafka, topic, tmp_path):
    site = Site(kafka, topic, tmp_path)
    await site.asked()
    return site


async def as_the_contract_says(site):
    """Whatever failed, each question reads right; gives the text of each phase's question."""
    texts, log = {}, await site.decided()
    for phase, records in (await site.events()).items():
        events = [event_of(record) for record in records]
        reader, numbers, pieces, said = AnswerReader(), defaultdict(set), defaultdict(dict), defaultdict(set)
        for event, record in zip(events, records, strict=True):
            reader.feed(event)
            numbers[event.attempt].add(event.seq)
            said[event.attempt, event.seq].add(record.value)
            if event.type == "answer.delta":
                pieces[event.attempt][event.seq] = event.text
        ends = {
            (r.key, r.value, r.headers) for r, e in zip(records, events, strict=True) if e.type in TERMINAL
        }
        assert len(ends) == 1, (phase, [e for e in events if e.type in TERMINAL])
        assert {(one.key, one.value, one.headers) for one in log[phase]} == ends
        assert all(seqs == set(range(len(seqs))) for seqs in numbers.values()), (phase, numbers)
        assert {len(values) for values in said.values()} == {1}, (phase, "one event has two contents")
        for attempt in sorted(numbers)[1:]:
            first = next(e for e in events if (e.attempt, e.seq) == (attempt, 0))
            assert first.type == "answer.reset", (phase, first)
        last = reader.terminal
        assert intact(last)
        assert last.text == "".join(pieces[last.attempt][seq] for seq in sorted(pieces[last.attempt]))
        texts[phase] = last.text
    assert set(texts) == set(PHASES)
    return texts


@pytest.mark.timeout(150)
async def test_killed_in_every_phase_each_question_has_one_end_and_resets_where_text_was_sent(site):
    with site.worker(holds=True) as lost:
        await site.held(lost)
        lost.send_signal(signal.SIGKILL)
        lost.wait()
        with site.worker(holds=False) as other:
            await site.committed()
            texts = await as_the_contract_says(site)
            by_lost = {phase for phase, text in texts.items() if text.startswith(f"{lost.pid} ")}
            assert by_lost == {"decided", "sent"}
            assert all(text.startswith(f"{other.pid} ") for p, text in texts.items() if p not in by_lost)
    attempts = {
        phase: [e.reason for e in map(event_of, records) if e.type == "answer.reset"]
        for phase, records in (await site.events()).items()
    }
    again = ["worker_lost"]
    assert attempts == {
        "unseen": [], "recorded": again, "talking": again, "fallen back": [*again, "timeout"],
        "deciding": again, "decided": [], "sent": [],
    }  # fmt: skip


@pytest.mark.timeout(150)
async def test_frozen_past_its_session_in_every_phase_and_woken_it_ends_nothing_that_another_has_ended(site):
    with site.worker(holds=True) as frozen:
        await site.held(frozen)
        frozen.send_signal(signal.SIGSTOP)
        with site.worker(holds=False):
            await site.committed()
            (site.folder / "go").touch()
            frozen.send_signal(signal.SIGCONT)
            await site.said(f"{frozen.pid} {PIECES - 1} ", "recorded")
            frozen.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(frozen.wait, 30) == 0
            await as_the_contract_says(site)
