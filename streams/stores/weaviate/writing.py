"""Objects written and deleted in batches, each batch's outcome looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from uuid import UUID

from weaviate.classes.query import Filter

from streams.errors import Rejected, Retryable
from streams.stores.chunks import chunks
from streams.stores.weaviate.connect import Collection, Session
from streams.stores.weaviate.faults import NoTenant, TooLarge, refusal
from streams.stores.weaviate.objects import Object

BATCH_OBJECTS = 200
BATCH_CHARACTERS = 8_000_000
DELETE_AT_ONCE = 500


async def insert(session: Session, collection: Collection, objects: Iterable[Object]) -> None:
    """Writes all objects, those of one id over each other; no more of them are made than a batch holds.

    Raises `NoTenant` where the collection's tenant is gone, else what is to be done about the first
    object that was refused; others may have been written.
    """
    for batch in batches(objects):
        await _insert_batch(session, collection, batch)


async def _insert_batch(session: Session, collection: Collection, batch: Sequence[Object]) -> None:
    try:
        async with session.writing():
            returned = await collection.data.insert_many(batch)
    except TooLarge as error:
        await _insert_halves(session, collection, batch, error)
        return
    for failed in returned.errors.values():
        raise refusal(failed.message, session.config.url)


async def _insert_halves(
    session: Session, collection: Collection, batch: Sequence[Object], error: TooLarge
) -> None:
    if len(batch) == 1:
        raise Rejected(
            f"{batch[0].uuid} is larger than one message to Weaviate may be (GRPC_MAX_MESSAGE_SIZE)",
            code="too_large",
        ) from error
    middle = len(batch) // 2
    for half in (batch[:middle], batch[middle:]):
        await _insert_batch(session, collection, half)


def batches(objects: Iterable[Object]) -> Iterable[Sequence[Object]]:
    """The objects in order, in batches that are small enough to be answered in time."""
    batch: list[Object] = []
    characters = 0
    for one in objects:
        size = sum(_characters(value) for value in one.properties.values())
        if batch and (len(batch) == BATCH_OBJECTS or characters + size > BATCH_CHARACTERS):
            yield batch
            batch, characters = [], 0
        batch.append(one)
        characters += size
    if batch:
        yield batch


def _characters(value: object) -> int:
    if isinstance(value, list):
        return sum(_characters(one) for one in value)
    return len(value) if isinstance(value, str) else 0


async def delete(session: Session, collection: Collection, ids: Sequence[UUID]) -> None:
    """Deletes objects by id; those that are not there, in a tenant that is not there, are no error."""
    try:
        for some in chunks(ids, DELETE_AT_ONCE):
            async with session.writing():
                done = await collection.data.delete_many(where=Filter.by_id().contains_any(list(some)))
            if done.failed:
                raise Retryable(
                    f"Weaviate at {session.config.url} deleted {done.successful} of {done.matches} objects"
                )
    except NoTenant:
        return


async def together(calls: Iterable[Awaitable[None]]) -> None:
    """Awaits all of them, whatever becomes of the others; then raises what the first one raised, if any."""
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
