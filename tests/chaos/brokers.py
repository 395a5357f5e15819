"""Three brokers that are restarted, killed and stopped under load: `make chaos`, and shorter in `tests/real`.

Two workers follow what is edited and answer what is asked all the while. In the end the index must equal a
replay, each record have its receipt and each question its one end, and no worker may have ended.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from ops.servers.brokers import SIZE, Brokers, Node
from tests.bench.stub import stub
from tests.chaos.cluster import PARTITIONS, SURELY, Cluster
from tests.chaos.load import Load, Sent
from tests.chaos.questions import DEADLINE_MS, Questions
from tests.chaos.run import judged
from tests.chaos.traffic import Asking

STUCK_S = 5.0
"""For how long a reply topic may take nothing here, until its questions are refused: a minute otherwise."""
IMPATIENT = (
    f"from streams.agents import outlet; outlet.STUCK_S = {STUCK_S}; from streams.cli import main; main()"
)
LIMIT_S = 180.0
"""What a run waits for what must come, on a machine that does other things, too."""
BACK_S = 15.0
"""How long after Kafka's return an end may come whose deadline is over: see the delivery guarantees."""


class Site:
    """The brokers, two workers, and what is sent to them."""

    def __init__(self, folder: Path, brokers: Brokers, url: str, seed: int) -> None:
        self.brokers, self.chance = brokers, random.Random(seed)
        more = {
            "STREAMS_STORE": "sqlite",
            "STREAMS_SQLITE_PATH": str(folder / "index.db"),
            "STREAMS_TOPIC_REPLICATION": str(SIZE),
            "STREAMS_SIMILARITY_THRESHOLD": "0",
            "STREAMS_REPLY_TOPICS": "replies.*",
        }
        self.cluster = Cluster(folder, brokers.bootstrap, more, url, seed)
        roles = "index,answer"
        self.cluster.command = [sys.executable, "-c", IMPATIENT, "worker", "--roles", roles]
        self._load = Load(seed)

    async def create(self) -> None:
        """The topics, once every broker has its copies."""
        await in_sync(self.brokers)
        await self.cluster.create()
        await in_sync(self.brokers)

    def work(self) -> None:
        """Two workers, ready."""
        for worker in [self.cluster.add() for _ in range(2)]:
            worker.ready()

    @asynccontextmanager
    async def busy(self, pace_s: float = 0.1) -> AsyncIterator[Busy]:
        """Documents are edited and questions asked. In the end each has its receipt, or its end."""
        settings = self.cluster.settings
        bootstrap = self.brokers.bootstrap
        questions = Questions(bootstrap, settings.topic_questions, settings.topic_answers, self.cluster.seed)
        busy = Busy(self, questions)
        async with Asking(self.cluster, questions, load=self._load, pace_s=pace_s).going() as going:
            yield busy
            await going.rest()
            self.end_well(questions)

    def end_well(self, questions: Questions) -> None:
        """Raises AssertionError where a worker ended, or a question did not as it should."""
        gone = [worker for worker in self.cluster.workers if worker.process.poll() is not None]
        assert gone == [], "\n".join(worker.tail() for worker in gone)
        logs = "\n".join(worker.tail(15) for worker in self.cluster.workers)
        assert questions.problems() == [], logs


class Busy:
    """What goes on at a site."""

    def __init__(self, site: Site, questions: Questions) -> None:
        self.site, self.questions, self.cluster = site, questions, site.cluster
        self.began = time.time()
        self._number = 0

    async def goes_on(self) -> None:
        """A change in each partition is indexed, and a question in each that demands it answered."""
        async with producing(self.site) as producer:
            async with asyncio.timeout(LIMIT_S):
                places = [await self.asked_after(producer, number) for number in range(PARTITIONS)]
            await self.all_ended(places)
        await self.answered_from(places)

    async def asked_after(self, producer: AIOKafkaProducer, partition: int) -> str:
        """Edits a document, and asks for an answer that knows of it; gives the question's place."""
        record = await self.cluster.put(producer, self.document(), partition)
        return await self.ask_after(producer, [(record.partition, record.offset)], partition)

    def document(self) -> Sent:
        """One that nobody else edits."""
        self._number += 1
        name = f"own-{self.began:.0f}-{self._number}"
        said = {"id": name, "text": f"What there is to say of {name} is alpha."}
        return Sent(
            rows=False, key=f"acme/{name}".encode(), value=json.dumps(said | {"tenant": "acme"}).encode()
        )

    async def ask_after(
        self, producer: AIOKafkaProducer, after: Sequence[tuple[int, int]], partition: int
    ) -> str:
        """Asks for an answer that knows of these offsets of the changes' topic's partitions."""
        demanded = [
            {"topic": self.cluster.changes, "partition": number, "offset": offset} for number, offset in after
        ]
        return await self.ask(producer, partition, after=demanded)

    async def ask(
        self, producer: AIOKafkaProducer, partition: int, reply_to: str | None = None, **fields: object
    ) -> str:
        """Asks one question; gives its place."""
        asked = {"text": "What is said of alpha?", "tenant": "acme", "deadline_ms": DEADLINE_MS} | fields
        return await self.questions.put(producer, asked, partition, reply_to)

    async def all_ended(self, places: Sequence[str]) -> None:
        """Returns when each of these questions has its end."""
        try:
            await self.questions.until(lambda: set(places) <= self.questions.ended.keys(), LIMIT_S)
        except TimeoutError:
            logs = "\n".join(worker.tail(20) for worker in self.cluster.workers)
            missing = set(places) - self.questions.ended.keys()
            raise AssertionError(f"{missing} have no end\n{logs}") from None

    def end_of(self, place: str) -> dict:
        """A question's terminal event."""
        ends = {"answer.completed", "answer.failed"}
        return next(
            event for event in self.questions.events if event["question"] == place and event["type"] in ends
        )

    async def answered_from(self, places: Sequence[str]) -> None:
        """Raises AssertionError where one was not answered, or from an index that was not as demanded."""
        for place in places:
            end = self.end_of(place)
            assert (end["type"], end.get("stale")) == ("answer.completed", False), end

    def pauses(self) -> Pauses:
        """As long as it went on until now."""
        arrivals = sorted(at for at in self.cluster.arrivals if at >= self.began)
        gaps = [later - earlier for earlier, later in pairwise(arrivals)]
        ended = self.questions.ended
        took = {place: ended[place] - at for place, at in self.questions.asked.items() if place in ended}
        slowest = max(took, key=lambda place: took[place])
        return Pauses(len(arrivals), max(gaps, default=0.0), len(took), took[slowest], self.end_of(slowest))


@dataclass(frozen=True)
class Pauses:
    """What was indexed and answered; the longest time in which nothing was indexed, and for one answer."""

    indexed: int
    nothing_s: float
    answered: int
    slowest_s: float
    slowest: Mapping

    def __str__(self) -> str:
        return (
            f"{self.indexed} records indexed, at most {self.nothing_s:.1f} s without any;"
            f" {self.answered} questions answered, the slowest in {self.slowest_s:.1f} s"
            f" ({self.slowest['question']}, attempt {self.slowest['attempt']}, {self.slowest.get('timings')})"
        )


@asynccontextmanager
async def producing(site: Site, **more: object) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(bootstrap_servers=site.brokers.bootstrap, **{**SURELY, **more}) as producer:
        yield producer


async def topics_of(brokers: Brokers) -> Mapping[str, Sequence[Mapping]]:
    """The partitions of each topic: `leader`, `replicas` and `isr` of each."""
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers.bootstrap, request_timeout_ms=5000)
    await admin.start()
    try:
        return {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}
    finally:
        await admin.close()


async def in_sync(brokers: Brokers) -> None:
    """Returns when each partition has a leader, and all of its copies are up to date."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            with suppress(OSError, RuntimeError):
                partitions = [one for found in (await topics_of(brokers)).values() for one in found]
                if all(one["leader"] > 0 and len(one["isr"]) == len(one["replicas"]) for one in partitions):
                    return
            await asyncio.sleep(0.2)


async def leader(brokers: Brokers, topic: str, partition: int) -> Node:
    """The broker that leads a partition now."""
    [found] = [one for one in (await topics_of(brokers))[topic] if one["partition"] == partition]
    return brokers.node(found["leader"])


async def back(node: Node) -> None:
    """Starts it; returns once it takes part."""
    node.begin()
    await asyncio.to_thread(node.await_ready)


async def rolling_restart(busy: Busy) -> None:
    """As a person does it: one after the other, each once the one before is in sync again."""
    brokers = busy.site.brokers
    for node in busy.site.chance.sample(brokers.nodes, SIZE):
        await asyncio.to_thread(node.stop)
        await back(node)
        await in_sync(brokers)


async def two_away(busy: Busy, seconds: float) -> None:
    """Two end, the second in good order or not, and a worker is killed meanwhile; all are back then."""
    chance, cluster = busy.site.chance, busy.cluster
    one, other = chance.sample(busy.site.brokers.nodes, 2)
    end = chance.choice([Node.stop, Node.kill])
    print(f"nodes {one.number} and {other.number} end, the latter by {end.__name__}")
    await asyncio.to_thread(one.stop)
    await asyncio.to_thread(end, other)
    await asyncio.sleep(seconds / 2)
    await asyncio.to_thread(cluster.workers.pop(0).kill)
    await asyncio.sleep(seconds / 2)
    for node in (one, other):
        node.begin()
    cluster.add()
    for node in (one, other):
        await asyncio.to_thread(node.await_ready)
    await in_sync(busy.site.brokers)


async def make(brokers: Brokers, topic: str, copies_at: Sequence[int], **config: str) -> None:
    """A topic of one partition, that has its copies at these brokers, the first one its leader."""
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers.bootstrap)
    await admin.start()
    try:
        named = {name.replace("_", "."): value for name, value in config.items()}
        answer = await admin.create_topics(
            [NewTopic(topic, -1, -1, replica_assignments={0: list(copies_at)}, topic_configs=named)]
        )
        assert [error[1] for error in answer.topic_errors] == [0], answer
    finally:
        await admin.close()
    await in_sync(brokers)


@dataclass(frozen=True)
class Refusals:
    """Topics for answers that take nothing while a broker is away: its own, and one that wants all three."""

    alone: str
    strict: str

    @classmethod
    async def made(cls, brokers: Brokers, away: Node) -> Refusals:
        made = cls(*(f"replies.{name}-{time.time_ns()}" for name in ("alone", "strict")))
        others = [node.number for node in brokers.nodes if node is not away]
        await make(brokers, made.alone, [away.number])
        await make(brokers, made.strict, [*others, away.number], min_insync_replicas=str(SIZE))
        return made


async def leader_killed(busy: Busy) -> None:
    """The leader of partitions of every topic is killed in the middle of answers, and of a transaction.

    While it is away, all goes on, but what is asked with a `reply-to` that takes nothing is refused.
    """
    site, brokers = busy.site, busy.site.brokers
    partition = site.chance.randrange(PARTITIONS)
    victim = await leader(brokers, busy.cluster.changes, partition)
    print(f"node {victim.number} is killed, which leads partition {partition} of the changes")
    refusals = await Refusals.made(brokers, victim)
    transaction = {"transactional_id": f"{busy.cluster.name}-{time.time_ns()}", "request_timeout_ms": 60_000}
    async with producing(site) as producer, producing(site, **transaction) as writer:
        await writer.begin_transaction()
        written = await busy.cluster.put(writer, busy.document(), partition)
        answering = [await busy.ask(producer, number) for number in range(PARTITIONS) for _ in range(3)]
        await begun(busy, answering)
        victim.kill()
        killed = time.time()
        refused = [
            await busy.ask(producer, number, topic)
            for number, topic in enumerate([refusals.alone, refusals.strict])
        ]
        await writer.commit_transaction()
        print(f"the transaction was committed {time.time() - killed:.1f} s after it")
        demanding = [await busy.asked_after(producer, number) for number in range(PARTITIONS)]
        # The second is that of the transaction's marker.
        after = [(partition, written.offset), (partition, written.offset + 1)]
        demanding += [await busy.ask_after(producer, [one], partition) for one in after]
        await busy.all_ended([*answering, *demanding])
        print(f"the answers under way, and those after, ended {time.time() - killed:.1f} s after it")
        await busy.answered_from([*answering, *demanding])
        await busy.all_ended(refused)
        ended = busy.questions.ended
        assert min(ended[one] for one in demanding) < min(ended[one] for one in refused), "nothing went on"
        print(f"what could not be told was refused {time.time() - killed:.1f} s after it")
        assert {busy.end_of(one)["code"] for one in refused} == {"refused"}
        await back(victim)
        await in_sync(brokers)
        for topic in (refusals.alone, refusals.strict):
            place = await busy.ask(producer, 0, topic)
            await answered_at(brokers, topic, place)


async def begun(busy: Busy, places: Sequence[str]) -> None:
    """Returns when text of one of these was sent."""
    async with asyncio.timeout(LIMIT_S):
        while not any(  # noqa: ASYNC110 - a list that another task fills
            event["question"] in places and event["type"] == "answer.delta" for event in busy.questions.events
        ):
            await asyncio.sleep(0.01)


async def answered_at(brokers: Brokers, topic: str, place: str) -> None:
    """Returns when a question's answer is on that topic."""
    async with (
        asyncio.timeout(LIMIT_S),
        AIOKafkaConsumer(topic, bootstrap_servers=brokers.bootstrap, auto_offset_reset="earliest") as events,
    ):
        async for message in events:
            event = json.loads(message.value)
            if (event["question"], event["type"]) == (place, "answer.completed"):
                return


async def main(seed: int, seconds: float) -> int:
    folder = Path(tempfile.mkdtemp(prefix="brokers-"))
    faults = {
        "rolling restart": rolling_restart,
        "the leader killed": leader_killed,
        f"two of three away for {seconds:.0f} s": lambda busy: two_away(busy, seconds),
    }
    with Brokers(folder / "kafka") as brokers, stub(first_ms=100, token_ms=30, tokens=30) as url:
        site = Site(folder, brokers, url, seed)
        await site.create()
        await asyncio.to_thread(site.work)
        try:
            for name, fault in faults.items():
                async with site.busy() as busy:
                    await fault(busy)
                    await busy.goes_on()
                    print(f"brokers, {name}: {busy.pauses()}", flush=True)
            problems = await site.cluster.check()
        finally:
            site.cluster.end()
    return judged(problems, folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=None, help="a seed; else a new one")
    parser.add_argument("--seconds", type=float, default=60, help="how long two brokers are away")
    given = parser.parse_args()
    chosen = random.randrange(10**6) if given.seed is None else given.seed
    print(
        f"seed {chosen}: python tests/chaos/brokers.py --seed {chosen} --seconds {given.seconds:g}",
        flush=True,
    )
    sys.exit(asyncio.run(main(chosen, given.seconds)))
