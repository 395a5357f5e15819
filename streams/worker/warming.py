"""The worker has its model server load the models that answer, and keeps an eye on the server meanwhile."""

from __future__ import annotations

import asyncio
import time

import structlog

from streams.answering.generating.warming import Warm, Warming
from streams.ollama.client import OllamaClient
from streams.ollama.errors import Unreachable
from streams.ports import Observed, Observer
from streams.worker.agents import Parts
from streams.worker.parts import answering_of

LOOK_S = 20.0
"""How often it is seen whether a server that is loading still answers."""
MISSED = 3
"""Looks in vain after which it is gone: what it was to say would be waited for in vain."""

log = structlog.get_logger("streams.worker")


def warming_of(parts: Parts) -> Warming:
    """What loads the models that answer questions."""
    settings = answering_of(parts.settings)
    return Warming(
        loader(parts.ollama, settings.num_ctx),
        settings.warmed,
        again_s=settings.circuit_open_s,
        monotonic=time.monotonic,
        observe=_told(parts.metrics),
    )


def loader(client: OllamaClient, num_ctx: int, *, look_s: float = LOOK_S) -> Warm:
    """What loads a model with the window that answers have: with another one it would be loaded again.

    It raises `Unreachable` where the server falls silent.
    """

    async def load(model: str) -> None:
        loading = asyncio.create_task(client.warm_up(model, num_ctx))
        missed = 0
        try:
            while missed < MISSED and not (await asyncio.wait({loading}, timeout=look_s))[0]:
                missed = 0 if await client.health() else missed + 1
            if loading.done():
                return loading.result()
            raise Unreachable(f"Ollama at {client.host} fell silent while it loaded {model!r}")
        finally:
            loading.cancel()
            await asyncio.wait({loading})

    return load


def _told(metrics: Observer) -> Observer:
    """Counts the loads, and says them aloud: they take minutes, and what does not load answers nothing."""

    def observe(event: Observed) -> None:
        metrics(event)
        if event.labels.get("outcome") == "loaded":
            log.info("a model is loaded", model=event.labels["model"], seconds=round(event.value, 1))
        else:
            log.warning("a model could not be loaded; it is tried again", **event.labels)

    return observe


async def begun(warming: Warming, stop: asyncio.Event, within_s: float) -> None:
    """Returns once the models were loaded or tried, after `within_s` seconds, or when `stop` is set.

    A small model is there by then; a large one goes on loading, and the fallback answers meanwhile.
    """
    waiting = [asyncio.create_task(one) for one in (warming.tried(), stop.wait())]
    try:
        await asyncio.wait(waiting, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
