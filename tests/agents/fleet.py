"""Worker processes over one topic, and what their journals say of every record."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupCoordinatorNotAvailableError

ROOT = Path(__file__).parents[2]


@dataclass
class Worker:
    """One process; its journal goes on when it is started again."""

    told: dict
    log: Path
    process: subprocess.Popen | None = None

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.agents.worker_process", json.dumps(self.told)],
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        return self

    def signal(self, number):
        self.process.send_signal(number)

    async def ended(self, limit_s=25.0):
        """Its exit code."""
        async with asyncio.timeout(limit_s):
            while self.process.poll() is None:  # noqa: ASYNC110 - a process sets no event
                await asyncio.sleep(0.02)
        return self.process.returncode

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    def lines(self):
        path = Path(self.told["journal"])
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@dataclass
class Fleet:
    """One topic with its group, its dead letters and its workers."""

    bootstrap: str
    folder: Path
    topic: str
    embedded: bool = False
    partitions: int = 4
    settings: dict = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)
    sent: int = 0

    @property
    def group(self):
        return f"{self.topic}-group"

    @property
    def outage(self):
        """While this file exists, all that the workers need is down."""
        return self.folder / "outage"

    @property
    def dead(self):
        return f"{self.topic}.dead"

    @property
    def tps(self):
        return [TopicPartition(self.topic, number) for number in range(self.partitions)]

    async def __aenter__(self):
        self.admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await self.admin.start()
        await self.admin.create_topics([NewTopic(self.topic, self.partitions, 1), NewTopic(self.dead, 1, 1)])
        self.producer = AIOKafkaProducer(**self._producing())
        await self.producer.start()
        return self

    def _producing(self):
        batch = {"max_batch_size": 1} if self.embedded else {"linger_ms": 5}
        return {"bootstrap_servers": self.bootstrap, "acks": "all", **batch}

    async def __aexit__(self, *_):
        for worker in self.workers:
            worker.kill()
        await self.producer.stop()
        await self.admin.close()

    def worker(self, **more):
        """One more, started."""
        name = self.folder / f"worker-{len(self.workers)}"
        told = {
            "bootstrap": self.bootstrap, "groups": [self.group], "topic": self.topic, "dead": self.dead,
            "embedded": self.embedded, "journal": f"{name}.jsonl", "settings": self.settings,
            "outage": str(self.outage), **more,
        }  # fmt: skip
        worker = Worker(told, Path(f"{name}.log")).start()
        self.workers.append(worker)
        return worker

    async def send(self, count, *, keys=40, pace_s=0.0, value=lambda _: {}):
        """Writes records; `value(n)` is what number n says."""
        acks = []
        for _ in range(count):
            number, self.sent = self.sent, self.sent + 1
            record = json.dumps({"n": number, **value(number)}).encode()
            acks.append(await self.producer.send(self.topic, record, key=b"key-%d" % (number % keys)))
            if pace_s:
                await asyncio.sleep(pace_s)
        await asyncio.gather(*acks)

    async def assigned(self, count=1, *, worker=None, limit_s=30.0):
        """Waits until a worker (or one of all) was given partitions so often."""
        who = [worker] if worker else self.workers
        await self.until(
            lambda: sum(line["k"] == "assigned" for one in who for line in one.lines()) >= count, limit_s
        )

    async def handled(self, count, limit_s=60.0):
        """Waits until so many records were begun."""
        await self.until(
            lambda: len({(line["p"], line["o"]) for line in self.lines("start")}) >= count, limit_s
        )

    async def said(self, worker, state, limit_s=30.0):
        """Waits until a worker's pump is in that state."""
        await self.until(
            lambda: [line["states"] for line in worker.lines() if line["k"] == "states"][-1:] == [[state]],
            limit_s,
        )

    async def until(self, said, limit_s):
        async with asyncio.timeout(limit_s):
            while not said():  # noqa: ASYNC110 - what other processes write sets no event
                await asyncio.sleep(0.05)

    async def caught_up(self, limit_s=60.0):
        """Waits until all that was written is committed."""
        end, tps = None, self.tps
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while await self.committed(tps) != (end := await self.ends(tps)):  # noqa: ASYNC110 - nor does Kafka
                    await asyncio.sleep(0.2)
                return
        raise AssertionError(f"committed {await self.committed(tps)} of {end}\n{self.tails()}")

    async def committed(self, tps):
        try:
            held = await self.admin.list_consumer_group_offsets(self.group, partitions=tps)
        except GroupCoordinatorNotAvailableError:
            return {}
        return {tp: max(held[tp].offset, 0) if tp in held else 0 for tp in tps}

    async def ends(self, tps):
        async with self._consumer() as consumer:
            return await consumer.end_offsets(tps)

    @contextlib.asynccontextmanager
    async def _consumer(self, *topics, **more):
        consumer = AIOKafkaConsumer(*topics, bootstrap_servers=self.bootstrap, **more)
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    async def dead_letters(self):
        """The headers of every dead letter, as text."""
        tp = TopicPartition(self.dead, 0)
        letters = []
        async with self._consumer(auto_offset_reset="earliest") as consumer:
            consumer.assign([tp])
            end = (await consumer.end_offsets([tp]))[tp]
            while await consumer.position(tp) < end:
                for records in (await consumer.getmany(timeout_ms=1000)).values():
                    letters += [{name: value.decode() for name, value in r.headers} for r in records]
        return letters

    def lines(self, *kinds):
        """What all workers wrote down, in the order of time."""
        found = [line for worker in self.workers for line in worker.lines() if line["k"] in kinds]
        return sorted(found, key=lambda line: line["t"])

    def tails(self):
        """The end of each worker's log."""
        return "\n".join(f"{w.log.name}: …{w.log.read_text()[-3000:]}" for w in self.workers)

    def finished(self):
        """How often each record was done or died, by its place."""
        counts = defaultdict(int)
        for line in self.lines("done", "dead"):
            counts[line["p"], line["o"]] += 1
        return counts

    def duplicates(self):
        return sum(self.finished().values()) - len(self.finished())

    def assert_nothing_lost(self):
        assert len(self.finished()) == self.sent, self.tails()

    def assert_order_kept(self):
        """The first start of each record of a key comes in the order of the log."""
        firsts, seen = defaultdict(list), set()
        for line in self.lines("start"):
            if (line["p"], line["o"]) not in seen:
                seen.add((line["p"], line["o"]))
                firsts[line["key"]].append((line["p"], line["o"]))
        wrong = {key: line for key, line in firsts.items() if line != sorted(line)}
        assert not wrong, f"{len(wrong)} keys out of order: {list(wrong.items())[:3]}"
