"""What operators look at: status, receipts, dead letters, the key itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel

from streams import __version__
from streams.errors import Rejected, Retryable, StreamsError
from streams.gateway.access.doorkeeper import Administrator, Anyone, Reader
from streams.gateway.access.keys import Key, Scope
from streams.gateway.access.waiting import insist
from streams.gateway.http import events
from streams.gateway.openapi.responses import PROBLEMS, RECEIPTS
from streams.gateway.parts import Parts
from streams.gateway.reading import letters
from streams.gateway.reading.feed import Follower
from streams.gateway.reading.letters import Kind, Letter, WholeLetter
from streams.gateway.reading.lookup import all_readable
from streams.gateway.reading.standing import SourceStatus
from streams.indexing.vacuum.vacuum import remembered_since
from streams.kafka import dead
from streams.kafka.backwards import backwards
from streams.kafka.dead import letter_of
from streams.messages.receipts import IndexReceipt
from streams.messages.records import Offset, Record

LIMIT_S = 10.0
"""How long topics are looked through for one request."""
LETTERS_AT_ONCE = 50

T = TypeVar("T")

router = APIRouter(tags=["operations"])


class Status(BaseModel):
    """What is up, and how far behind the index is."""

    version: str
    tenant: str
    parts: dict[str, str]
    embed_model: str | None
    behind: int | None
    sources: list[SourceStatus]


class KeyShown(BaseModel):
    """What a key may do, and for whom it speaks."""

    id: str
    name: str
    tenant: str
    principals: list[str]
    scopes: list[Scope]
    rate_limit: str


class Letters(BaseModel):
    """Dead letters, newest first; `complete`: all were looked through."""

    letters: list[Letter]
    complete: bool


@router.get("/v1/key", summary="What the key may do", responses=PROBLEMS)
async def key_shown(request: Request, key: Anyone) -> KeyShown:
    """The key's tenant, principals, scopes and rate limit."""
    parts: Parts = request.app.state.parts
    return KeyShown(
        id=key.id, name=key.name, tenant=key.tenant, principals=list(key.principals),
        scopes=list(key.scopes), rate_limit=key.rate_limit or parts.settings.rate_limit,
    )  # fmt: skip


@router.get("/v1/status", summary="What is up, and how far behind the index is", responses=PROBLEMS)
async def status(request: Request, key: Reader) -> Status:
    """200 even where a part is down: `parts` says which (to `admin`, why), `behind` is null where unknown."""
    parts: Parts = request.app.state.parts
    said, sources, generation = await asyncio.gather(
        parts.standing.parts() if "admin" in key.scopes else parts.standing.brief(),
        _known(parts.standing.sources(key.tenant)),
        _known(parts.index.generation()),
    )
    return Status(
        version=__version__, tenant=key.tenant, parts=dict(said),
        embed_model=generation.embed_model if generation else None,
        behind=None if sources is None else sum(one.behind for one in sources), sources=list(sources or ()),
    )  # fmt: skip


async def _known(asked: Awaitable[T]) -> T | None:
    try:
        return await asked
    except StreamsError:
        return None


@router.get(
    "/v1/indexed/events", summary="Receipts as they come", response_class=Response,
    responses={**RECEIPTS, **PROBLEMS},
)  # fmt: skip
async def indexed(
    request: Request,
    key: Reader,
    recent: Annotated[int, Query(ge=0, le=100, description="Begin with the last so many.")] = 0,
) -> Response:
    """What becomes of each change, as server-sent events, without end.

    `Last-Event-ID` counts for nothing here: after a break begin with `recent`, and leave out what was seen,
    by `source` and `indexed_at` (a record that is sent back has one more receipt of the same `source`).
    """
    parts: Parts = request.app.state.parts
    async with AsyncExitStack() as stack:
        stack.enter_context(parts.door.place(key))
        follower = await stack.enter_async_context(parts.feed.followed(key.tenant))
        before = await _recent(parts, key, recent)
        chunks = _receipts(parts, key, before, follower)
        return events.EventStream(chunks, stack.pop_all(), stands=lambda: parts.keyring.stands(key))


async def _recent(parts: Parts, key: Key, count: int) -> list[IndexReceipt]:
    if not count:
        return []
    async with parts.asking.scans.turn(key.id):
        return await parts.feed.recent(key.tenant, count)


async def _receipts(
    parts: Parts, key: Key, before: list[IndexReceipt], follower: Follower
) -> AsyncGenerator[bytes, None]:
    shown = {receipt.identity for receipt in before}
    try:
        for receipt in await _visible(parts, key, before):
            yield events.frame("receipt", receipt.model_dump_json(), str(receipt.source))
        while True:
            new = [one for one in await follower.some() if one.identity not in shown]
            for receipt in await _visible(parts, key, new):
                yield events.frame("receipt", receipt.model_dump_json(), str(receipt.source))
    except StreamsError as error:
        yield events.failed(error)


async def _visible(parts: Parts, key: Key, receipts: list[IndexReceipt]) -> list[IndexReceipt]:
    """Those that the key may see: with `admin` its tenant's, else those of documents that it may read."""
    if "admin" in key.scopes:
        return receipts
    found = await parts.lookup.standing_of(key.tenant, receipts)
    return [
        receipt
        for receipt in receipts
        if all_readable(key, found.get(receipt.document_id or "", ()), receipt.source.topic)
    ]


@router.get("/v1/dead", summary="Dead letters", responses=PROBLEMS)
async def dead_letters(
    request: Request,
    key: Administrator,
    kind: Annotated[Kind, Query(description="Of documents, or of questions.")] = "documents",
    code: Annotated[str | None, Query(description="Only those with this code.")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="At most so many.")] = 100,
) -> Letters:
    """Those that are known to be the key's tenant's, newest first."""
    parts: Parts = request.app.state.parts

    def ours(record: Record) -> Letter | None:
        if letters.owner(kind, record, parts.topics) != key.tenant:
            return None
        listed = letters.letter(kind, letter_of(record), _oldest(kind))
        return listed if code in {None, listed.code} else None

    found: list[Letter] = []
    reading = backwards(parts.connection, _topic(parts, kind), ours, step=LETTERS_AT_ONCE)
    try:
        async with parts.asking.scans.turn(key.id), asyncio.timeout(LIMIT_S), aclosing(reading) as every:
            async for one in every:
                found.append(one)
                if len(found) == limit:
                    break
    except TimeoutError:
        return Letters(letters=found, complete=False)
    return Letters(letters=found, complete=True)


Place = Annotated[str, Path(description="TOPIC-PARTITION-OFFSET, as the list has it in `at`.")]


@router.get("/v1/dead/{place}", summary="A dead letter", responses=PROBLEMS)
async def dead_letter(request: Request, key: Administrator, place: Place) -> WholeLetter:
    """One of the key's tenant's, with its record."""
    kind, found = await _letter(request.app.state.parts, key, place)
    return letters.whole(kind, found, _oldest(kind))


@router.post(
    "/v1/dead/{place}/replay", summary="Send a dead letter back", status_code=202, responses=PROBLEMS
)
async def replay(request: Request, key: Administrator, place: Place) -> Offset:
    """To be processed once more, once its cause is mended. A change keeps its old position."""
    parts: Parts = request.app.state.parts
    kind, found = await _letter(parts, key, place)
    settings = parts.settings
    retry = settings.topic_documents_retry if kind == "documents" else settings.topic_questions_retry
    insist(lambda: parts.keyring.stands(key))
    done = await dead.send_back(found, send=parts.producer.send, retry_topic=retry, oldest=_oldest(kind))
    if done.sent is None:
        raise done.refused or Rejected("it can't be sent back", code="invalid_retry")
    return done.sent


def _oldest(kind: Kind) -> datetime | None:
    """When the oldest dead letter died that can be sent back."""
    return remembered_since(datetime.now(UTC)) if kind == "documents" else None


def _topic(parts: Parts, kind: Kind) -> str:
    settings = parts.settings
    return settings.topic_documents_dead if kind == "documents" else settings.topic_questions_dead


async def _letter(parts: Parts, key: Key, text: str) -> tuple[Kind, dead.DeadLetter]:
    """The dead letter of the key's tenant that stands there. Raises `Rejected` (`absent`)."""
    absent = Rejected("there is no such dead letter that this key may see", code="absent")
    try:
        at = Offset.parse(text)
    except ValueError:
        raise absent from None
    kinds: dict[str, Kind] = {
        _topic(parts, "documents"): "documents",
        _topic(parts, "questions"): "questions",
    }
    kind = kinds.get(at.topic)
    if kind is None:
        raise absent
    try:
        async with asyncio.timeout(LIMIT_S):
            there = at.partition < await parts.asking.partitions(at.topic)
            found = await dead.show(parts.connection, at) if there else None
    except TimeoutError:
        raise Retryable("the dead letter can't be read in time; try again", code="not_read") from None
    if found is None or letters.owner(kind, found.record, parts.topics) != key.tenant:
        raise absent
    return kind, found
