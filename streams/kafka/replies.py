"""Following one question's answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pydantic import ValidationError

from streams.messages.answers import answer_event
from streams.messages.reader import AnswerReader, Event
from streams.messages.records import Offset, Record


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
