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
from streams.kafka.produce import Producer
from streams.kafka.progress import terminal_of
from streams.kafka.replies import event_of
from streams.kafka.topics import TopicPlan, create, wanted
from streams.kafka.watermarks import CommittedOffsets
from streams.messages.reader import AnswerReader, intact
from streams.messages.records import Offset, Outgoing
from tests.agents.phased_process import PHASES, PIECES, RECORDING

EACH = {str(number): phase for number, phase in enumerate(PHASES)}
"""Each partition's question waits in its own phase."""
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
    def worker(self, *, holds, go="go"):
        told = {
            "bootstrap": self.connection.bootstrap_servers, "name": self.name,
            "folder": str(self.folder), "holds": holds, "go": go,
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.agents.phased_process", json.dumps(told)]
        with (self.folder / f"worker-{go}.log").open("ab") as log:
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

    async def held(self, process, phases=PHASES, go="go"):
        """Returns when a question is in each of these phases."""
        async with asyncio.timeout(60):
            while not all((self.folder / f"{go} {phase}").exists() for phase in phases):
                assert process.poll() is None
                await asyncio.sleep(0.05)

    async def said(self, phase, there):
        """Returns when an event of that phase's question is as `there` says."""
        async with asyncio.timeout(60), tail(self.connection, self.plan.answers, beginning=True) as records:
            async for record in records:
                event = event_of(record)
                if event.question.endswith(f"-{PHASES.index(phase)}-0") and there(event):
                    return

    async def committed(self, *, but=()):
        """Returns when every question is acknowledged, but for those in some phases."""
        topic = f"{self.name}.questions"
        wanted = [number for number, phase in enumerate(PHASES) if phase not in but]
        all_of_them = [Offset(topic=topic, partition=number, offset=0) for number in wanted]
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
        decided = [(one.key, one.value, one.headers) for one in log[phase]]
        assert {decided[0]} == ends, (phase, "the end that was sent is not the first that was decided")
        assert len(set(decided)) == 1 or phase in RECORDING
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
    with site.worker(holds=EACH) as lost:
        await site.held(lost)
        lost.send_signal(signal.SIGKILL)
        lost.wait()
        with site.worker(holds={}, go="other") as other:
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
        "deciding": again, "overtaken": again, "overtaking": again, "decided": [], "sent": [],
    }  # fmt: skip


@pytest.mark.timeout(150)
async def test_frozen_past_its_session_in_every_phase_and_woken_it_ends_nothing_that_another_has_ended(site):
    last = f"{PIECES - 1} "
    talking = {str(PHASES.index("overtaking")): "talking"}
    with site.worker(holds=EACH) as frozen:
        await site.held(frozen)
        frozen.send_signal(signal.SIGSTOP)
        with site.worker(holds=talking, go="other") as other:
            await site.held(other, ["talking"], "other")
            await site.committed(but=["overtaking"])
            (site.folder / "go").touch()
            frozen.send_signal(signal.SIGCONT)
            await site.said("recorded", lambda event: getattr(event, "text", "") == f"{frozen.pid} {last}")
            # It has decided an end while the other one still answers, which comes to an end of its own.
            await site.said("overtaking", lambda event: event.type in TERMINAL)
            (site.folder / "other").touch()
            await site.committed()
            frozen.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(frozen.wait, 30) == 0
            texts = await as_the_contract_says(site)
            assert texts["overtaken"].startswith(f"{other.pid} ")
            assert texts["overtaking"].startswith(f"{frozen.pid} ")
            assert [len({one.value for one in (await site.decided())[p]}) for p in RECORDING] == [2, 2]
