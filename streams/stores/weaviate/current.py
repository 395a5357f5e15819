"""The current head of each document: of many heads, or large ones, no more is read than it takes.

A query gives either one document's best or all of all. Most documents have one head, or two, so all that
there are come with the first answer. One that is edited each second has more than a hundred before the vacuum
may take them, each as large as its row: those that are known to be superseded are left out, and where the
answer would still be long, positions come first, and one body of each document then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from weaviate.classes.query import Filter

from streams.errors import Retryable
from streams.messages.held import Head, head_id
from streams.messages.position import Position
from streams.stores.chunks import chunks
from streams.stores.encoded import decoded_head
from streams.stores.weaviate.connect import Session
from streams.stores.weaviate.faults import TooLarge
from streams.stores.weaviate.heads import DOCUMENTS_AT_ONCE, Found, among, page, properties_of, too_large
from streams.stores.weaviate.objects import CURRENT, PLACE
from streams.stores.weaviate.superseded import FEW

BESIDE = 16
"""Heads that the first answer may hold beside `FEW` of each document."""
LEFT_OUT = 2000
"""Heads that one query leaves out, where it is of more than one document."""
LOOKS = 5
"""At documents the current head of which is superseded, and gone, before it was read."""


async def read_current(session: Session, document_keys: Sequence[UUID]) -> Mapping[UUID, Head]:
    """The head with the highest position of each document; no other is decoded."""
    current: list[Found] = []
    for keys in chunks(list(dict.fromkeys(document_keys)), DOCUMENTS_AT_ONCE):
        current += await _current(session, keys)
    heads = [decoded_head(one["body"]) for one in current]
    return {head.document_key: head for head in heads}


async def _current(session: Session, keys: Sequence[UUID]) -> list[Found]:
    """Each document's current head."""
    seen, where, limit = session.superseded.best(keys), among(keys), FEW * len(keys) + BESIDE
    if seen:
        old = session.superseded.ids(seen)
        if len(old) > LEFT_OUT and len(keys) > 1:
            halves = chunks(keys, -(-len(keys) // 2))
            return [one for half in halves for one in await _current(session, half)]
        where &= Filter.by_id().contains_none(list(old))
    try:
        found = await page(session, where, CURRENT, limit)
    except TooLarge:
        return await _by_positions(session, keys)
    if len(found) == limit:
        return await _by_positions(session, keys)
    best = _best(session, found, seen)
    changed = [key for key, least in seen.items() if _position(best.get(str(key))) < least]
    if not changed:
        return list(best.values())
    kept = [one for text, one in best.items() if UUID(text) not in changed]
    return kept + await _by_positions(session, changed)


async def _by_positions(session: Session, keys: Sequence[UUID]) -> list[Found]:
    """As `_current`, by asking for positions first, whatever is known."""
    current: list[Found] = []
    for key in keys:
        session.superseded.forget(key)
    for _ in range(LOOKS):
        best = _best(session, await properties_of(session, keys, PLACE))
        ids = {
            head_id(UUID(one["document_key"]), Position.parse(one["position"])): one for one in best.values()
        }
        given = await _by_id(session, ids)
        current += given
        # Superseded, and gone, before its body was read. What is not even listed has no head.
        keys = [UUID(text) for text in best.keys() - {one["document_key"] for one in given}]
        if not keys:
            return current
    raise Retryable(f"Weaviate at {session.config.url} lists a head of {keys[0]}, and does not give it")


async def _by_id(session: Session, listed: Mapping[UUID, Found]) -> list[Found]:
    """The heads with these ids, those that are there, asked for in halves where an answer is too long."""
    ids = list(listed)
    if not ids:
        return []
    try:
        return await page(session, Filter.by_id().contains_any(ids), CURRENT, len(ids))
    except TooLarge as error:
        if len(ids) == 1:
            raise too_large(listed[ids[0]]["document_key"]) from error
    halves = [{id_: listed[id_] for id_ in some} for some in chunks(ids, -(-len(ids) // 2))]
    return [one for half in halves for one in await _by_id(session, half)]


def _best(session: Session, found: Sequence[Found], known: Collection[UUID] = ()) -> Mapping[str, Found]:
    """By document, that of its heads with the highest position; of many the others are remembered."""
    heads: dict[str, list[Found]] = {}
    for one in found:
        heads.setdefault(one["document_key"], []).append(one)
    for text, some in heads.items():
        if len(some) > FEW or (known and UUID(text) in known):
            session.superseded.learn(UUID(text), [one["position"] for one in some])
    return {text: max(some, key=_position) if len(some) > 1 else some[0] for text, some in heads.items()}


def _position(head: Found | None) -> str:
    """Where it stands, as text that compares as positions do; before all of them where there is none."""
    return "" if head is None else str(head["position"])
