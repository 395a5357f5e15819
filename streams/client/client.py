"""The client: one Kafka, one tenant, any number of documents and questions."""

from __future__ import annotations

import asyncio
import uuid
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any, Self, TypedDict, TypeVar, Unpack

from pydantic import BaseModel, ValidationError

from streams.client.answer import Answer
from streams.client.closed import closed
from streams.client.here import here
from streams.client.inbox import LOOK_S, Inbox, Mail
from streams.client.routes import documents_topic, questions_topic
from streams.errors import Rejected, Retryable
from streams.kafka.consume import tail
from streams.kafka.produce import Producer
from streams.kafka.replies import event_of
from streams.messages import headers
from streams.messages.changes import DEFAULT_TENANT, DocumentChange, Scalar
from streams.messages.decode import described, refuse_unknown
from streams.messages.questions import Question, Turn
from streams.messages.reader import AnswerReader, Event
from streams.messages.receipts import IndexReceipt
from streams.messages.records import Offset, Outgoing
from streams.settings import Settings
from streams.wiring import connection, read_topics

SEND_S = 30.0
"""How long Kafka may take to accept a record."""
GRACE_S = 15.0
"""How long after its deadline an answer is still waited for, as where its worker was lost."""
QUESTIONS_FOLLOWED = 10_000
"""Questions of which `follow` remembers what it has seen; of one that has ended, only that."""

M = TypeVar("M", bound=BaseModel)


class DocumentFields(TypedDict, total=False):
    """What a document may have beside its id and its text: the fields of `DocumentChange`."""

    title: str
    media_type: str
    url: str
    language: str
    readers: Sequence[str]
    metadata: dict[str, Scalar | list[str]]
    changed_at: Any


class QuestionFields(TypedDict, total=False):
    """What a question may have beside its text: the fields of `Question`."""

    id: str
    principals: Sequence[str]
    filters: dict[str, Scalar]
    history: Sequence[Turn | dict[str, str]]
    top_k: int
    deadline_ms: int
    stream: bool
    language: str
    after: Sequence[Offset]
    allow_stale: bool


class Client:
    """Puts documents and asks questions, for one tenant. An async context manager, used in one event loop.

    Without `settings` it has those of the command line: `STREAMS_*` in the environment and `.env`, or
    what `rag-streams up` runs here. Its methods raise `Retryable` where Kafka does not answer,
    `Misconfigured` naming the setting at fault, and `Rejected` for what can't be sent. Once it is left, they,
    and the answers that are still read, raise `Rejected` (`closed`).
    """

    def __init__(self, settings: Settings | None = None, *, tenant: str = DEFAULT_TENANT) -> None:
        self._settings, self._tenant = settings or here(), tenant
        self._connection = connection(self._settings)
        self._topics = read_topics(self._settings)
        max_bytes = self._settings.topic_max_message_bytes
        self._producer = Producer(self._connection, max_bytes=max_bytes, timeout_s=SEND_S)
        self._inbox = Inbox(self._connection, self._settings.topic_answers)
        self._closed = False

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closed = True
        await self._inbox.close()
        await self._producer.stop()

    async def put(self, id: str, text: str, **fields: Unpack[DocumentFields]) -> Offset:  # noqa: A002 - the field's name
        """Writes a document; gives where its record stands, for `after` of a question that must see it."""
        return await self._change({"id": id, "text": text, **fields})

    async def delete(self, id: str) -> Offset:  # noqa: A002 - the field's name
        """Deletes a document; gives where the record of that stands."""
        return await self._change({"id": id, "op": "delete"})

    def ask(self, text: str, **fields: Unpack[QuestionFields]) -> Answer:
        """The answer to a question: iterate over its tokens, or await the whole.

        Raises `Rejected` (`invalid_question`) at once where the question is not valid.
        """
        given = {"id": str(uuid.uuid4()), "tenant": self._tenant, "text": text, **fields}
        return self.answer(_valid(Question, given, "invalid_question"))

    def answer(self, question: Question) -> Answer:
        """As `ask`, for a question as it travels; one without an id gets one."""
        named = question if question.id else question.model_copy(update={"id": str(uuid.uuid4())})
        return Answer(lambda: self._answers(named))

    async def follow(self, *, beginning: bool = False) -> AsyncIterator[Event]:
        """Everybody's answer events as they come, without end, those that don't count left out.

        `beginning`: with all that the topic still holds.
        """
        readers: OrderedDict[str, AnswerReader | None] = OrderedDict()
        async with tail(self._connection, self._settings.topic_answers, beginning=beginning) as records:
            async for record in records:
                if (event := event_of(record)) is None:
                    continue
                reader = readers.setdefault(event.question, AnswerReader())
                if reader is None or not reader.feed(event):
                    continue
                if reader.terminal is not None:
                    readers[event.question] = None
                readers.move_to_end(event.question)
                if len(readers) > QUESTIONS_FOLLOWED:
                    readers.popitem(last=False)
                yield event

    async def receipts(self, *, beginning: bool = False) -> AsyncIterator[IndexReceipt]:
        """What becomes of each change record, as it comes, without end."""
        async with tail(self._connection, self._settings.topic_indexed, beginning=beginning) as records:
            async for record in records:
                try:
                    yield IndexReceipt.model_validate_json(record.value or b"")
                except ValidationError:
                    continue

    async def _change(self, given: dict[str, Any]) -> Offset:
        change = _valid(DocumentChange, {"tenant": self._tenant, **given}, "invalid_change")
        topic = documents_topic(self._topics, self._tenant)
        return await self._send(change_record(change, topic=topic, tenant=self._tenant))

    async def _send(self, record: Outgoing) -> Offset:
        if self._closed:
            raise closed()
        return await self._producer.send(record)

    async def _answers(self, question: Question) -> AsyncGenerator[Event, None]:
        """Sends the question; its events, up to the terminal one."""
        reader, loop = AnswerReader(), asyncio.get_running_loop()
        topic = questions_topic(self._topics, question.tenant)
        if self._closed:
            raise closed()
        async with self._inbox.mail(question.id or "") as mail:
            at = await self._send(question_record(question, topic=topic))
            until = loop.time() + question.deadline_ms / 1000 + GRACE_S - LOOK_S
            while reader.terminal is None:
                event = await _by(until, mail, at)
                reader.feed(event)
                yield event


async def _by(until: float, mail: Mail, at: Offset) -> Event:
    try:
        return await mail.by(until, at)
    except TimeoutError:
        raise Retryable(
            "no answer came by the deadline: does a worker run? See `rag-streams doctor`", code="no_answer"
        ) from None


def change_record(
    change: DocumentChange, *, topic: str, tenant: str, along: headers.Headers = ()
) -> Outgoing:
    """The record that carries a native change: key `TENANT/ID`, the fields that were set.

    `along` are headers beside its version.
    """
    owner = change.tenant or tenant
    value = change.model_dump_json(exclude_defaults=True, exclude_none=True)
    return Outgoing(topic, f"{owner}/{change.id}".encode(), value.encode(), headers.versioned(*along))


def question_record(
    question: Question, *, topic: str, key: str | None = None, along: headers.Headers = ()
) -> Outgoing:
    """The record that carries a question; `along` are headers beside its version."""
    value = question.model_dump_json(exclude_defaults=True)
    return Outgoing(topic, None if key is None else key.encode(), value.encode(), headers.versioned(*along))


def _valid(model: type[M], given: dict[str, Any], code: str) -> M:
    refuse_unknown(model, given)
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise Rejected(described(error), code=code) from None
