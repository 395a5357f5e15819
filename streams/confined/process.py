"""One cutting process, as its worker sees it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from streams.confined import wire
from streams.errors import Misconfigured, Rejected, Retryable

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from asyncio.subprocess import Process

ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "TZ")
"""What the process gets of ours: no secret is where a document could make a library look for it."""

MEMORY_SETTING = "STREAMS_PARSE_MEMORY_MB"
SLACK_S = 30.0
"""How long a process may take to start, and to be killed by its own limit."""

MOST_ANSWERED = 256 * 1024 * 1024
"""Bytes of an answer; the longest text that is indexed takes a quarter of it."""

Answer = tuple[dict[str, Any], str]


class Worn(Exception):
    """The process ended in good order before it took the request: another one must."""


class Crashed(Exception):
    """The process ended in the middle of the request, and not by one of its limits."""


class CuttingProcess:
    """A started process. For one request at a time."""

    def __init__(self, process: Process, limits: wire.Limits) -> None:
        self._process, self._limits = process, limits

    @classmethod
    async def start(cls, limits: wire.Limits) -> CuttingProcess:
        """Starts one, and waits until it is ready.

        Raises `Retryable` where the machine has no room for it now, `Misconfigured` where it can't start.
        """
        command = (sys.executable, "-B", "-m", "streams.confined.child", json.dumps(asdict(limits)))
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,  # libraries' warnings quote documents
                env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
            )
        except OSError as error:
            raise Retryable(f"no process to read documents in: {error.strerror}") from None
        started = cls(process, limits)
        try:
            await started._within(SLACK_S, started._read())
        except asyncio.IncompleteReadError:
            raise _not_started(await started._exit_code()) from None
        return started

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    async def ask(self, request: bytes) -> Answer:
        """The answer to a request.

        Raises `Rejected` (`too_slow`), `Retryable`, `Worn` or `Crashed`. After any of these, and after a
        cancellation, the process is gone.
        """
        try:
            return await self._within(self._limits.wall_s + SLACK_S, self._exchange(request))
        except asyncio.IncompleteReadError:
            raise self._meaning(await self._exit_code()) from None

    def kill(self) -> None:
        """Ends it at once."""
        _streams(self._process)[1].close()
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                # Not by the object: that would look for the exit code first, and take it from who waits.
                os.kill(self._process.pid, signal.SIGKILL)

    async def ended(self) -> int:
        """Waits until it is gone; its exit code, negative for a signal."""
        return await self._process.wait()

    async def _exit_code(self) -> int:
        """The code of a process that answers no more, and so has ended, or is about to."""
        try:
            async with asyncio.timeout(SLACK_S):
                return await self.ended()
        finally:
            self.kill()

    async def _within(self, seconds: float, exchange: Coroutine[Any, Any, Answer]) -> Answer:
        """What `exchange` gives; where it gives nothing, the process is killed if it has not ended."""
        try:
            async with asyncio.timeout(seconds):
                return await exchange
        except asyncio.IncompleteReadError:
            raise  # it has ended: its exit code says why
        except TimeoutError:
            self.kill()
            raise _late(seconds) from None
        except BaseException:
            self.kill()
            raise

    async def _exchange(self, request: bytes) -> Answer:
        """Writes while it reads: the process may have answered before it has read all."""
        writing = asyncio.create_task(self._write(request))
        try:
            return await self._read()
        finally:
            writing.cancel()
            await asyncio.wait([writing])

    async def _write(self, request: bytes) -> None:
        _, requests = _streams(self._process)
        with suppress(ConnectionError):
            requests.write(request)
            await requests.drain()

    async def _read(self) -> Answer:
        answers, _ = _streams(self._process)
        head, body = wire.LENGTHS.unpack(await answers.readexactly(wire.LENGTHS.size))
        if head + body > MOST_ANSWERED:
            raise Crashed
        return json.loads(await answers.readexactly(head)), (await answers.readexactly(body)).decode()

    def _meaning(self, code: int) -> Exception:
        if code == 0:
            return Worn()
        if code == -signal.SIGPROF:
            return Rejected(
                f"reading the document takes more than {self._limits.cpu_s:g} s: divide it into several, or"
                " raise STREAMS_PARSE_TIMEOUT_S",
                code="too_slow",
            )
        return _late(self._limits.wall_s) if code == -signal.SIGALRM else Crashed()


def _streams(process: Process) -> tuple[StreamReader, StreamWriter]:
    assert process.stdout is not None  # noqa: S101 - it was started with pipes
    assert process.stdin is not None  # noqa: S101 - the same
    return process.stdout, process.stdin


def _late(seconds: float) -> Retryable:
    return Retryable(f"a document was not read within {seconds:g} s: the machine is too busy")


def _not_started(code: int) -> Retryable | Misconfigured:
    if code == -signal.SIGKILL:
        return Retryable("the process that reads documents was killed as it started: is memory short?")
    return Misconfigured(
        f"the process that reads documents does not start (exit code {code}): {MEMORY_SETTING} may be too"
        " little, or the installation incomplete",
        setting=MEMORY_SETTING,
    )
