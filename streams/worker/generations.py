"""The generations of the index, as a worker has them: what its settings say of them, and each one opened."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from streams.errors import Misconfigured
from streams.indexing.chunk import Chunking
from streams.ollama.client import OllamaClient
from streams.ollama.embedder import OllamaEmbedder, open_embedder
from streams.ports import Generation, Generations
from streams.settings import Settings
from streams.worker.parts import Index, Store, chunking_of, first_generation

MODEL = "STREAMS_EMBED_MODEL"
REINDEX = "`rag-streams reindex` builds an index with these settings beside it: docs/how-to/reindex.md"


@dataclass(frozen=True, slots=True)
class Opened:
    """One generation, ready to be read and written."""

    generation: Generation
    store: Store
    embedder: OllamaEmbedder
    chunking: Chunking


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
    index: Index, settings: Settings, embedder: Callable[[], Awaitable[OllamaEmbedder]]
) -> Generations:
    """The record; where there is none yet, a first one that the settings make.

    `embedder` opens the settings' own. Raises `Misconfigured` where the settings describe no generation
    that there is.
    """
    record = await index.generations()
    if record is None:
        chunking = chunking_of(settings, (await embedder()).window)
        first = Generations(first_generation(settings, chunking.name))
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
        characters = chunking_named(live).target_chars
        raise Misconfigured(
            f"the index was made with other settings than these. Its own are {MODEL}={live.embed_model},"
            f" STREAMS_EMBED_DIMENSION={live.dimension}, STREAMS_CHUNK_CHARACTERS={characters}: set them so;"
            f" or {REINDEX}",
            setting=MODEL,
        )


def described(generation: Generation, settings: Settings) -> bool:
    """Whether the settings are those of this generation."""
    return (generation.embed_model, generation.dimension, chunking_named(generation).target_chars) == (
        settings.embed_model,
        settings.embed_dimension,
        settings.chunk_characters,
    )
