"""Starts processes, waits until they are ready, and leaves none behind, however this process ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Never

from streams.embedded import tie
from streams.embedded.ports import free_ports, is_free
from streams.errors import Misconfigured, Retryable, StreamsError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

Tie = Literal["kernel", "watch"]

POLL_S = 0.05
TAIL_LINES = 20
TAIL_BYTES = 8192
EXIT_MISCONFIGURED = 2
NEW_PORTS = 3


@dataclass(frozen=True, slots=True)
class Service:
    """A process to run. `ready` says whether it takes requests; it must not raise, and soon return.

    `env` is its whole environment, None: ours. It has `ready_s` seconds to get ready, and `stop_s` after
    SIGTERM before it is killed.
    """

    name: str
    command: tuple[str, ...]
    ready: Callable[[], Awaitable[bool]]
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    ready_s: float = 30.0
    stop_s: float = 5.0


class ServiceEnded(Retryable):
    """A service is not there: it ended, or never got ready. The message ends with its log's last lines."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="service_ended")


@dataclass(frozen=True, slots=True)
class _Running:
    service: Service
    process: Process
    log: Path

    @property
    def ended(self) -> bool:
        return self.process.returncode is not None


class Supervisor:
    """Services started by this process, with logs in `folder`. An async context manager that stops them.

    Use it on the main thread: on Linux the kernel kills the services when the thread that started them
    ends. `started` is told of each service and its log as it starts; `restarts` says by name how often a
    service that ended is started again.
    """

    def __init__(
        self,
        folder: Path,
        tied: Tie = "kernel" if sys.platform == "linux" else "watch",
        *,
        started: Callable[[Service, Path], None] | None = None,
        restarts: Mapping[str, int] | None = None,
    ) -> None:
        self._folder, self._tied = folder, tied
        self._started, self._restarts = started, dict(restarts or {})
        self._running: list[_Running] = []

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops everything."""
        await self.stop()

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of the services that run, by name."""
        return {running.service.name: running.process.pid for running in self._running if not running.ended}

    async def start(self, service: Service) -> None:
        """Starts a service; returns when it is ready.

        Raises ServiceEnded where it ends or is not ready in time, Misconfigured where it ends with the
        exit code for that.
        """
        running = await self._spawn(service)
        self._running.append(running)
        try:
            async with asyncio.timeout(service.ready_s):
                await _until_ready(running)
        except TimeoutError:
            await self._drop(running)
            raise ServiceEnded(_told(running, f"was not ready in {service.ready_s:g} s")) from None
        except StreamsError:
            await self._drop(running)
            raise

    async def start_on_free_port(self, make: Callable[[int], Service]) -> int:
        """Starts the service that `make` gives for a free port, on another one if that is taken meanwhile."""
        for tries_left in reversed(range(NEW_PORTS)):
            (port,) = free_ports(1)
            try:
                await self.start(make(port))
            except ServiceEnded:
                if is_free(port) or not tries_left:
                    raise
            else:
                return port
        raise AssertionError("the last try returns or raises")

    async def watch(self, said: Callable[[str], None] | None = None) -> Never:
        """Waits until a service ends that is not to be started again, and raises ServiceEnded.

        `said` is told of each that is.
        """
        while True:
            running = await self._one_ended()
            name = running.service.name
            if not self._restarts.get(name):
                raise ServiceEnded(_told(running, f"ended with {_exit(running.process.returncode)}"))
            self._restarts[name] -= 1
            if said is not None:
                what, log = _exit(running.process.returncode), running.log.with_suffix(".ended.log")
                said(f"{name} ended with {what} (its log: {log}); starting it again")
            await self._drop(running)
            # What it said at its end is kept: it begins its log anew.
            running.log.replace(running.log.with_suffix(".ended.log"))
            await self.start(running.service)

    async def _one_ended(self) -> _Running:
        waiting = {asyncio.create_task(running.process.wait()): running for running in self._running}
        if not waiting:
            await asyncio.Event().wait()
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        return waiting[done.pop()]

    async def stop(self) -> None:
        """Stops the services, last started first: SIGTERM, then, after a while, SIGKILL."""
        try:
            while self._running:
                await _stopped(self._running[-1])
                self._running.pop()
        finally:
            for running in self._running:
                _kill(running)

    async def _drop(self, running: _Running) -> None:
        await _stopped(running)
        self._running.remove(running)

    async def _spawn(self, service: Service) -> _Running:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        log = self._folder / f"{service.name}.log"
        if self._started is not None:
            self._started(service, log)
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", tie.__file__, self._tied, str(os.getpid())),
                *service.command,
                # The other end is ours alone: its end is how the tie sees ours.
                stdin=subprocess.PIPE if self._tied == "watch" else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if service.env is None else dict(service.env),
                cwd=service.cwd,
                # Ctrl-C in a terminal is for us, who stop the services in order.
                start_new_session=True,
            )
        return _Running(service, process, log)


async def _until_ready(running: _Running) -> None:
    while not running.ended and not await running.service.ready():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(running.process.wait(), POLL_S)
    if running.ended:
        raise _ended(running)


async def _stopped(running: _Running) -> None:
    with contextlib.suppress(ProcessLookupError):
        running.process.terminate()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(running.process.wait(), running.service.stop_s)
    _kill(running)
    await running.process.wait()


def _kill(running: _Running) -> None:
    # The whole group: where the tie stays, the service is its child.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(running.process.pid, signal.SIGKILL)


def _ended(running: _Running) -> StreamsError:
    """The error for a service that ended by itself."""
    code = running.process.returncode
    if code == EXIT_MISCONFIGURED:
        last = tail(running.log).rsplit("\n", 1)[-1]
        return Misconfigured(last or f"{running.service.name} is misconfigured", setting=running.service.name)
    return ServiceEnded(_told(running, f"ended with {_exit(code)}"))


def tail(log: Path) -> str:
    """A log's last lines; empty where there is none."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-TAIL_LINES:])
    return ""


def _told(running: _Running, what: str) -> str:
    return f"{running.service.name} {what}; the end of its log ({running.log}):\n{tail(running.log)}"


def _exit(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
