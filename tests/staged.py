"""For tests of who asks: the workers' part is played by the test, and a connection can be cut."""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Self

from streams.kafka.connection import started
from streams.kafka.consume import tail
from streams.kafka.produce import Producer
from streams.messages.headers import versioned
from streams.messages.questions import Question
from streams.messages.records import Offset, Outgoing
from streams.settings import load
from streams.wiring import connection

QUESTIONS, ANSWERS = "staged.questions", "staged.answers"


class Stage:
    """Takes questions from a topic that no worker reads, and says what the test wants said."""

    def __init__(self, state: dict) -> None:
        self._connection = connection(load(env_file=None, **state))
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._records = await self._stack.enter_async_context(tail(self._connection, QUESTIONS))
        self._producer = Producer(self._connection, max_bytes=8_000_000, timeout_s=30)
        await self._stack.enter_async_context(started(self._connection, self._producer))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def send(self, topic: str, key: str, value: str | None) -> Offset:
        """A record of any kind; without a value, a tombstone."""
        return await self._producer.send(Outgoing(topic, key.encode(), value and value.encode(), versioned()))

    async def asked(self) -> Played:
        """The next question."""
        async with asyncio.timeout(30):
            record = await anext(self._records)
        question = Question.model_validate_json(record.value)
        return Played(self._producer, question, str(record.at))


class Played:
    """One question, and its answer as the test tells it."""

    def __init__(self, producer: Producer, question: Question, at: str) -> None:
        self._producer, self.question, self._at = producer, question, at
        self.attempt, self._seq, self._text = 1, 0, ""

    async def _say(self, kind: str, **fields: object) -> None:
        said = {
            "type": kind, "tenant": self.question.tenant, "question_id": self.question.id,
            "question": self._at, "attempt": self.attempt, "seq": self._seq,
            "at": datetime.now(UTC).isoformat(), **fields,
        }  # fmt: skip
        self._seq += 1
        await self._producer.send(
            Outgoing(ANSWERS, self.question.id.encode(), json.dumps(said).encode(), versioned())
        )

    async def starts(self, citations: list[dict], model: str = "stage:70b") -> None:
        """Retrieval is done."""
        found = [{**one, "cited": False} for one in citations]
        await self._say("answer.started", model=model, route="primary", citations=found, watermark=[])

    async def says(self, *pieces: str) -> None:
        """The next pieces of the text."""
        for text in pieces:
            self._text += text
            await self._say("answer.delta", text=text)

    async def starts_over(self, reason: str, model: str = "stage:8b") -> None:
        """A new attempt."""
        self.attempt, self._seq, self._text = self.attempt + 1, 0, ""
        await self._say("answer.reset", reason=reason, model=model, route="fallback")

    async def ends(self, citations: list[dict], text: str | None = None, **fields: object) -> None:
        """The whole answer."""
        text = self._text if text is None else text
        said = {
            "model": "stage:70b", "route": "primary", "reason": None, "abstained": False, "grounded": 0.9,
            "watermark": [{"topic": "documents.changes", "partition": 0, "offset": 3}],
            "usage": {"prompt_tokens": 90, "completion_tokens": 12},
            "timings": {"queued": 3.0, "first_token": 412.0, "generated": 820.0, "total": 1290.0}, **fields,
        }  # fmt: skip
        digest = hashlib.sha256(text.encode()).hexdigest()
        await self._say("answer.completed", text=text, sha256=digest, citations=citations, **said)

    async def fails(self, code: str, message: str, *, retryable: bool) -> None:
        """No answer."""
        await self._say("answer.failed", code=code, message=message, retryable=retryable)


class Relay:
    """A TCP relay to a port, whose connections can be cut."""

    def __init__(self, port: int) -> None:
        self._port, self._open, self.closed = port, set(), False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Ends all connections at once."""
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.closed:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        pair = {writer, back}
        self._open |= pair
        try:
            await asyncio.wait(
                [asyncio.create_task(_pass(reader, back)), asyncio.create_task(_pass(there, writer))],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            self._open -= pair
            for one in pair:
                one.transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
