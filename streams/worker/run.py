"""A worker's life: wait until all it needs is up, run the agents, drain, end."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import structlog
from prometheus_client import CollectorRegistry

from streams.agents import followed
from streams.agents.flood import dam
from streams.agents.lifecycle import Agent, Lifecycle, exit_code
from streams.errors import Misconfigured, Retryable, StreamsError
from streams.kafka import topics
from streams.kafka.awaited import Awaited
from streams.kafka.connectors import Connectors
from streams.kafka.reach import Reach
from streams.kafka.schemas import Schemas
from streams.observe import health, logs, otel
from streams.observe.metrics import Metrics
from streams.ollama.client import OllamaClient
from streams.ollama.embedder import open_embedder
from streams.ports import Observed, Observer
from streams.reconcile import clean
from streams.settings import Settings
from streams.wiring import connection, read_topics, topic_plan
from streams.worker import gauges, memory, process
from streams.worker.agents import (
    Parts,
    answer_agent,
    index_agent,
    new_answerer,
    reply_producer_of,
    reply_topics_of,
    watermarks_of,
)
from streams.worker.background import Background
from streams.worker.clock import Clock
from streams.worker.cutting import cutter_of
from streams.worker.generations import Openings, agreed, superseded_settings
from streams.worker.live import live_of
from streams.worker.owner import check_owner, own, owner_of
from streams.worker.parts import Role, ollama_config, open_index, open_schemas
from streams.worker.shadow import ShadowModel
from streams.worker.status import Status
from streams.worker.warming import begun, warming_of

if TYPE_CHECKING:
    from streams.observe.tracing import Tracing

START_AGAIN_S = 0.5
START_AGAIN_MAX_S = 10.0
SAY_AGAIN_S = 60.0
WARM_S = 10.0
"""How long the start waits for models to load, at most: as long as a question for its first token."""
CLOSE_S = 3.0
"""How long connections are given to close at the end."""

log = structlog.get_logger("streams.worker")


async def _open(settings: Settings, roles: Sequence[Role], metrics: Metrics, stack: AsyncExitStack) -> Parts:
    """Everything that a worker needs, checked before any work. Raises as its parts do."""
    read = read_topics(settings)
    reports = await topics.check(connection(settings), topics.wanted(topic_plan(settings)))
    if unfit := [report.name for report in reports if not report.fits and not report.awaited]:
        raise Misconfigured(
            f"topics are missing or unfit: {', '.join(unfit)}; run `rag-streams topics create`",
            setting="STREAMS_KAFKA_BOOTSTRAP_SERVERS",
        )
    awaited = Awaited(connection(settings), [source.topic for source in read.sources])
    stack.push_async_callback(awaited.close)
    await awaited.look()
    schemas = await open_schemas(settings, read, stack)
    if "index" in roles:
        await _look_at(schemas)
    client = await stack.enter_async_context(OllamaClient(ollama_config(settings), observe=metrics))
    index = await open_index(settings)
    stack.push_async_callback(index.close)
    clock = Clock(index.clock, observe=metrics)
    if "index" in roles:
        await clock.check()
    kafka = await owner_of(settings)
    await own(index, settings, kafka)
    record = await agreed(
        index, settings, lambda: open_embedder(client, settings.embed_model, settings.embed_dimension), kafka
    )
    check_owner(record, kafka, settings)
    if outdated := superseded_settings(record, settings):
        log.warning(outdated)
    openings = Openings(index, client)
    stack.push_async_callback(openings.close)
    cutter = cutter_of(settings, metrics)
    stack.push_async_callback(cutter.close)
    observe = _observer(metrics)
    tracing = _tracing(settings, client, stack)
    live = live_of(settings, index, openings, cutter, observe, tracing, clock=clock)
    await live()
    return Parts(settings, live, client, metrics, read, awaited, schemas, tracing)


def _tracing(settings: Settings, client: OllamaClient, stack: AsyncExitStack) -> Tracing | None:
    """What makes spans, where the environment wants them; `stack` has the last of them sent."""
    tracing = otel.tracing(os.environ, server=client.host, store=settings.store)
    if tracing is not None:
        stack.push_async_callback(_flush, tracing)
    return tracing


async def _flush(tracing: Tracing) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.to_thread(tracing.close), CLOSE_S)


def _observer(metrics: Metrics) -> Observer:
    """Counts all, and says aloud what a person should know; what fails again and again, once a minute."""
    said = -math.inf

    def observe(event: Observed) -> None:
        nonlocal said
        metrics(event)
        match event.name:
            case "vacuum_failures" if time.monotonic() - said > SAY_AGAIN_S:
                said = time.monotonic()
                log.warning("the vacuum failed and tries again", **event.labels)
            case "generation_changes":
                log.info("the index's generations changed", **event.labels)
            case "generation_refusals":
                log.warning("the other generation refused a document, and hides it", **event.labels)

    return observe


async def _look_at(schemas: Schemas) -> None:
    """Raises `Misconfigured` where an address is no registry's. One that is down holds up its own sources."""
    try:
        await schemas.probe()
    except Retryable as error:
        log.warning("records whose schema is not known yet will wait", problem=str(error))


async def _opened(
    settings: Settings,
    roles: Sequence[Role],
    metrics: Metrics,
    stack: AsyncExitStack,
    status: Status,
    stop: asyncio.Event,
) -> Parts | None:
    """The parts, once everything they need is up; None where the worker was told to stop before."""
    wait_s = START_AGAIN_S
    while not stop.is_set():
        attempt = AsyncExitStack()
        try:
            parts = await _unless(stop, _open(settings, roles, metrics, attempt))
        except Retryable as error:
            await attempt.aclose()
            status.waits_for(str(error))
            log.warning("waiting to start", problem=str(error), again_in_s=wait_s)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait_s)
            wait_s = min(wait_s * 2, START_AGAIN_MAX_S)
        except BaseException:
            await attempt.aclose()
            raise
        else:
            stack.push_async_callback(attempt.aclose)
            return parts
    return None


async def _unless(stop: asyncio.Event, opening: Coroutine[Any, Any, Parts]) -> Parts | None:
    """What `opening` gives; None where the worker is told to stop before: a mute server must not keep it."""
    task, stopping = asyncio.create_task(opening), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return await task if task.done() else None
    finally:
        for one in (task, stopping):
            one.cancel()
        await asyncio.wait({task, stopping}, timeout=CLOSE_S)


async def _work(parts: Parts, roles: Sequence[Role], status: Status, stop: asyncio.Event) -> int:
    settings = parts.settings
    watermarks, replies, outlet = watermarks_of(parts), reply_topics_of(settings), reply_producer_of(settings)
    shadow = ShadowModel.of(parts)
    warming = warming_of(parts) if "answer" in roles else None
    answerer = new_answerer(parts, watermarks, None if shadow is None else shadow.shadow, warming)
    new: dict[Role, Callable[[], Agent]] = {
        "index": lambda: index_agent(parts),
        "answer": lambda: answer_agent(parts, answerer, watermarks, replies, outlet),
    }
    lifecycle = Lifecycle([new[role] for role in roles])
    log.info("worker starts", roles=list(roles), kafka=settings.kafka, store=settings.store)
    if parts.awaited.missing and "index" in roles:
        log.warning("waiting for source topics that do not exist yet", topics=list(parts.awaited.missing))
    topics_read = [source.topic for source in parts.topics.sources]
    lag = gauges.show(parts.metrics, parts, roles, lifecycle, answerer)
    gauges.show_loading(parts.metrics, warming)
    background = Background()
    told = partial(clean.tell, parts.live.store, topics_read, parts.metrics)
    background.start("what tells of the last reconcile", told)
    background.start("the look at the lag", lag.run)
    if "index" in roles:
        background.start("the vacuum", parts.live.sweep)
    if "index" in roles and settings.connect_url is not None:
        connectors = Connectors(settings.connect_url)
        gauges.show_connectors(parts.metrics, connectors)
        background.start("the look at the connectors", connectors.run)
    if shadow is not None and "answer" in roles:
        background.start("the shadow", partial(shadow.run, answerer))
    if warming is not None:
        background.start("the loading of models", warming.run)
    try:
        if warming is not None:
            status.waits_for("the models are being loaded")
            await begun(warming, stop, min(WARM_S, settings.first_token_timeout_ms / 1000))
        status.runs(parts, lifecycle)
        return await lifecycle.run(stop)
    finally:
        await background.close()
        await watermarks.close()
        await replies.close()
        # What it still holds is for a topic that takes nothing; the question comes again.
        with suppress(TimeoutError):
            await asyncio.wait_for(outlet.stop(), CLOSE_S)


def _reach(settings: Settings, stack: AsyncExitStack) -> Reach:
    """What tells whether Kafka answers, while the stack lasts."""
    reach = Reach(connection(settings), f"{settings.group}-index")
    looking = asyncio.create_task(reach.run())
    stack.callback(looking.cancel)
    return reach


async def _run(settings: Settings, roles: Sequence[Role], stop: asyncio.Event) -> int:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    try:
        async with AsyncExitStack() as stack:
            reach = _reach(settings, stack)
            status = Status(roles, lambda: reach.problem)
            gauges.show_starting(metrics, roles, reach)
            if settings.metrics_port is not None:
                serving = health.serve(
                    health.application(status, registry),
                    host=settings.metrics_host,
                    port=settings.metrics_port,
                )
                port = await stack.enter_async_context(serving)
                log.info("health and metrics", url=f"http://{settings.metrics_host}:{port}/readyz")
            parts = await _opened(settings, roles, metrics, stack, status, stop)
            if parts is None:
                return 0
            memory.collect_seldom()
            return await _work(parts, roles, status, stop)
    except StreamsError as error:
        return exit_code(error)


def main(settings: Settings, roles: Sequence[Role]) -> NoReturn:
    """Runs a worker until SIGTERM or SIGINT, then ends the process with its exit code."""
    logs.configure(level=settings.log_level, style=settings.log_format, ids=followed.ids)
    dam(time.monotonic)
    memory.give_back()
    process.run(lambda stop: _run(settings, roles, stop))
