"""The record of which generation is live, and the canary."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from weaviate.exceptions import UnexpectedStatusCodeError

from streams.errors import Retryable
from streams.messages.changes import EVERYONE, name_uuid
from streams.messages.held import Head, Passage
from streams.messages.position import Position
from streams.ports import Generations
from streams.stores.encoded import decoded_generations, encoded_generations
from streams.stores.weaviate import passages
from streams.stores.weaviate.connect import Collection, Session
from streams.stores.weaviate.objects import Object, head_object
from streams.stores.weaviate.schema import Definition, create
from streams.stores.weaviate.writing import insert

NOT_FOUND = 404
CANARY = name_uuid("canary")
CANARY_TENANT = "_canary"
"""The tenant of the canary's passage, which is nobody's."""

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_FIRST = Position(0, 0, 0, 0)


async def generations(session: Session) -> Generations | None:
    """The record of generations, None where there is none yet."""
    async with session.querying():
        try:
            description = (await _collection(session).config.get(simple=True)).description
        except UnexpectedStatusCodeError as error:
            if error.status_code != NOT_FOUND:
                raise
            return None
    return decoded_generations(description or "{}")


async def replace_generations(session: Session, expected: Generations | None, wanted: Generations) -> bool:
    """Writes the record `wanted` in place of `expected`; False where it is another one.

    The record is the description of an empty collection: what collections are is the one thing that all
    nodes of Weaviate agree on (by Raft). Of two that make one at once only one succeeds; a change of it has
    no such condition.
    """

    def made(_: Session) -> Definition:
        return {"description": encoded_generations(wanted)}

    if expected is None:
        return await create(session, session.config.record, made)
    if await generations(session) != expected:
        return False
    async with session.writing():
        await _collection(session).config.update(description=encoded_generations(wanted))
    return await generations(session) == wanted


def _collection(session: Session) -> Collection:
    return session.client.collections.use(session.config.record)


async def canary(session: Session) -> None:
    """Writes one fixed passage and one fixed head, and reads both: raises what every write would raise."""
    passage = _passage(session.config.dimension)
    await passages.write(session, [passage])
    await insert(session, session.heads, [_head()])
    async with session.querying():
        head = await session.heads.query.fetch_object_by_id(CANARY)
    if not await passages.read(session, CANARY_TENANT, [passage.id]) or head is None:
        raise Retryable(f"Weaviate at {session.config.url} does not give back what was just written to it")


def _passage(dimension: int) -> Passage:
    return Passage(
        id=CANARY,
        document_key=CANARY,
        tenant=CANARY_TENANT,
        text="canary",
        title="",
        readers=(EVERYONE,),
        metadata=(),
        born=_FIRST,
        written=_LONG_AGO,
        vector=[1.0, *[0.0] * (dimension - 1)],
    )


def _head() -> Object:
    head = Head(
        document_key=CANARY,
        position=_FIRST,
        deleted=False,
        tenant=None,
        document_id=None,
        title=None,
        url=None,
        language=None,
        readers=(),
        metadata=(),
        source=CANARY_TENANT,
        record_key="",
        topic="",
        partition=0,
        offset=0,
        written=_LONG_AGO,
    )
    held = head_object(head)
    return replace(held, uuid=CANARY, properties=held.properties | {"settled": True})


async def note(session: Session, name: str) -> str | None:
    """The text under this name, None where there is none."""
    async with session.querying():
        held = await session.heads.query.fetch_object_by_id(_note_id(name))
    return None if held is None else str(held.properties["body"])


async def set_note(session: Session, name: str, text: str) -> None:
    """Writes the text, in place of the one that was there.

    It stands among the heads, beside the canary's and by the same key, which is no document's.
    """
    held = _head()
    properties = held.properties | {"body": text}
    await insert(session, session.heads, [replace(held, uuid=_note_id(name), properties=properties)])


def _note_id(name: str) -> UUID:
    return name_uuid("note", name)


async def answers(session: Session) -> None:
    """Asks for Weaviate's version by HTTP and for one head by gRPC: raises where either fails."""
    await version(session)
    async with session.querying():
        await session.heads.query.fetch_objects(limit=1, return_properties=["position"])


async def version(session: Session) -> str:
    """Of Weaviate."""
    async with session.querying():
        meta = await session.client.get_meta()
    return f"Weaviate {meta['version']}"
