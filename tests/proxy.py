"""A TCP proxy whose network fails as it is told: refuses, delays, hangs, cuts, resets, says something."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

HOST = "127.0.0.1"
CHUNK = 1 << 16
METHODS = (b"GET ", b"POST ", b"HEAD ", b"DELETE ")
"""What an HTTP request begins with; what follows may be its body."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to connections.

    `hangs`: they stay open, and nothing passes. `delay_s`: what passes, passes later. `cut_after`: they are
    reset once so many bytes of a reply have passed. `says`: what a request gets instead of its reply, before
    the end. `only`: from the moment on that a request begins with this, and has `about` in its first bytes or
    in those that follow them.
    """

    hangs: bool = False
    delay_s: float = 0.0
    cut_after: int | None = None
    says: bytes | None = None
    only: bytes = b""
    about: bytes = b""


NONE = Fault()


class Connection:
    """One client, and its connection to the server."""

    def __init__(self, proxy: Proxy, client: asyncio.StreamWriter) -> None:
        self._proxy, self._client = proxy, client
        self._begun = self._struck = False
        self._passed = 0
        self.dead = False
        """Whether it is half open for good, whatever becomes of others."""

    async def run(self, requests: asyncio.StreamReader) -> None:
        """Until one of the two has ended it."""
        replies, server = await asyncio.open_connection(HOST, self._proxy.upstream)
        ways = [
            asyncio.create_task(one)
            for one in (self._way(requests, server, asks=True), self._way(replies, self._client, asks=False))
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for writer in (server, self._client):
                writer.close()

    def reset(self) -> None:
        """The client gets a RST."""
        # A close that lingers for no time at all throws away what is unsent, and says so.
        self._client.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self._client.transport.abort()

    async def _way(self, here: asyncio.StreamReader, there: asyncio.StreamWriter, *, asks: bool) -> None:
        """One direction: bytes are read as they come, and written when their time has come."""
        due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)
        writing = asyncio.create_task(self._write(due, there, asks=asks))
        try:
            while data := await here.read(CHUNK):
                if asks and data.startswith(METHODS):
                    self._begun, self._passed = data.startswith(self._proxy.fault.only), 0
                    self._struck = False
                    if self._begun:
                        self._proxy.meant.release()
                if asks and self._begun:
                    # A body may come after its head.
                    self._struck = self._struck or self._proxy.fault.about in data
                await due.put((asyncio.get_running_loop().time() + self._fault.delay_s, data))
            await due.put((0.0, b""))
            await writing
        finally:
            writing.cancel()

    async def _write(
        self, due: asyncio.Queue[tuple[float, bytes]], there: asyncio.StreamWriter, *, asks: bool
    ) -> None:
        while True:
            at, data = await due.get()
            await asyncio.sleep(at - asyncio.get_running_loop().time())
            while self.dead or self._fault.hangs:
                await self._proxy.changed()
            if not data:
                return
            if asks and self._fault.says is not None:
                self._client.write(self._fault.says)
                await self._client.drain()
                self._client.close()
                return
            if not asks and self._fault.cut_after is not None:
                left = max(self._fault.cut_after - self._passed, 0)
                self._passed += len(data)
                there.write(data[:left])
                await there.drain()
                if len(data) > left:
                    self.reset()
                    return
                continue
            self._proxy.passed += 0 if asks else len(data)
            there.write(data)
            await there.drain()

    @property
    def _fault(self) -> Fault:
        fault = self._proxy.fault
        return fault if self._struck or not fault.only else NONE


class Proxy:
    """Listens on `port` for who wants to reach `upstream`, both on this machine."""

    def __init__(self, port: int, upstream: int) -> None:
        self.port, self.upstream = port, upstream
        self.fault = NONE
        self.passed = 0
        """Bytes of replies so far."""
        self.meant = asyncio.Semaphore(0)
        """What requests that the fault is about count on."""
        self._server: asyncio.Server | None = None
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._change = asyncio.Event()

    async def listen(self) -> None:
        """Connections are taken from now on."""
        self._server = await asyncio.start_server(self._taken, HOST, self.port)

    async def refuse(self) -> None:
        """Connections are refused from now on, and those that are there are reset."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.reset()

    async def reset(self) -> None:
        """Resets the connections that are there."""
        tasks = list(self._connections.values())
        for connection in list(self._connections):
            connection.reset()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def strike(self, **fault: object) -> None:
        """What happens from now on, see `Fault`; nothing, without any."""
        self.fault = replace(NONE, **fault)
        change, self._change = self._change, asyncio.Event()
        change.set()

    def half_open(self) -> int:
        """Nothing passes any more through the connections that are there, which stay open; how many."""
        for connection in self._connections:
            connection.dead = True
        return len(self._connections)

    async def asked(self, times: int) -> None:
        """Returns as soon as so many more requests came that begin with the fault's `only`."""
        self.meant = asyncio.Semaphore(0)
        for _ in range(times):
            await self.meant.acquire()

    async def changed(self) -> None:
        """Returns when there is another fault."""
        await self._change.wait()

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, writer)
        task = asyncio.current_task()
        assert task is not None
        self._connections[connection] = task
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await connection.run(reader)
        finally:
            self._connections.pop(connection, None)
            writer.close()


@contextlib.asynccontextmanager
async def proxied(port: int, upstream: int) -> AsyncIterator[Proxy]:
    """A proxy that listens, until the end."""
    proxy = Proxy(port, upstream)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.refuse()
