"""The stand-in for Ollama as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("stub_ollama.py")


@dataclass(frozen=True)
class Stub:
    """A stand-in that runs."""

    url: str
    pid: int


@contextmanager
def running_stub(**options: float) -> Iterator[Stub]:
    """A stand-in with these options of the script, until the end."""
    command = [sys.executable, str(SCRIPT)]
    command += [
        part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield Stub(process.stdout.readline().strip(), process.pid)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def stub(**options: float) -> Iterator[str]:
    """Its URL."""
    with running_stub(**options) as started:
        yield started.url
