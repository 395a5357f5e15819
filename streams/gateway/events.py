"""Server-sent events: how they are written, kept alive, and ended."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, suppress
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from streams.errors import StreamsError
from streams.gateway.problems import problem_of
from streams.messages.reader import Event

MEDIA_TYPE = "text/event-stream"
ALIVE_S = 15.0
"""So long nothing may come before a comment says that the connection lives."""
ALIVE = b": alive\n\n"

Last = tuple[int, int]
"""Attempt and sequence number of an event."""


class EventStream(StreamingResponse):
    """A stream of events, with comments where none comes for long.

    What `stack` holds is let go at its end, however it ends.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        stack: AsyncExitStack,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        # Proxies that gather what they pass on would make an answer one piece.
        shown = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", **(headers or {})}
        super().__init__(chunks, headers=shown)
        self._chunks, self._stack, self._sent_at = chunks, stack, 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it."""
        async with self._stack:
            await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        """Sends it, and keeps its connection alive."""

        async def sent(message: Message) -> None:
            self._sent_at = time.monotonic()
            await send(message)

        alive = asyncio.create_task(self._keep_alive(send))
        try:
            await super().stream_response(sent)
        finally:
            alive.cancel()
            await asyncio.wait({alive})
            await self._chunks.aclose()

    async def _keep_alive(self, send: Send) -> None:
        # At the stream's end a comment may come too late, which is no fault.
        with suppress(OSError, RuntimeError):
            while True:
                await asyncio.sleep(ALIVE_S)
                if time.monotonic() - self._sent_at >= ALIVE_S:
                    await send({"type": "http.response.body", "body": ALIVE, "more_body": True})


def written(event: Event) -> bytes:
    """An answer's event, by the id that `Last-Event-ID` names it with."""
    return frame(event.type, event.model_dump_json(), f"{event.attempt}.{event.seq}")


def frame(kind: str, data: str, id_: str | None = None) -> bytes:
    """One event; `data` is JSON, which has no line breaks."""
    named = "" if id_ is None else f"id: {id_}\n"
    return f"{named}event: {kind}\ndata: {data}\n\n".encode()


def failed(error: StreamsError, **more: Any) -> bytes:
    """The event that ends a stream which can't go on."""
    return frame("error", json.dumps(problem_of(error, **more).body))


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
