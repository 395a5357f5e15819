"""A server process: started, awaited until it is ready, frozen, killed, started again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"
TIED = Path(__file__).with_name("tied.py")
BELOW_EPHEMERAL = range(15_000, 32_000)
"""Ports that the system gives to no outgoing connection, so that a free one stays free until it is bound."""
STOP_SECONDS = 20.0
LOG_LINES = 60


class ServerFailed(RuntimeError):
    """A server did not become ready, or is gone; the message ends with its log's last lines."""


def free_ports(count: int = 1) -> int:
    """The first of `count` neighbouring ports that nothing listens on."""
    while True:
        first = random.choice(BELOW_EPHEMERAL)  # noqa: S311 - any will do
        if all(_is_free(first + more) for more in range(count)):
            return first


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def listens(port: int) -> bool:
    """Whether a connection to `port` is accepted."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def answers(url: str) -> bool:
    """Whether a GET of `url` is answered with 2xx; goes through no proxy."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


class Server:
    """One server: its command, its environment, and a folder of its own for data and log.

    `kill` and `start` again keep ports and data, as a crash and a restart do. A context manager:
    started on entry, stopped on exit. It ends with the process that started it. `ends_by` asks it to end
    in good order; `user` is who it runs as, None: who starts it.
    """

    name = "server"
    ready_seconds = 60.0
    ends_by = signal.SIGTERM
    user: str | None = None

    def __init__(self, command: list[str], folder: Path, env: Mapping[str, str]) -> None:
        self.command, self.folder, self.env = command, folder, dict(env)
        self.log = folder / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._log_begins = 0

    def ready(self) -> bool:
        """Whether it takes requests."""
        raise NotImplementedError

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> Self:
        """Starts it unless it runs, and waits until it is ready. Raises ServerFailed with its log."""
        self.begin()
        self.await_ready()
        return self

    def begin(self) -> None:
        """Starts it unless it runs, without waiting. It ends when the thread does that calls this."""
        if self.pid is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._log_begins = self.log.stat().st_size if self.log.exists() else 0
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603 - the command is ours
                    [sys.executable, str(TIED), *self.command],
                    cwd=self.folder,
                    env=os.environ | self.env | dict(self._tie()),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )

    def _tie(self) -> Mapping[str, str]:
        """What `tied.py` is told."""
        tie = {"TIED_TO": str(os.getpid()), "TIED_BY": str(int(self.ends_by))}
        return tie | ({"TIED_AS": self.user} if self.user else {})

    def await_ready(self) -> None:
        """Waits until it is ready. Raises ServerFailed with its log."""
        deadline = time.monotonic() + self.ready_seconds
        while not self.ready():
            if self.pid is None:
                raise ServerFailed(f"{self.name} ended while starting\n{self.tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"{self.name} was not ready in {self.ready_seconds:.0f} s\n{self.tail()}")
            time.sleep(0.1)

    def kill(self) -> None:
        """SIGKILL for it and all that it started; returns when it is gone."""
        self._signal_all(signal.SIGKILL)
        if self._process:
            self._process.wait()

    def stop(self) -> None:
        """`ends_by`, then, after a while, SIGKILL; returns when it is gone."""
        if self.pid is not None and self._process:
            self._process.send_signal(self.ends_by)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        self.kill()

    def freeze(self) -> None:
        """SIGSTOP: it keeps its connections and answers nothing, until `thaw`."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on where it was frozen."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def printed(self) -> str:
        """What it wrote since its last start."""
        with self.log.open("rb") as log:
            log.seek(self._log_begins)
            return log.read().decode(errors="replace")

    def tail(self, lines: int = LOG_LINES) -> str:
        """The log's last lines, of all its starts."""
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def __enter__(self) -> Self:
        """Started."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stopped."""
        self.stop()
