"""`up`: everything on this machine, nothing else needed. What the settings name is used instead."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from streams.cli.output import Json, Output
from streams.cli.processes.services import gateway, worker
from streams.embedded.broker import broker_service
from streams.embedded.model_server import model_service, model_url
from streams.embedded.ports import HOST, is_free
from streams.embedded.state import State, claim
from streams.embedded.supervisor import Service, Supervisor
from streams.gateway.access import keys
from streams.kafka import topics
from streams.settings import Settings, load
from streams.wiring import connection, topic_plan
from streams.worker.parts import utc_now

RESTARTS = 3
"""How often a gateway that ended is started again: it holds no state."""
LOCAL = "rag-streams up"
"""The name of the key that `up` makes, anew each time."""


def up(as_json: Json = False) -> None:
    """Run a broker, a model server, a worker and the gateway here, until Ctrl-C.

    A Kafka, Ollama or Weaviate that the settings name is used instead of the embedded one. Other commands
    find what runs by the state file in `STREAMS_STATE_DIR`.

    Example: `rag-streams up`, then in a second terminal `rag-streams put docs/`
    """
    asyncio.run(_until_told(load(), Output(as_json)))


async def _until_told(settings: Settings, out: Output) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    starting = asyncio.create_task(_run(settings, out))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if starting.done():
        return starting.result()
    out.line("stopping")
    starting.cancel()
    await asyncio.wait({starting})
    return None


async def _run(settings: Settings, out: Output) -> None:
    async with running(settings, out, front=True) as (_, supervisor):
        out.line('now, in a second terminal:  rag-streams put docs/   rag-streams ask "…"   (Ctrl-C stops)')
        await supervisor.watch(out.line)


@dataclass(frozen=True, slots=True)
class Embedded:
    """Which parts are not named by the settings, so that `up` brings its own."""

    broker: bool
    models: bool
    store: bool

    @classmethod
    def of(cls, settings: Settings) -> Embedded:
        """By what the settings name."""
        return cls(
            broker=settings.kafka_bootstrap_servers is None,
            models=settings.ollama_url is None,
            store=settings.weaviate_url is None
            and not (settings.store == "weaviate" and "store" in settings.model_fields_set),
        )


@asynccontextmanager
async def running(
    settings: Settings, out: Output, *, env_file: Path | None = Path(".env"), front: bool = False
) -> AsyncIterator[tuple[Settings, Supervisor]]:
    """Everything started and ready; stopped at the end. Gives the settings by which it is reached.

    `front`: the gateway too, with a key of its own.

    Raises `Misconfigured` where something is not installed or another `up` runs here, `Retryable` where a
    part does not start.
    """
    own, logs = Embedded.of(settings), settings.state_dir / "logs"
    with claim(settings.state_dir) as state:
        async with Supervisor(
            logs, started=partial(_started, out), restarts={"gateway": RESTARTS}
        ) as supervisor:
            given = await _servers(own, settings, supervisor)
            there = load(env_file=env_file, **{**_explicit(settings), **given})
            await topics.create(connection(there), topics.wanted(topic_plan(there)))
            # Where no `.env` counts, the worker must find none either.
            cwd = None if env_file else settings.state_dir.resolve()
            port = await supervisor.start_on_free_port(partial(worker, given, cwd))
            health = f"http://{HOST}:{port}"
            address = await _front(there, given, supervisor, cwd, out) if front else None
            state.write(
                State(
                    pid=os.getpid(),
                    started_at=datetime.now(UTC),
                    settings=given,
                    pids=supervisor.pids,
                    health=health,
                )
            )
            _say(own, there, f"{health}/readyz", address, out)
            yield there, supervisor


def _explicit(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.model_fields_set}


async def _servers(own: Embedded, settings: Settings, supervisor: Supervisor) -> dict[str, Any]:
    """Starts what is embedded; gives the settings by which it is reached."""
    given: dict[str, Any] = {}
    if own.broker:
        folder = settings.state_dir.resolve() / "bin"
        port = await supervisor.start_on_free_port(lambda port: broker_service(port, folder))
        given |= {"kafka_bootstrap_servers": f"{HOST}:{port}", "kafka_provider": "embedded"}
        if "topic_partitions" not in settings.model_fields_set:
            given["topic_partitions"] = 1
    if own.models:
        port = await supervisor.start_on_free_port(model_service)
        given |= {"ollama_url": model_url(port), "llm_provider": "embedded"}
    if own.store:
        given |= {"store": "sqlite", "sqlite_path": str(_index(settings))}
    return given


def _index(settings: Settings) -> Path:
    named = "sqlite_path" in settings.model_fields_set
    return (settings.sqlite_path if named else settings.state_dir / "index.db").resolve()


async def _front(
    settings: Settings, given: dict[str, Any], supervisor: Supervisor, cwd: Path | None, out: Output
) -> str | None:
    """Starts the gateway; gives its address with a key, for a browser. None where it is not installed.

    Others find its keys and its port by what is added to `given`, programs by the files `key` and `url`. The
    keys are in a file of its own: one that the settings name would keep a key for everything.
    """
    if any(find_spec(name) is None for name in ("fastapi", "limits", "uvicorn")):
        return None
    path = (settings.state_dir / "keys.json").resolve()
    text = keys.renewed(path, LOCAL, utc_now())
    keys.write_secret(settings.state_dir / "key", text)
    given |= {"api_keys_file": str(path)}
    make = partial(gateway, given, cwd)
    if is_free(settings.gateway_port) or "gateway_port" in settings.model_fields_set:
        port = settings.gateway_port
        await supervisor.start(make(port))
    else:
        port = await supervisor.start_on_free_port(make)
        out.line(f"{settings.gateway_port} is taken, using {port}")
    given |= {"gateway_port": port}
    url = f"http://{HOST}:{port}"
    (settings.state_dir / "url").write_text(url + "\n")
    return f"{url}/#key={text}"


def _started(out: Output, service: Service, log: Path) -> None:
    out.line(f"starting {service.name}  (its log: {log})", style="dim")


def _say(own: Embedded, settings: Settings, health: str, address: str | None, out: Output) -> None:
    rows = {
        "kafka": (settings.kafka, "a broker in memory" if own.broker else "yours"),
        "models": (settings.ollama, "SmolLM2 135M and MiniLM" if own.models else "yours"),
        "index": (
            str(settings.sqlite_path) if settings.store == "sqlite" else settings.weaviate,
            "SQLite" if settings.store == "sqlite" else "yours",
        ),
        "worker": (health, f"logs in {settings.state_dir / 'logs'}"),
    }
    if address is not None:
        kept = f"{settings.state_dir / 'key'} and {settings.state_dir / 'url'}"
        rows["console"] = (address, f"for programs: {kept}")
    for part, (where, what) in rows.items():
        out.row({"part": part, "where": where, "what": what}, f"{part:<7} {where}  ({what})")
