"""Worker processes for the benches: started, awaited until ready, killed, and measured."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from ops.servers.process import free_ports


class Worker:
    """One `rag-streams worker` in a process of its own, with its log beside it."""

    def __init__(self, folder: Path, environ: dict[str, str], *, roles: str = "index,answer") -> None:
        self.port = free_ports()
        self.log = folder / f"worker-{self.port}.log"
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("STREAMS_")},
            **environ,
            "STREAMS_METRICS_PORT": str(self.port),
            "STREAMS_STATE_DIR": str(folder / "state"),
        }
        self.command = [sys.executable, "-m", "streams", "worker", "--roles", roles]
        self.process: subprocess.Popen | None = None

    def start(self) -> Worker:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, env=self.environ, stdout=log, stderr=log)
        return self

    def ready(self, limit_s: float = 180) -> Worker:
        """Waits until `/readyz` is green; raises with the log's end where it is not."""
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=10):
                    return self
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(f"the worker is not ready (exit {self.process.poll()}):\n{self.tail()}")

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self, limit_s: float = 20) -> int:
        """SIGTERM, as an orchestrator sends it; gives the exit code."""
        if self.process is None or self.process.poll() is not None:
            return self.process.poll() if self.process else 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def resident_mb(self) -> float:
        """Resident memory now, in MB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("no VmRSS")

    def open_files(self) -> int:
        """How many files and sockets it has open now."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))
