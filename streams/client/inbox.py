"""The topic of answers, read once for all questions of a client."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from streams.client.closed import closed
from streams.kafka.connection import KafkaConnection
from streams.kafka.replies import event_of
from streams.kafka.tailing import OPEN_S, Tailing
from streams.messages.reader import Event
from streams.messages.records import Offset, Record

LOOK_S = 5.0
"""How long what Kafka has may take to arrive, once somebody reads again."""


class Mail:
    """The events of the questions of one id, as they come."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Event | Exception] = asyncio.Queue()

    def put(self, event: Event | Exception) -> None:
        """Keeps an event, or what ended the reading."""
        self._queue.put_nowait(event)

    async def next(self, at: Offset) -> Event:
        """The next event of the question that stands there. Raises what ended the reading."""
        while True:
            event = await self._queue.get()
            if isinstance(event, Exception):
                raise event
            if event.question == str(at):
                return event

    async def by(self, until: float, at: Offset, *, look_s: float = LOOK_S) -> Event:
        """As `next`, by this time of the loop; what has arrived is given however late it is asked for.

        Raises `TimeoutError` where nothing came, after another `look_s`: a program that kept the loop for
        itself, or comes late, has not read yet what Kafka has.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                return await self.next(at)
        async with asyncio.timeout(look_s):
            return await self.next(at)


class Mailbox:
    """Entered, the mail of one id, once the topic is read; left, nothing.

    No generator: an event loop that ends closes those in any order, and an answer that was left half read,
    one itself, stands in this.
    """

    def __init__(self, all_mail: dict[str, list[Mail]], tail: Tailing, question_id: str) -> None:
        self._all, self._tail, self._id = all_mail, tail, question_id
        self._mail = Mail()

    async def __aenter__(self) -> Mail:
        self._all.setdefault(self._id, []).append(self._mail)
        try:
            await self._tail.open()
        except BaseException:
            self._leave()
            raise
        return self._mail

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        self._all[self._id].remove(self._mail)
        if not self._all[self._id]:
            del self._all[self._id]


class Inbox:
    """Sorts answer events by the id of their question; others' are not even parsed.

    What fails while it reads is raised in all who wait, and the next question begins anew.
    """

    def __init__(self, connection: KafkaConnection, topic: str, *, open_s: float = OPEN_S) -> None:
        self._mail: dict[str, list[Mail]] = {}
        self._tail = Tailing(connection, topic, take=self._take, lost=self._lost, open_s=open_s)

    def mail(self, question_id: str) -> Mailbox:
        """What comes for questions of this id, from before they are sent on."""
        return Mailbox(self._mail, self._tail, question_id)

    async def close(self) -> None:
        """Reads no more, and tells those who wait: `Rejected` (`closed`)."""
        self._lost(closed())
        await self._tail.close()

    def _take(self, record: Record) -> None:
        waiting = self._mail.get((record.key or b"").decode(errors="replace"), ())
        if waiting and (event := event_of(record)) is not None:
            self._share(waiting, event)

    def _lost(self, error: Exception) -> None:
        self._share([mail for some in self._mail.values() for mail in some], error)

    @staticmethod
    def _share(waiting: Iterable[Mail], event: Event | Exception) -> None:
        for mail in waiting:
            mail.put(event)
