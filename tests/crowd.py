"""Many questions at a time, and how and when each of them ended, by Kafka's clock alone."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer

from streams.kafka.consume import tail
from streams.messages.answers import answer_event
from tests.unit.answering.rules import TERMINAL


@dataclass
class Told:
    """A question that Kafka has taken, and its terminal events: each once, however often it was sent."""

    fields: dict
    at_ms: int
    ends: dict = field(default_factory=dict)

    @property
    def end(self):
        """The first of them."""
        return answer_event.validate_json(next(iter(self.ends)))

    @property
    def took_s(self):
        return (next(iter(self.ends.values())) - self.at_ms) / 1000

    @property
    def late_s(self):
        """Seconds after its deadline; negative where it came before."""
        return self.took_s - self.fields["deadline_ms"] / 1000


class Crowd:
    """Asks, and collects ends. `told` has each question by its place."""

    def __init__(self, producer, questions):
        self._producer, self._questions = producer, questions
        self._ends, self._changed = {}, asyncio.Condition()
        self.told = {}

    async def ask(self, *, key=None, **fields):
        """Gives the question once Kafka has it."""
        value = json.dumps(fields, ensure_ascii=False).encode()
        held = await self._producer.send_and_wait(self._questions, value, key)
        place = f"{held.topic}-{held.partition}-{held.offset}"
        told = self.told[place] = Told(fields, held.timestamp, self._ends.setdefault(place, {}))
        return told

    async def all_ended(self, limit_s):
        """Returns when each has its end, or raises TimeoutError."""
        await self.until(lambda: all(told.ends for told in self.told.values()), limit_s)

    async def until(self, there, limit_s):
        """Returns when what came makes `there()` true, or raises TimeoutError."""
        async with asyncio.timeout(limit_s), self._changed:
            await self._changed.wait_for(there)

    async def collect(self, records):
        async for record in records:
            event = json.loads(record.value)
            if event["type"] in TERMINAL:
                async with self._changed:
                    self._ends.setdefault(event["question"], {}).setdefault(record.value, record.timestamp)
                    self._changed.notify_all()


@asynccontextmanager
async def crowd(site):
    """At a site, which is reached at its own address whatever its workers use."""
    servers = site.connection.bootstrap_servers
    async with (
        AIOKafkaProducer(bootstrap_servers=servers) as producer,
        tail(site.connection, site.answers) as ends,
    ):
        asking = Crowd(producer, site.questions)
        collecting = asyncio.create_task(asking.collect(ends))
        try:
            yield asking
        finally:
            collecting.cancel()
            await asyncio.gather(collecting, return_exceptions=True)
