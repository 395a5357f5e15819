"""`doctor`: is each part there, the right version, with what it needs; and what to do where not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import typer

from streams.cli.output import Json, Output, exit_code
from streams.cli.topics import described
from streams.client.here import here
from streams.errors import Misconfigured, Retryable, StreamsError
from streams.kafka import topics
from streams.ollama.client import OllamaClient
from streams.ollama.embedder import open_embedder
from streams.ports import Generations
from streams.settings import Settings, shown
from streams.worker.generations import check
from streams.worker.parts import (
    connection,
    ollama_config,
    open_index,
    open_schemas,
    open_store,
    read_topics,
    topic_plan,
)

LIMIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: `error` None where all is well."""

    part: str
    detail: str
    error: StreamsError | None = None


Check = Callable[[Settings], Awaitable[str]]


def doctor(
    settings_too: bool = typer.Option(False, "--settings", help="Show every setting first, secrets masked."),
    as_json: Json = False,
) -> None:
    """Check Kafka, the topics, the store and the models, and say what to do where something is wrong.

    Example: `rag-streams doctor --settings`
    """
    settings, out = here(), Output(as_json)
    if settings_too:
        for one in shown(settings):
            out.row(one, f"{one.name}={one.value}{'' if one.given else '  (default)'}")
    findings = asyncio.run(_examine(settings))
    for finding in findings:
        _print(finding, out)
    codes = [exit_code(finding.error) for finding in findings if finding.error]
    if codes:
        raise typer.Exit(max(codes))


async def _examine(settings: Settings) -> list[Finding]:
    checks: dict[str, Check] = {
        "kafka": _kafka,
        "topics": _topics,
        "store": _store,
        "ollama": _ollama,
        "models": _models,
        "embeddings": _embeddings,
    }
    if settings.sources is not None:
        checks["schemas"] = _schemas
    return list(await asyncio.gather(*(_one(part, check, settings) for part, check in checks.items())))


async def _one(part: str, check: Check, settings: Settings) -> Finding:
    try:
        async with asyncio.timeout(LIMIT_S):
            return Finding(part, await check(settings))
    except StreamsError as error:
        return Finding(part, str(error), error)
    except TimeoutError:
        return Finding(
            part,
            f"no answer within {LIMIT_S:g} s",
            Retryable(f"{part} hangs: restart it, or look at its log"),
        )


def _print(finding: Finding, out: Output) -> None:
    row = {"part": finding.part, "ok": finding.error is None, "detail": finding.detail}
    mark = "ok   " if finding.error is None else "WRONG"
    out.row(row, f"{mark} {finding.part:<11} {finding.detail}")


async def _kafka(settings: Settings) -> str:
    await topics.check(connection(settings), ())
    return f"reachable at {settings.kafka}"


async def _topics(settings: Settings) -> str:
    reports = await topics.check(connection(settings), topics.wanted(topic_plan(settings)))
    unfit = [report for report in reports if not report.fits and not report.awaited]
    if unfit:
        problems = "; ".join(f"{report.name} {described(report)}" for report in unfit)
        raise Misconfigured(f"{problems}: run `rag-streams topics create`", setting="STREAMS_TOPIC_CHANGES")
    there = sum(report.fits for report in reports)
    notes = [
        f"{report.name} {described(report)}" for report in reports if report.differences or report.awaited
    ]
    return f"{'all ' if there == len(reports) else ''}{there} there" + (
        f"; note: {'; '.join(notes)}" if notes else ""
    )


async def _schemas(settings: Settings) -> str:
    async with AsyncExitStack() as stack:
        schemas = await open_schemas(settings, read_topics(settings), stack)
        await schemas.probe()
        where = ", ".join(schemas.registries)
    return f"registry reachable at {where}" if where else "no source is in Avro"


async def _store(settings: Settings) -> str:
    index = await open_index(settings)
    try:
        record = await index.generations()
    finally:
        await index.close()
    if record is not None:
        check(record, settings)
    store = await open_store(settings)
    try:
        await store.ready()
        return f"{settings.store} {await store.version()}, {_generations(record)}"
    finally:
        await store.close()


def _generations(record: Generations | None) -> str:
    if record is None:
        return "no index yet"
    said = f"index made with {record.live.embed_model}"
    if record.building is not None:
        said += f"; another is being built with {record.building.embed_model}: `rag-streams reindex` goes on"
    if record.previous is not None:
        said += f"; the one before, made with {record.previous.embed_model}, is kept until `reindex --drop`"
    return said


async def _ollama(settings: Settings) -> str:
    async with OllamaClient(ollama_config(settings)) as client:
        return f"version {await client.version()} at {settings.ollama}"


async def _models(settings: Settings) -> str:
    wanted = dict.fromkeys((settings.generate_model, settings.fallback_model, settings.embed_model))
    async with OllamaClient(ollama_config(settings)) as client:
        there = {
            name for model in await client.list() for name in (model.name, model.name.removesuffix(":latest"))
        }
    missing = [model for model in wanted if model not in there]
    if missing:
        raise Misconfigured(
            f"not there: {', '.join(missing)}; run `rag-streams models pull`",
            setting="STREAMS_GENERATE_MODEL",
        )
    return f"{', '.join(wanted)} present"


async def _embeddings(settings: Settings) -> str:
    async with OllamaClient(ollama_config(settings)) as client:
        embedder = await open_embedder(client, settings.embed_model, settings.embed_dimension)
        await embedder.embed_documents(["a text to see how long its vector is"])
    return f"{embedder.dimension} numbers, window of {embedder.window} tokens"
