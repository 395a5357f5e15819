"""The store: what the ports ask for, done by Weaviate."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from streams.messages.held import Head, Passage
from streams.messages.position import Position
from streams.ports import Hit, PassageRef, SearchQuery
from streams.stores.encoded import check_passage
from streams.stores.vectors import check_vector
from streams.stores.weaviate import (
    catalogue,
    counting,
    current,
    heads,
    maintenance,
    passages,
    record,
    schema,
    search,
)
from streams.stores.weaviate.connect import Session, WeaviateConfig, connect


async def open_weaviate(config: WeaviateConfig) -> WeaviateStore:
    """The store in Weaviate, its collections made where there are none.

    Raises `Retryable` where nobody answers at the URL, `Misconfigured` for a URL or an API key that is wrong.
    """
    session = Session(await connect(config), config)
    try:
        await schema.ensure(session)
    except BaseException:
        await session.client.close()
        raise
    return WeaviateStore(session)


class WeaviateStore:
    """`Documents`, `Search`, `Maintenance`, `Catalogue` and `Names` in Weaviate."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._dimension = session.config.dimension

    async def heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Sequence[Head]]:
        """All heads of each document, in no order."""
        return await heads.read(self._session, document_keys)

    async def current_heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Head]:
        """The head with the highest position of each document."""
        return await current.read_current(self._session, document_keys)

    async def write_heads(self, written: Sequence[Head]) -> None:
        """Writes heads to every replica."""
        await heads.write(self._session, written)

    async def delete_heads(self, positions: Mapping[UUID, Collection[Position]]) -> None:
        """Deletes those of each document, from every replica."""
        await heads.remove(self._session, positions)

    async def passages(self, tenant: str, ids: Sequence[UUID]) -> Sequence[Passage]:
        """The passages that exist among `ids`, with their vectors, in no order."""
        return await passages.read(self._session, tenant, ids)

    async def write_passages(self, written: Sequence[Passage]) -> None:
        """Writes all of them, creating tenants as needed; searchable on return."""
        for passage in written:
            check_passage(passage)
            check_vector(passage.vector, self._dimension)
        await passages.write(self._session, written)

    async def delete_passages(self, tenant: str, ids: Sequence[UUID]) -> None:
        """Deletes by id; what is gone already is no error."""
        await passages.remove(self._session, tenant, ids)

    async def hybrid(self, query: SearchQuery) -> Sequence[Hit]:
        """The best passages, best first."""
        check_vector(query.vector, self._dimension)
        return await search.hybrid(self._session, query)

    async def word_counts(self, tenant: str, words: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        """How many passages the tenant holds, and how many hold each word, frequent ones by estimate."""
        return await counting.word_counts(self._session, tenant, words)

    def unsettled(self, written_before: datetime) -> AsyncIterator[UUID]:
        """Keys of documents with a superseded head or a deletion's, written before then."""
        return maintenance.unsettled(self._session, written_before)

    async def passages_of(self, document_keys: Sequence[UUID], tenant: str) -> Sequence[PassageRef]:
        """Every passage of these documents in that tenant."""
        return await maintenance.passages_of(self._session, document_keys, tenant)

    def passages_written_before(self, written: datetime) -> AsyncIterator[PassageRef]:
        """Every passage of every tenant written before then."""
        return maintenance.passages_written_before(self._session, written)

    def document_keys(self, source: str | None = None, after: UUID | None = None) -> AsyncIterator[UUID]:
        """The keys of all documents that have a head, of `source` if given, above `after`: ascending."""
        return catalogue.document_keys(self._session, source, after)

    async def named(self, tenant: str, document_ids: Sequence[str]) -> Collection[UUID]:
        """The keys of all documents that have a head of this tenant with one of these ids."""
        return await catalogue.named(self._session, tenant, document_ids)

    async def present(self, tenant: str, ids: Sequence[UUID]) -> Collection[UUID]:
        """Which of these passages exist; of a tenant that does not exist, none."""
        return await passages.present(self._session, tenant, ids)

    async def note(self, name: str) -> str | None:
        """The text under this name; None where there is none."""
        return await record.note(self._session, name)

    async def set_note(self, name: str, text: str) -> None:
        """Writes the text, in place of the one that was there."""
        await record.set_note(self._session, name, text)

    async def ready(self) -> None:
        """Raises `Retryable` where Weaviate, by HTTP or by gRPC, does not answer."""
        await record.answers(self._session)

    async def canary(self) -> None:
        """Writes and reads one fixed passage and one fixed head: raises what every write would raise."""
        await record.canary(self._session)

    async def version(self) -> str:
        """Of Weaviate."""
        return await record.version(self._session)

    async def close(self) -> None:
        """Closes the connection; closing twice is no error."""
        await self._session.client.close()
