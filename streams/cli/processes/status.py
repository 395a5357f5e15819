"""`status`: how far the groups are with what they read, and what a worker says of itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated

import httpx
import typer

from streams.cli.output import UNREACHABLE, Json, Output
from streams.client.here import here
from streams.embedded.state import read_state
from streams.kafka.admin import Admin
from streams.kafka.connection import started
from streams.kafka.consume import Spans, spans
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
    """Say how many workers run and records wait, and what the worker on this machine is ready or waits for.

    Exits 3 where it is not ready or does not answer, or no worker runs at all. Where no worker is named by
    `STREAMS_METRICS_PORT`, `--url` or `up`, only Kafka is asked.

    Example: `rag-streams status`, `docker compose exec worker rag-streams status`
    """
    settings, out = here(), Output(as_json)
    asked = url or _near(settings)
    ready = asked is None or asyncio.run(_worker(asked.rstrip("/"), out))
    manned = asyncio.run(_groups(settings, out))
    if not (ready and manned):
        raise typer.Exit(UNREACHABLE)


def _near(settings: Settings) -> str | None:
    """The address of the worker on this machine, where there is to be one."""
    if settings.metrics_port is not None:
        return f"http://{HOST}:{settings.metrics_port}"
    state = read_state(settings.state_dir)
    ours = (
        state is not None
        and state.settings.get("kafka_bootstrap_servers") == settings.kafka_bootstrap_servers
    )
    return state.health if state is not None and ours else None


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


async def _groups(settings: Settings, out: Output) -> bool:
    """Whether somebody works in each group; prints that, and how far it is with each of its topics."""
    read = read_topics(settings)
    roles = {
        "index": [source.topic for source in read.sources],
        "answer": [one.topic for one in read.questions],
    }
    found = [
        await _group(settings, f"{settings.group}-{role}", topics, out) for role, topics in roles.items()
    ]
    return all(found)


async def _group(settings: Settings, group: str, topics: Sequence[str], out: Output) -> bool:
    there = connection(settings)
    stretches = {topic: await spans(there, topic) for topic in topics}
    async with started(there, Admin(there)) as admin:
        workers = await admin.members(group)
        named = [(topic, partition) for topic, those in stretches.items() for partition in those]
        held = await admin.committed(group, named)
    mark = "ok   " if workers else "NONE "
    out.row({"group": group, "workers": workers}, f"{mark} {group:<29} {_count(workers, 'worker')}")
    for topic, those in stretches.items():
        row = {
            "topic": topic,
            "group": group,
            "partitions": len(those),
            "behind": _behind(topic, those, held),
        }
        said = f"{_count(_behind(topic, those, held), 'record')} behind" if those else "does not exist"
        out.row(row, f"        {topic:<27} {said}")
    return workers > 0


def _behind(topic: str, there: Spans, held: Mapping[tuple[str, int], int]) -> int:
    """Records between what the group has committed, or the topic's beginning, and its end."""
    return sum(
        end - min(end, max(begin, held.get((topic, partition), begin)))
        for partition, (begin, end) in there.items()
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
