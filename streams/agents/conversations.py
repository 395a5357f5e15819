"""Conversations: questions of one key are answered one after the other, each waiting for those before it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from streams.messages.questions import Asked


@dataclass(slots=True, eq=False)
class Turn:
    """A question's place in the line of its conversation, `behind` so many others when it came."""

    behind: int = 0
    first: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self) -> None:
        """Returns when all that came before are over."""
        await self.first.wait()


class Conversations:
    """The lines of all conversations: the questions of a topic, a tenant and a key.

    Two tenants that use the same key have nothing to do with each other.
    """

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str, bytes], deque[Turn]] = {}

    @contextmanager
    def join(self, asked: Asked) -> Iterator[Turn]:
        """A place at the end of the question's line, for as long as the block lasts."""
        turn = Turn()
        if asked.key is None:
            turn.first.set()
            yield turn
            return
        name = (asked.at.topic, asked.tenant, asked.key)
        line = self._lines.setdefault(name, deque())
        turn.behind = len(line)
        line.append(turn)
        line[0].first.set()
        try:
            yield turn
        finally:
            line.remove(turn)
            if line:
                line[0].first.set()
            else:
                del self._lines[name]
