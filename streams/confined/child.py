"""The cutting process: reads requests from its standard input until that ends, one answer for each.

It takes its limits on itself, and the kernel keeps them, whatever a library does in here, and whether or
not the worker that asked is still there: too much processor time or too long a time ends the process by a
signal (SIGPROF, SIGALRM), and more memory can't be had.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from streams.confined import wire
from streams.errors import Rejected
from streams.indexing.cutting import parse_html, parse_pdf
from streams.indexing.cutting.chunk import chunk
from streams.indexing.cutting.cut import HereCutter
from streams.indexing.cutting.parse import parse

DOCUMENTS = 500
"""After so many it ends, and the next one starts afresh: libraries' caches grow."""

GROWN = 0.5
"""The share of its memory that it may hold and still go on to another document."""

TOO_LARGE = Rejected(
    "reading the document takes more memory than STREAMS_PARSE_MEMORY_MB allows: divide it into several",
    code="too_large",
)


def confine(limits: wire.Limits) -> None:
    """No more memory than that, no files written, no core dumps; an interrupt is the worker's business.

    On macOS memory is not bounded: there every process has hundreds of GiB of address space from its
    beginning, and a limit below what it has is refused.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "darwin":
        _bound(resource.RLIMIT_AS, limits.memory_bytes)
    _bound(resource.RLIMIT_FSIZE, 0)
    _bound(resource.RLIMIT_CORE, 0)


def _bound(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def serve(limits: wire.Limits, requests: BinaryIO, answers: BinaryIO) -> None:
    """Says that it is ready, then answers requests until they end, or until this process is worn."""
    _send(answers, wire.frame({"reads": [parse_html.__name__, parse_pdf.__name__]}))
    for _ in range(DOCUMENTS):
        lengths = requests.read(wire.LENGTHS.size)
        if len(lengths) < wire.LENGTHS.size:
            return
        with _timed(limits):
            whole, answer = _answer(requests, *wire.LENGTHS.unpack(lengths))
            _send(answers, answer)
        if not whole or _memory_used() > GROWN * limits.memory_bytes:
            return


def _send(answers: BinaryIO, frame: bytes) -> None:
    answers.write(frame)
    answers.flush()


def _answer(requests: BinaryIO, head: int, body: int) -> tuple[bool, bytes]:
    """The answer to a request, and whether this process may go on after it."""
    try:
        return True, _cut(json.loads(requests.read(head)), requests.read(body).decode())
    except MemoryError:
        return False, wire.refusal(TOO_LARGE)


def _cut(said: dict[str, Any], text: str) -> bytes:
    try:
        document, chunking = wire.requested(said, text)
        return wire.answer(HereCutter(parse, chunk).cut(document, chunking))
    except Rejected as error:
        return wire.refusal(error)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a library's: the document is at fault, and its text stays here
        problem = f"the document can't be read ({type(error).__name__})"
        return wire.refusal(Rejected(problem, code="unreadable"))


@contextmanager
def _timed(limits: wire.Limits) -> Iterator[None]:
    signal.setitimer(signal.ITIMER_PROF, limits.cpu_s)
    signal.setitimer(signal.ITIMER_REAL, limits.wall_s)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)


def _memory_used() -> int:
    """The memory that this process has, in bytes; on macOS the most that it had.

    On Linux not by `getrusage`, which begins with what the worker had when it started this process.
    """
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    told = wire.Limits(**json.loads(sys.argv[1]))
    confine(told)
    serve(told, sys.stdin.buffer, sys.stdout.buffer)
