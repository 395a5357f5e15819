"""`status`: how far the groups are with what they read, and what a worker says of itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import httpx
import typer

from streams.cli.output import UNREACHABLE, Json, Output
from streams.client.here import here
from streams.embedded.state import read_state
from streams.kafka.admin import Admin
from streams.kafka.connection import started
from streams.kafka.consume import spans
from streams.settings import Settings
from streams.wiring import connection, read_topics

HOST = "127.0.0.1"
LIMIT_S = 10.0
"""How long a worker may take to answer: it asks the store first."""


def status(
    url: Annotated[
        str | None,
        typer.Option(help="Where a worker or gateway has its `/readyz`; else `STREAMS_METRICS_PORT` here."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how many records wait in each topic, and what a worker on this machine is ready for or waits for.

    Exits 3 where it is not ready, or does not answer; where none is named by `STREAMS_METRICS_PORT`, `--url`
    or `up`, only Kafka is asked.

    Example: `rag-streams status`, `docker compose exec worker rag-streams status`
    """
    settings, out = here(), Output(as_json)
    asked = url or _near(settings)
    ready = asked is None or asyncio.run(_worker(asked.rstrip("/"), out))
    asyncio.run(_topics(settings, out))
    if not ready:
        raise typer.Exit(UNREACHABLE)


def _near(settings: Settings) -> str | None:
    """The address of the worker on this machine, where there is to be one."""
    if settings.metrics_port is not None:
        return f"http://{HOST}:{settings.metrics_port}"
    state = None if settings.kafka_bootstrap_servers else read_state(settings.state_dir)
    return None if state is None else state.health


async def _worker(url: str, out: Output) -> bool:
    """Whether all of it is ready; prints each part."""
    parts = await _said(f"{url}/readyz")
    for part, problem in parts.items():
        row = {"url": url, "part": part, "ok": problem == "ok", "detail": problem}
        out.row(row, f"{'ok   ' if problem == 'ok' else 'WAITS'} {part:<11} {problem}")
    return all(problem == "ok" for problem in parts.values())


async def _said(url: str) -> Mapping[str, str]:
    """The parts that `/readyz` names; one of our own where nothing is said."""
    try:
        async with httpx.AsyncClient(timeout=LIMIT_S, trust_env=False) as http:
            parts: dict[str, str] = (await http.get(url)).json()["parts"]
            return parts
    except httpx.TimeoutException:
        return {"worker": f"{url} does not answer within {LIMIT_S:g} s: frozen, or starved; see its log"}
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        return {"worker": f"nobody tells at {url} ({type(error).__name__}): does it run? See its log"}


async def _topics(settings: Settings, out: Output) -> None:
    """Prints how far each group is with each of its topics. Raises as Kafka's parts do."""
    read = read_topics(settings)
    roles = {
        "index": [source.topic for source in read.sources],
        "answer": [one.topic for one in read.questions],
    }
    for role, topics in roles.items():
        for topic in topics:
            _print(await _standing(settings, f"{settings.group}-{role}", topic), out)


async def _standing(settings: Settings, group: str, topic: str) -> Mapping[str, Any]:
    there = await spans(connection(settings), topic)
    async with started(connection(settings), Admin(connection(settings))) as admin:
        held = await admin.committed(group, [(topic, partition) for partition in there])
    behind = {
        partition: end - min(end, max(begin, held.get((topic, partition), begin)))
        for partition, (begin, end) in there.items()
    }
    return {"topic": topic, "group": group, "partitions": len(there), "behind": sum(behind.values())}


def _print(row: Mapping[str, Any], out: Output) -> None:
    said = f"{row['behind']} records behind" if row["partitions"] else "does not exist"
    out.row(row, f"      {row['topic']:<28} {row['group']:<20} {said}")
