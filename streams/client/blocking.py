"""The client without `async`: for scripts and notebooks.

    for token in ask("How do I reset my password?"):
        print(token, end="")

    with connect(tenant="acme") as client:
        at = client.put("kb/42", "Passwords are reset under Settings, Account.")
        print(client.ask("How do I reset my password?", after=[at]).text)

It works where an event loop runs already, as in a notebook: the client has one of its own, in a thread.
What is left open at the end of a script is closed there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Unpack

from streams.client.answer import Answer, Token
from streams.client.client import Client, DocumentFields, QuestionFields
from streams.client.loop import Loop
from streams.messages.answers import AnswerCompleted
from streams.messages.changes import DEFAULT_TENANT
from streams.messages.reader import Event
from streams.messages.receipts import IndexReceipt
from streams.messages.records import Offset
from streams.settings import Settings


class BlockingAnswer:
    """As `Answer`: iterate over its tokens, or take the whole with `result`."""

    def __init__(self, loop: Loop, answer: Answer) -> None:
        self._loop, self._answer = loop, answer

    def __iter__(self) -> Iterator[Token]:
        return self._loop.iterate(aiter(self._answer))

    def events(self) -> Iterator[Event]:
        """The answer's events, to the terminal one."""
        return self._loop.iterate(self._answer.events())

    def result(self) -> AnswerCompleted:
        """The whole answer, with its citations, however much of it was read before.

        Raises `Retryable` or `Rejected` where there is none.
        """

        async def whole() -> AnswerCompleted:
            return await self._answer

        return self._answer.completed or self._loop.run(whole())

    @property
    def text(self) -> str:
        """The whole answer."""
        return self.result().text


class BlockingClient:
    """As `Client`, one call at a time; made by `connect`."""

    def __init__(self, loop: Loop, client: Client) -> None:
        self._loop, self._client = loop, client

    def put(self, id: str, text: str, **fields: Unpack[DocumentFields]) -> Offset:  # noqa: A002 - the field's name
        """Writes a document; gives where its record stands."""
        return self._loop.run(self._client.put(id, text, **fields))

    def delete(self, id: str) -> Offset:  # noqa: A002 - the field's name
        """Deletes a document; gives where the record of that stands."""
        return self._loop.run(self._client.delete(id))

    def ask(self, text: str, **fields: Unpack[QuestionFields]) -> BlockingAnswer:
        """The answer to a question."""
        return BlockingAnswer(self._loop, self._client.ask(text, **fields))

    def follow(self, *, beginning: bool = False) -> Iterator[Event]:
        """Everybody's answer events, without end."""
        return self._loop.iterate(self._client.follow(beginning=beginning))

    def receipts(self, *, beginning: bool = False) -> Iterator[IndexReceipt]:
        """What becomes of each change record, without end."""
        return self._loop.iterate(self._client.receipts(beginning=beginning))


@contextmanager
def connect(settings: Settings | None = None, *, tenant: str = DEFAULT_TENANT) -> Iterator[BlockingClient]:
    """A client for several calls, which is quicker than one for each. Raises as `Client` does."""
    client = Client(settings, tenant=tenant)
    with closing(Loop()) as loop:
        loop.enter(client)
        yield BlockingClient(loop, client)


def ask(
    text: str,
    *,
    settings: Settings | None = None,
    tenant: str = DEFAULT_TENANT,
    **fields: Unpack[QuestionFields],
) -> Iterator[Token]:
    """The tokens of the answer to one question."""
    with connect(settings, tenant=tenant) as client:
        yield from client.ask(text, **fields)


def put(
    id: str,  # noqa: A002 - the field's name
    text: str,
    *,
    settings: Settings | None = None,
    tenant: str = DEFAULT_TENANT,
    **fields: Unpack[DocumentFields],
) -> Offset:
    """Writes one document; gives where its record stands."""
    with connect(settings, tenant=tenant) as client:
        return client.put(id, text, **fields)


def delete(id: str, *, settings: Settings | None = None, tenant: str = DEFAULT_TENANT) -> Offset:  # noqa: A002 - the field's name
    """Deletes one document; gives where the record of that stands."""
    with connect(settings, tenant=tenant) as client:
        return client.delete(id)
