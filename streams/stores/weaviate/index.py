"""All generations of an index in Weaviate: the record, and each generation in collections of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from streams.ports import Generation, Generations
from streams.stores.weaviate import clock, record
from streams.stores.weaviate.connect import Session, WeaviateConfig, connect
from streams.stores.weaviate.store import WeaviateStore, open_weaviate


async def open_weaviate_index(config: WeaviateConfig) -> WeaviateIndex:
    """The index in Weaviate; makes nothing.

    Raises `Retryable` where nobody answers at the URL, `Misconfigured` for a URL or an API key that is wrong.
    """
    return WeaviateIndex(Session(await connect(config), config))


class WeaviateIndex:
    """Generations in Weaviate."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def generations(self) -> Generations | None:
        """The record, None where there is none yet."""
        return await record.generations(self._session)

    async def replace_generations(self, expected: Generations | None, wanted: Generations) -> bool:
        """Writes the record `wanted` in place of `expected`; False where it is another one.

        The first record is written in one step. Later, of two that replace the same one in the same moment
        both may be told True, and one of them stays: look again after a while.
        """
        return await record.replace_generations(self._session, expected, wanted)

    async def open(self, generation: Generation) -> WeaviateStore:
        """A generation's store, made where there is none; to be closed by whoever opened it."""
        config = self._session.config
        return await open_weaviate(
            replace(config, generation=generation.name, dimension=generation.dimension)
        )

    async def drop(self, generation: Generation) -> None:
        """Deletes a generation for good; one that is not there is no error."""
        config = replace(self._session.config, generation=generation.name)
        for name in (config.passages, config.heads):
            async with self._session.writing():
                await self._session.client.collections.delete(name)

    async def clock(self) -> datetime | None:
        """What time Weaviate has, to the second below; None where it does not say."""
        return await clock.clock(self._session)

    async def close(self) -> None:
        """Closes the connection; closing twice is no error."""
        await self._session.client.close()
