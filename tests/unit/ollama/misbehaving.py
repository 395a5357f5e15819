"""A server on a real socket that does, request after request, what the test tells it to."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Act = Callable[["Peer"], Awaitable[None]]


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: dict


class Peer:
    """The client's end, as an act sees it."""

    def __init__(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.request, self.reader, self.writer = request, reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, status: int = 200, **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} X", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def gone(self) -> None:
        """Returns when the client has closed its end."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(1 << 16):
                pass


@dataclass
class Misbehaving:
    """Acts once per request, the last act for ever."""

    acts: list[Act]
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Misbehaving]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.requests.append(await _request(reader))
            await self.acts[min(len(self.requests), len(self.acts)) - 1](
                Peer(self.requests[-1], reader, writer)
            )
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, path, headers, json.loads(body) if body else {})


def says(value: object, status: int = 200, **headers: str) -> Act:
    """A whole reply."""

    async def act(peer: Peer) -> None:
        await peer.head(status, **headers)
        await peer.send(json.dumps(value).encode())

    return act


def streams(*pieces: bytes) -> Act:
    """A 200 whose body comes in these pieces, each on its own, then the end."""

    async def act(peer: Peer) -> None:
        await peer.head()
        for piece in pieces:
            await peer.send(piece)
            await asyncio.sleep(0)

    return act


def hangs_up(peer: Peer) -> Awaitable[None]:
    """Closes without a word."""
    return asyncio.sleep(0)


def hangs(peer: Peer) -> Awaitable[None]:
    """Never answers, until the client goes."""
    return peer.gone()


def word(text: str) -> bytes:
    """A line of a chat's stream."""
    return _line({"message": {"role": "assistant", "content": text}, "done": False})


def _line(reply: dict) -> bytes:
    return json.dumps({"model": "m"} | reply).encode() + b"\n"


DONE = _line(
    {
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 7,
        "eval_count": 3,
    }
)
