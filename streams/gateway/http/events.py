"""Server-sent events: how they are written, kept alive, and ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from streams.errors import StreamsError
from streams.gateway.http.problems import Problem, problem_of
from streams.messages.reader import Event

MEDIA_TYPE = "text/event-stream"
ALIVE_S = 15.0
"""So long nothing may come before a comment says that the connection lives."""
ALIVE = b": alive\n\n"
CHANGED = "this key was revoked or changed since the stream began"

Last = tuple[int, int]
"""Attempt and sequence number of an event."""


class EventStream(StreamingResponse):
    """A stream of events, with comments where none comes for long.

    `stands` says whether the key may still follow, and is asked before each event and comment; where it may
    not, `ended` (the event `error`) is the end. What `stack` holds is let go then, however it ends.
    """

    media_type = MEDIA_TYPE

    alive_s = ALIVE_S

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        stack: AsyncExitStack,
        headers: Mapping[str, str] | None = None,
        *,
        stands: Callable[[], bool],
        ended: Callable[[Problem], bytes] | None = None,
    ) -> None:
        # Proxies that gather what they pass on would make an answer one piece.
        shown = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", **(headers or {})}
        self._chunks, self._stack = chunks, stack
        self._stands, self._ended = stands, ended or of_problem
        self._lively = self._kept_alive()
        super().__init__(self._lively, headers=shown)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it."""
        async with self._stack, aclosing(self._chunks), aclosing(self._lively):
            await super().__call__(scope, receive, send)

    async def _kept_alive(self) -> AsyncGenerator[bytes, None]:
        """The chunks with comments between them, until the key that was let in is no more what it was."""
        while True:
            coming = asyncio.ensure_future(anext(self._chunks, None))
            try:
                while not coming.done():
                    await asyncio.wait({coming}, timeout=self.alive_s)
                    if not self._stands():
                        yield self._ended(Problem(401, "key_revoked", CHANGED))
                        return
                    if not coming.done():
                        yield ALIVE
            finally:
                coming.cancel()
                await asyncio.wait({coming})
            chunk = coming.result()
            if chunk is None:
                return
            yield chunk


def written(event: Event) -> bytes:
    """An answer's event, by the id that `Last-Event-ID` names it with."""
    return frame(event.type, event.model_dump_json(), f"{event.attempt}.{event.seq}")


def frame(kind: str, data: str, id_: str | None = None) -> bytes:
    """One event; `data` is JSON, which has no line breaks."""
    named = "" if id_ is None else f"id: {id_}\n"
    return f"{named}event: {kind}\ndata: {data}\n\n".encode()


def failed(error: StreamsError, **more: Any) -> bytes:
    """The event that ends a stream which can't go on."""
    return of_problem(problem_of(error, **more))


def of_problem(problem: Problem) -> bytes:
    """The same, of a problem."""
    return frame("error", json.dumps(problem.body))


def last_seen(text: str | None) -> Last | None:
    """What `Last-Event-ID` names. Raises ValueError where that is no id of an answer's event."""
    if text is None:
        return None
    attempt, _, seq = text.partition(".")
    if not (attempt.isascii() and attempt.isdecimal() and seq.isascii() and seq.isdecimal()):
        raise ValueError(text[:40])
    return int(attempt[:19]), int(seq[:19])


def after(event: Event, last: Last | None, *, terminal: bool) -> bool:
    """Whether the event comes after the last one seen; a terminal one does unless it is that."""
    at = (event.attempt, event.seq)
    return last is None or (at != last if terminal else at > last)
