"""`status`: how far the groups are with what they read, and what a worker says of itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import httpx
import typer

from streams.cli.output import UNREACHABLE, Json, Output
from streams.client.here import here
from streams.embedded.state import read_state
from streams.kafka import topics
from streams.kafka.admin import Admin
from streams.kafka.connection import KafkaConnection, started
from streams.kafka.consume import Spans, spans
from streams.kafka.faults import silent
from streams.settings import Settings
from streams.wiring import connection, read_topics, topic_plan

HOST = "127.0.0.1"
LIMIT_S = 10.0
"""How long a worker may take to answer: it asks the store first."""
KAFKA_LIMIT_S = 20.0
"""How long Kafka may take to tell all that is asked of it."""


def status(
    url: Annotated[
        str | None,
        typer.Option(help="Where a worker or gateway has its `/readyz`; else `STREAMS_METRICS_PORT` here."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how many workers run and records wait, and what the worker on this machine is ready or waits for.

    Exits 3 where it is not ready or does not answer, no worker runs at all, or Kafka takes no records or does
    not answer within 20 s. Where no worker is named by `STREAMS_METRICS_PORT`, `--url` or `up`, only Kafka is
    asked.

    Example: `rag-streams status`, `docker compose exec worker rag-streams status`
    """
    settings, out = here(), Output(as_json)
    asked = url or _near(settings)
    ready = asked is None or asyncio.run(_worker(asked.rstrip("/"), out))
    goes_on = asyncio.run(_kafka(settings, out))
    if not (ready and goes_on):
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


@dataclass(frozen=True, slots=True)
class _Group:
    """How many work in a group, its topics' partitions (0: there is no such topic), records that wait."""

    name: str
    workers: int
    partitions: Mapping[str, int]
    behind: Mapping[str, int]


async def _kafka(settings: Settings, out: Output) -> bool:
    """Whether somebody works in each group, and Kafka takes records; prints that, and how far they are."""
    there = connection(settings)
    try:
        async with asyncio.timeout(KAFKA_LIMIT_S):
            there, _ = await there.answering()
            stuck, groups = await asyncio.gather(_stuck(settings, there), _groups(settings, there))
    except TimeoutError:
        raise silent(there.bootstrap_servers) from None
    if stuck:
        row = {"part": "topics", "ok": False, "detail": stuck}
        out.row(row, f"WAITS topics      {stuck}: brokers are away, bring them back")
    for group in groups:
        _show(group, out)
    return not stuck and all(group.workers for group in groups)


async def _stuck(settings: Settings, there: KafkaConnection) -> str:
    return topics.stuck_of(await topics.check(there, topics.wanted(topic_plan(settings))))


async def _groups(settings: Settings, there: KafkaConnection) -> Sequence[_Group]:
    read = read_topics(settings)
    roles = {
        "index": [source.topic for source in read.sources],
        "answer": [one.topic for one in read.questions],
    }
    return await asyncio.gather(
        *(_group(there, f"{settings.group}-{role}", names) for role, names in roles.items())
    )


async def _group(there: KafkaConnection, group: str, names: Sequence[str]) -> _Group:
    stretches = {topic: await spans(there, topic) for topic in names}
    async with started(there, Admin(there)) as admin:
        workers = await admin.members(group)
        named = [(topic, partition) for topic, those in stretches.items() for partition in those]
        held = await admin.committed(group, named)
    return _Group(
        group,
        workers,
        {topic: len(those) for topic, those in stretches.items()},
        {topic: _behind(topic, those, held) for topic, those in stretches.items()},
    )


def _show(group: _Group, out: Output) -> None:
    mark = "ok   " if group.workers else "NONE "
    row = {"group": group.name, "workers": group.workers}
    out.row(row, f"{mark} {group.name:<29} {_count(group.workers, 'worker')}")
    for topic, partitions in group.partitions.items():
        behind = group.behind[topic]
        said = f"{_count(behind, 'record')} behind" if partitions else "does not exist"
        row = {"topic": topic, "group": group.name, "partitions": partitions, "behind": behind}
        out.row(row, f"        {topic:<27} {said}")


def _behind(topic: str, there: Spans, held: Mapping[tuple[str, int], int]) -> int:
    """Records between what the group has committed, or the topic's beginning, and its end."""
    return sum(
        end - min(end, max(begin, held.get((topic, partition), begin)))
        for partition, (begin, end) in there.items()
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
