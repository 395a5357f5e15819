"""What a request may be: so large, and so slow. As ASGI middleware, and in the protocol below it."""

from __future__ import annotations

import asyncio

import h11
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from streams.gateway.http.problems import Problem, response

HEAD_S = 10.0
"""Seconds within which a request's head must have arrived, from its first byte, or from the connection's."""


class Bounds:
    """Refuses bodies of more than `max_bytes`, and those that have not arrived in `timeout_s` seconds.

    Once a response has begun nothing can be refused: what still comes of a body is let go by, and one that is
    too large ends the connection.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, timeout_s: float) -> None:
        self._app, self._max_bytes, self._timeout_s = app, max_bytes, timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or lets others answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._announced(scope) > self._max_bytes:
            await response(Request(scope), self._too_large())(scope, receive, send)
        else:
            began = asyncio.Event()

            async def sent(message: Message) -> None:
                began.set()
                await send(message)

            await self._app(scope, self._bounded(receive, began), sent)

    @staticmethod
    def _announced(scope: Scope) -> int:
        for name, value in scope["headers"]:
            if name == b"content-length":
                return int(value) if value.isdigit() else 0
        return 0

    def _bounded(self, receive: Receive, began: asyncio.Event) -> Receive:
        loop = asyncio.get_running_loop()
        until, left, whole = loop.time() + self._timeout_s, self._max_bytes, False

        async def bounded() -> Message:
            nonlocal left, whole
            if whole:
                return await receive()
            try:
                async with asyncio.timeout_at(None if began.is_set() else until):
                    message = await receive()
            except TimeoutError:
                if not began.is_set():
                    raise self._too_slow() from None
                message = await receive()
            left -= len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if left >= 0:
                return message
            if began.is_set():
                return {"type": "http.disconnect"}
            raise self._too_large()

        return bounded

    def _too_large(self) -> Problem:
        detail = f"a request may have {self._max_bytes} bytes"
        return Problem(413, "too_large", detail, headers={"Connection": "close"})

    def _too_slow(self) -> Problem:
        detail = f"the body did not arrive within {self._timeout_s:g} s"
        return Problem(408, "body_timeout", detail, headers={"Connection": "close"})


class Framed:
    """Refuses a request that says its length in two ways, of which a proxy before us may believe the other.

    That is how requests are smuggled (RFC 9112, section 6.3).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or lets others answer."""
        names = {name for name, _ in scope["headers"]} if scope["type"] == "http" else set()
        if {b"content-length", b"transfer-encoding"} <= names:
            detail = "send Content-Length or Transfer-Encoding, not both"
            problem = Problem(400, "invalid_request", detail, headers={"Connection": "close"})
            await response(Request(scope), problem)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class Punctual(H11Protocol):
    """uvicorn's HTTP/1.1, which hangs up on whoever does not send a request's head in time.

    So it does where a request was answered before its body was read, and the rest does not come in time.
    """

    _late: asyncio.TimerHandle | None = None
    head_s = HEAD_S

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection: its first request is waited for."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """A part of a request: where its head isn't whole, the rest is waited for."""
        super().data_received(data)
        if self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.DONE:
            return
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._late is None and (self.conn.trailing_data[0] or self.timeout_keep_alive_task is None):
            self._wait()

    def on_response_complete(self) -> None:
        """The end of an answer: what is left of the request is waited for."""
        unread = self.conn.their_state is h11.SEND_BODY
        super().on_response_complete()
        if unread and self._late is None and not self.transport.is_closing():
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of it."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._late = self.loop.call_later(self.head_s, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
