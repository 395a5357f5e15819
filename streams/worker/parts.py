"""The settings, made into parts: connections, stores, and the rooms' own small settings."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Literal, Protocol

from streams import sources
from streams.answering.generating.rollout import Rollout
from streams.answering.settings import Answering
from streams.errors import Misconfigured
from streams.indexing.cutting.chunk import Chunking
from streams.kafka.registry import ConfluentRegistry, RegistryConfig
from streams.kafka.schemas import Schemas
from streams.ollama.client import OllamaConfig
from streams.ports import (
    Catalogue,
    Documents,
    Generation,
    Generations,
    Maintenance,
    Names,
    Notes,
    Search,
)
from streams.settings import Settings

Role = Literal["index", "answer"]
ROLES: tuple[Role, ...] = ("index", "answer")


class Index(Protocol):
    """All generations of an index, and the record that says which of them counts."""

    async def generations(self) -> Generations | None:
        """The record; None where there is no index yet."""
        ...

    async def replace_generations(self, expected: Generations | None, wanted: Generations) -> bool:
        """Writes `wanted` in place of `expected`, in one step; False where the record is another one."""
        ...

    async def open(self, generation: Generation) -> Store:
        """The store of one generation, made where there is none; to be closed by whoever opened it."""
        ...

    async def drop(self, generation: Generation) -> None:
        """Deletes a generation for good; one that is not there is no error."""
        ...

    async def clock(self) -> datetime | None:
        """What time the store has, to the second below; None where it has no clock of its own."""
        ...

    async def close(self) -> None:
        """Lets go of the record; stores that are open stay so."""
        ...


class Store(Documents, Search, Maintenance, Catalogue, Names, Notes, Protocol):
    """What the store of one generation offers beside its ports."""

    async def canary(self) -> None:
        """Writes and reads something fixed; raises where that fails."""
        ...

    async def ready(self) -> None:
        """Raises `Retryable` where it does not serve."""
        ...

    async def version(self) -> str:
        """The store's version."""
        ...

    async def close(self) -> None:
        """Lets go of connections and files."""
        ...


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


async def open_schemas(settings: Settings, read: sources.Topics, stack: AsyncExitStack) -> Schemas:
    """The schemas of the sources that are in Avro, each source's from its registry; `stack` closes those."""
    password = settings.schema_registry_password
    urls = {source.schema_registry for source in read.sources if source.schema_registry is not None}
    return Schemas(
        {
            url: await stack.enter_async_context(
                ConfluentRegistry(
                    RegistryConfig(
                        url,
                        username=settings.schema_registry_username,
                        password=password.get_secret_value() if password else None,
                    )
                )
            )
            for url in urls
        }
    )


def ollama_config(settings: Settings) -> OllamaConfig:
    """How to call the model server."""
    return OllamaConfig(
        url=settings.ollama,
        attempts=settings.retry_attempts,
        backoff_s=settings.retry_backoff_ms / 1000,
        keep_alive=settings.model_keep_alive,
    )


async def open_index(settings: Settings) -> Index:
    """The index that the settings name; the other store's library need not be there."""
    return await (_open_sqlite(settings) if settings.store == "sqlite" else _open_weaviate(settings))


async def open_store(settings: Settings) -> Store:
    """The store of the generation that is live now; of the first, where there is none yet."""
    index = await open_index(settings)
    try:
        record = await index.generations()
        return await index.open(record.live if record else first_generation(settings))
    finally:
        await index.close()


async def _open_sqlite(settings: Settings) -> Index:
    try:
        from streams.stores.sqlite import open_sqlite_index  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise Misconfigured(
            f"STREAMS_STORE=sqlite needs {error.name}: pip install 'rag-streams[sqlite]'",
            setting="STREAMS_STORE",
        ) from error
    try:
        settings.sqlite_path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(
            f"STREAMS_SQLITE_PATH names a folder that can't be made ({error.strerror}):"
            f" {settings.sqlite_path.parent}; name another",
            setting="STREAMS_SQLITE_PATH",
        ) from None
    return await open_sqlite_index(settings.sqlite_path)


async def _open_weaviate(settings: Settings) -> Index:
    from streams.stores.weaviate import WeaviateConfig, open_weaviate_index  # noqa: PLC0415 - slow to import

    key = settings.weaviate_api_key
    return await open_weaviate_index(
        WeaviateConfig(
            url=settings.weaviate,
            grpc_port=settings.weaviate_grpc_port,
            api_key=key.get_secret_value() if key else None,
            replication_factor=settings.weaviate_replication_factor,
            ef_construction=settings.weaviate_ef_construction,
            max_connections=settings.weaviate_max_connections,
            prefix=settings.index_name,
        )
    )


def chunking_of(settings: Settings, window: int) -> Chunking:
    """How documents are cut for an embedder with this window (tokens)."""
    return Chunking(max_tokens=window, target_chars=settings.chunk_characters)


def first_generation(settings: Settings, chunking: str = "") -> Generation:
    """What an index that these settings begin is made with."""
    return Generation(settings.embed_model, settings.embed_dimension, chunking)


def _rollout(settings: Settings) -> Rollout | None:
    if settings.rollout_model is None:
        return None
    return Rollout(settings.rollout_model, settings.rollout_percent)


def answering_of(settings: Settings) -> Answering:
    """The answering room's own settings."""
    return Answering(
        generate_model=settings.generate_model,
        fallback_model=settings.fallback_model,
        temperature=settings.temperature,
        num_ctx=settings.num_ctx,
        max_answer_tokens=settings.max_answer_tokens,
        slots=settings.answer_slots,
        rollout=_rollout(settings),
        first_token_timeout_s=settings.first_token_timeout_ms / 1000,
        token_timeout_s=settings.token_timeout_ms / 1000,
        alpha=settings.vector_weight,
        similarity_threshold=settings.similarity_threshold,
        min_grounded=settings.min_grounded,
        brief_prompt=settings.brief_prompt,
        guard_policy=settings.guard_policy,
        rewrite=settings.rewrite_follow_ups,
    )
