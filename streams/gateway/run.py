"""The gateway's life: listen, serve, and at a signal let go of those who follow and end."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import NoReturn

import structlog
import uvicorn
from prometheus_client import CollectorRegistry

from streams.agents.flood import dam
from streams.agents.lifecycle import FAILED
from streams.gateway.app import application
from streams.gateway.http.bounds import Punctual
from streams.gateway.parts import parts
from streams.gateway.reading.standing import OK, Standing
from streams.kafka.reach import Reach
from streams.observe import health, logs
from streams.observe.metrics import Metrics
from streams.settings import Settings
from streams.settings.names import misconfigured
from streams.worker import process
from streams.worker.gauges import show_kafka

STOP_S = 3
"""How long running requests may go on at a stop; who follows a question does so at another gateway."""
CLOSE_S = 10.0
"""How long letting go of all may take, after that."""
IDLE_S = 30
"""How long a connection is kept between two requests."""
BACKLOG = 2048

log = structlog.get_logger("streams.gateway")


def main(settings: Settings) -> NoReturn:
    """Serves until SIGTERM or SIGINT, and ends the process then. Raises `Misconfigured`."""
    logs.configure(level=settings.log_level, style=settings.log_format)
    dam(time.monotonic)
    asyncio.run(serve(settings))


async def serve(settings: Settings) -> NoReturn:
    """Serves until SIGTERM or SIGINT, and ends the process then. Raises `Misconfigured` before that."""
    async with AsyncExitStack() as stack:
        server, listening = await _opened(settings, stack)
        code = FAILED
        try:
            await server.serve(sockets=[listening])
            code = 0
        except Exception:
            log.exception("gateway ended in a way that it should not")
        finally:
            await asyncio.wait([asyncio.create_task(stack.aclose())], timeout=CLOSE_S)
            # `asyncio.run` would wait for every task that is left, and some swallow their cancelling.
            logging.shutdown()
            os._exit(code)


async def _opened(settings: Settings, stack: AsyncExitStack) -> tuple[Server, socket.socket]:
    """What serves, and where it listens; the stack lets go of all that is beside it."""
    registry = CollectorRegistry()
    metrics = Metrics(registry, gateway=True)
    made = await stack.enter_async_context(parts(settings, metrics))
    listening = stack.enter_context(_listening(settings.gateway_host, settings.gateway_port))
    if settings.metrics_port is not None:
        face = health.application(_readiness(made.standing), registry)
        serving = health.serve(face, host=settings.metrics_host, port=settings.metrics_port)
        await stack.enter_async_context(serving)
    reach = Reach(made.connection, f"{settings.group}-index")
    show_kafka(metrics, reach)
    for beside in (made.keyring.watch(), reach.run()):
        stack.callback(asyncio.create_task(beside).cancel)
    server = Server(config(application(made)))
    process.on_signals(server.stop)
    host, port = listening.getsockname()[:2]
    log.info("gateway serves", url=f"http://{host}:{port}", kafka=settings.kafka)
    return server, listening


def config(app: object) -> uvicorn.Config:
    """How uvicorn serves the application."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=Punctual, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
        timeout_keep_alive=IDLE_S, timeout_graceful_shutdown=STOP_S, backlog=BACKLOG, proxy_headers=False,
    )  # fmt: skip


class Server(uvicorn.Server):
    """uvicorn's, whose signals are ours: a stop is no failure."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals as they are."""
        yield

    def stop(self) -> None:
        """Takes no more requests, and ends."""
        self.should_exit = True


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        problem = f"can't be used: nothing can listen on {host}:{port} ({error.strerror}); choose another"
        raise misconfigured("gateway_port", problem) from None
    with made:
        yield made


def _readiness(standing: Standing) -> health.Readiness:
    async def ready() -> dict[str, str | None]:
        kafka = (await standing.parts())["kafka"]
        return {"kafka": None if kafka == OK else kafka}

    return ready
