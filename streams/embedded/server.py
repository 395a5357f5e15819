"""A small server that speaks Ollama's API for the bundled models.

    python -m streams.embedded.server --port 11434

It listens on the loopback only, answers one chat at a time, and says 503 where too many wait.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys

from streams.embedded.models import require_libraries
from streams.errors import Misconfigured

SHUTDOWN_SECONDS = 1.0
EXIT_MISCONFIGURED = 2
MOST_THREADS = 8


def main() -> None:
    """The command line. Exits with 2 where something is not installed, and says what."""
    parser = argparse.ArgumentParser(prog="python -m streams.embedded.server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=11434)
    parser.add_argument("--threads", type=int, default=_threads())
    parser.add_argument("--most", type=int, default=64, help="requests of a kind taken at once")
    given = parser.parse_args()
    # Threads of OpenMP that spin while they wait are many times slower on processors that others use too.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        asyncio.run(serve(given.host, given.port, given.threads, given.most))
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(EXIT_MISCONFIGURED)


async def serve(host: str, port: int, threads: int, most: int) -> None:
    """Serves until SIGINT or SIGTERM. Raises Misconfigured where a library or a model is missing."""
    require_libraries()
    from aiohttp import web  # noqa: PLC0415 - only once it is known to be there

    from streams.embedded.api import ModelServer, Serving  # noqa: PLC0415 - the same

    app = ModelServer(Serving(threads, most)).app()
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        await _told_to_stop()
    finally:
        await runner.cleanup()


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def _threads() -> int:
    # One processor is left to the broker and the workers: a model that shares its last one crawls.
    processors = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, min(MOST_THREADS, processors - 1))


if __name__ == "__main__":
    main()
