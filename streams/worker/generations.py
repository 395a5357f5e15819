"""The generations of the index, as a worker has them: what its settings say of them, and each one opened."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from streams.errors import Misconfigured, Retryable
from streams.indexing.cutting.chunk import Chunking
from streams.indexing.generations.following import Followed
from streams.ollama.client import OllamaClient
from streams.ollama.embedder import OllamaEmbedder, open_embedder
from streams.ports import Generation, Generations, Monotonic, Now, Observed, Observer, unobserved
from streams.settings import Settings
from streams.worker.parts import Index, Store, chunking_of, first_generation

MODEL = "STREAMS_EMBED_MODEL"
MAX_AGE_S = 1.0
MIRROR_S = 10.0
FOLLOWED_S = 5.0
"""After so long every worker that runs has seen a record; with room to spare over `MAX_AGE_S`."""
LONG_AGO = timedelta(hours=1)
"""A switch longer ago than that has been seen by everybody, whatever clocks say."""

REINDEX = "`rag-streams reindex` builds an index with these settings beside it: docs/how-to/reindex.md"


class Records(Protocol):
    """The part of an `Index` that is read again and again."""

    async def generations(self) -> Generations | None:
        """The record; None where there is no index yet."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """One generation, ready to be read and written."""

    generation: Generation
    store: Store
    embedder: OllamaEmbedder
    chunking: Chunking


class Following:
    """The record of generations, never older than `max_age_s` seconds when it is asked for.

    However long reading it takes: those who asked before a reading began, or hardly later, share it.

    For `mirror_s` after a switch was seen here, the generation before is still written (`mirrored`): a
    question may be answered from it for as long as its own worker has not seen the switch, and must find
    there what is acknowledged until then.
    """

    def __init__(
        self,
        index: Records,
        *,
        now: Now,
        monotonic: Monotonic,
        max_age_s: float = MAX_AGE_S,
        mirror_s: float = MIRROR_S,
        observe: Observer = unobserved,
    ) -> None:
        self._index, self._now, self._monotonic, self._observe = index, now, monotonic, observe
        self._max_age_s, self._mirror_s = max_age_s, mirror_s
        self._reading = asyncio.Lock()
        self._record: Generations | None = None
        self._read = self._live_since = -math.inf

    async def __call__(self) -> Followed:
        """The record. Raises `Retryable` where it can't be read."""
        asked, record = self._monotonic(), self._record
        if record is None or asked - self._read > self._max_age_s:
            record = await self._fresh(asked)
        since = self._monotonic() - self._live_since
        recent = record.switched is not None and self._now() - record.switched < LONG_AGO
        return Followed(record, mirrored=recent and since < self._mirror_s)

    @property
    def embed_model(self) -> str:
        """The live generation's, as it was last read."""
        return self._record.live.embed_model if self._record else ""

    async def _fresh(self, asked: float) -> Generations:
        async with self._reading:
            if self._record is not None and asked - self._read <= self._max_age_s:
                return self._record
            # Its age counts from before it was read.
            began = self._monotonic()
            record = await self._index.generations()
            if record is None:
                raise Retryable("the index's record of generations is gone: was the index deleted?")
            self._take(record, began)
            return record

    def _take(self, record: Generations, began: float) -> None:
        last, self._record, self._read = self._record, record, began
        if last is None or last.live != record.live:
            self._live_since = self._monotonic()
        if last is not None and replace(last, kafka=record.kafka) != record:
            self._observe(Observed("generation_changes", labels={"change": _change(last, record)}))


def _change(last: Generations, record: Generations) -> str:
    """What was done to the record, in a word."""
    if record.live != last.live:
        return "switched"
    if record.building != last.building:
        return "abandoned" if record.building is None else "begun"
    return "dropped"


class Openings:
    """Generations opened as they are asked for, each once."""

    def __init__(self, index: Index, client: OllamaClient) -> None:
        self._index, self._client = index, client
        self._opened: dict[str, Opened] = {}
        self._opening = asyncio.Lock()

    async def __call__(self, generation: Generation) -> Opened:
        """The generation, made where there is none. Raises as `opened` does."""
        async with self._opening:
            if generation.name not in self._opened:
                self._opened[generation.name] = await opened(self._index, self._client, generation)
        return self._opened[generation.name]

    async def close(self) -> None:
        """Closes all that are open."""
        every, self._opened = list(self._opened.values()), {}
        for one in every:
            await one.store.close()


async def opened(index: Index, client: OllamaClient, generation: Generation) -> Opened:
    """A generation's store, and its model. Raises as they do, `Misconfigured` where they don't fit."""
    chunking = chunking_named(generation)
    embedder = await open_embedder(client, generation.embed_model, generation.dimension)
    if embedder.window < chunking.max_tokens:
        raise Misconfigured(
            f"{generation.embed_model} takes {embedder.window} tokens at once, but the index has passages of"
            f" {chunking.max_tokens}: give the model a larger num_ctx; or {REINDEX}",
            setting=MODEL,
        )
    return Opened(generation, await index.open(generation), embedder, chunking)


def chunking_named(generation: Generation) -> Chunking:
    """How the generation's documents are cut. Raises `Misconfigured` where another version cut them."""
    try:
        return Chunking.named(generation.chunking)
    except ValueError as error:
        raise Misconfigured(
            f"the index was cut by {generation.chunking}, which this version does not know: run the version"
            f" that made it; or {REINDEX}",
            setting=MODEL,
        ) from error


async def agreed(
    index: Index,
    settings: Settings,
    embedder: Callable[[], Awaitable[OllamaEmbedder]],
    kafka: str | None = None,
) -> Generations:
    """The record; where there is none yet, a first one that the settings make, whose owner is `kafka`.

    `embedder` opens the settings' own. Raises `Misconfigured` where the settings describe no generation
    that there is.
    """
    record = await index.generations()
    if record is None:
        chunking = chunking_of(settings, (await embedder()).window)
        first = Generations(first_generation(settings, chunking.name), kafka=kafka)
        await index.replace_generations(None, first)
        record = await index.generations() or first
    check(record, settings)
    return record


def check(record: Generations, settings: Settings) -> None:
    """Raises `Misconfigured` where the settings describe no generation that there is.

    What the record says counts, whatever the settings say: workers that run follow it. Settings of the
    generation before are let pass until that is dropped, so that a restart in a switch is no outage.
    """
    live = record.live
    if not any(described(one, settings) for one in (live, record.building, record.previous) if one):
        raise Misconfigured(
            f"the index was made with other settings than these. Its own are {right(live)}: set them so;"
            f" or {REINDEX}",
            setting=MODEL,
        )


def superseded_settings(record: Generations, settings: Settings) -> str | None:
    """What to say where the settings are those of the generation before, None where they are not."""
    if record.previous is None or described(record.live, settings):
        return None
    if record.building is not None and described(record.building, settings):
        return None
    return (
        f"these settings are those of the index's generation before. Set {right(record.live)}: once that"
        " generation is dropped, no worker starts without"
    )


def right(live: Generation) -> str:
    """The settings of a generation."""
    characters = chunking_named(live).target_chars
    return (
        f"{MODEL}={live.embed_model}, STREAMS_EMBED_DIMENSION={live.dimension},"
        f" STREAMS_CHUNK_CHARACTERS={characters}"
    )


def described(generation: Generation, settings: Settings) -> bool:
    """Whether the settings are those of this generation."""
    return (generation.embed_model, generation.dimension, chunking_named(generation).target_chars) == (
        settings.embed_model,
        settings.embed_dimension,
        settings.chunk_characters,
    )
