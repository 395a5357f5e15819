"""Topics that answers may be written to, and following one question's answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from fnmatch import fnmatchcase

from pydantic import ValidationError

from streams.errors import Rejected
from streams.kafka.connection import KafkaConnection
from streams.kafka.ondemand import OnDemand
from streams.messages.answers import answer_event
from streams.messages.reader import AnswerReader, Event
from streams.messages.records import Offset, Record

SETTING = "STREAMS_REPLY_TOPICS"


class ReplyTopics:
    """The topics that a `reply-to` may name: they match the glob, and exist. `close` it at the end.

    `never` are those that are somebody else's business whatever the glob says, such as our own others.
    """

    def __init__(self, connection: KafkaConnection, glob: str, *, never: Collection[str] = ()) -> None:
        self._glob, self._never = glob, frozenset(never)
        self._admin = OnDemand(connection)
        self._known: frozenset[str] = frozenset()

    async def check(self, topic: str) -> None:
        """Raises `Rejected` (`refused`) where answers may not go there, `Retryable` where Kafka is away."""
        if not self._allows(topic):
            raise Rejected(f"reply-to must match {self._glob} ({SETTING})", code="refused")
        if topic not in self._known and not await self.exists(topic):
            raise Rejected("reply-to must name a topic that exists: make it first", code="refused")

    async def exists(self, topic: str) -> bool:
        """Whether the topic exists now."""
        self._known = frozenset(await self._admin(lambda admin: admin.partitions()))
        return topic in self._known

    async def close(self) -> None:
        """Lets go of the connection."""
        await self._admin.close()

    def _allows(self, topic: str) -> bool:
        ours = topic in self._never or topic.startswith("__")
        return not ours and fnmatchcase(topic, self._glob)


def event_of(record: Record) -> Event | None:
    """The event that a record holds; None for anything else."""
    try:
        return answer_event.validate_json(record.value or b"")
    except ValidationError:
        return None


async def follow(records: AsyncIterator[Record], question: Offset) -> AsyncIterator[Event]:
    """The events of the question that stands there, each once, up to the first terminal one.

    An event of a higher attempt takes back all that came before it.
    """
    reader = AnswerReader()
    async for record in records:
        event = event_of(record)
        if event is not None and event.question == str(question) and reader.feed(event):
            yield event
            if reader.terminal is not None:
                return
