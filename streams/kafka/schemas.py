"""The schemas that records in Avro need: fetched once, kept, and there before a record is decoded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from streams.messages.records import Record
from streams.ports import SchemaRegistry
from streams.sources import Source, schema_ids
from streams.sources.avro import Schema, parse

KEPT = 1000
"""Schemas of one registry that are kept; beyond these, the one fetched first is fetched again."""


class FetchedSchemas:
    """The schemas of one registry, by number, as far as they were needed."""

    def __init__(self, registry: SchemaRegistry, *, kept: int = KEPT) -> None:
        self._registry, self._kept = registry, kept
        self._known: dict[int, Schema] = {}
        self._fetching: dict[int, asyncio.Task[None]] = {}

    @property
    def known(self) -> Mapping[int, Schema]:
        """Those that are there now."""
        return self._known

    async def fetch(self, id_: int) -> None:
        """Returns once the schema is known: all who ask at the same time share one request.

        Raises `Rejected` where there is none, or none that can be read, and as the registry does.
        """
        if id_ in self._known:
            return
        task = self._fetching.get(id_)
        if task is None:
            task = self._fetching[id_] = asyncio.create_task(self._fetch(id_))
            task.add_done_callback(lambda done: self._fetched(id_, done))
        await asyncio.shield(task)

    async def _fetch(self, id_: int) -> None:
        self._known[id_] = parse(await self._registry.schema(id_))
        while len(self._known) > self._kept:
            del self._known[next(iter(self._known))]

    def _fetched(self, id_: int, done: asyncio.Task[None]) -> None:
        del self._fetching[id_]
        if not done.cancelled():
            done.exception()  # seen, should nobody wait for it any more


class Schemas:
    """The schemas of all sources, each from its own registry: `registries` are by their address."""

    def __init__(self, registries: Mapping[str, SchemaRegistry]) -> None:
        self._registries = registries
        self._fetched = {url: FetchedSchemas(registry) for url, registry in registries.items()}

    @property
    def registries(self) -> tuple[str, ...]:
        """Their addresses."""
        return tuple(self._registries)

    def known(self, source: Source) -> Mapping[int, Schema]:
        """The schemas that are there to decode a record of `source` with."""
        fetched = self._of(source)
        return {} if fetched is None else fetched.known

    def fetch(self, source: Source, record: Record) -> Callable[[], Awaitable[None]] | None:
        """Fetches the schemas that `record` needs and that are not there yet; None where it lacks none.

        Raises, once it is called, as `FetchedSchemas.fetch` does.
        """
        fetched = self._of(source)
        if fetched is None:
            return None
        lacking = [id_ for id_ in schema_ids(source, record) if id_ not in fetched.known]

        async def fetch() -> None:
            for id_ in lacking:
                await fetched.fetch(id_)

        return fetch if lacking else None

    async def probe(self) -> None:
        """Returns where every registry answers; raises as `SchemaRegistry.probe` does."""
        for registry in self._registries.values():
            await registry.probe()

    def _of(self, source: Source) -> FetchedSchemas | None:
        return self._fetched.get(source.schema_registry or "") if source.encoding == "avro" else None
