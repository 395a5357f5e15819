"""Retrieve: what the search finds, kept only where it counts now and this reader may see it.

The index may hold passages that are superseded, deleted or revoked: the heads say which ones count,
and who may read them, and a source's floor says which heads do. So nothing here trusts the search alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from uuid import UUID

from streams.answering.found import Found
from streams.answering.retrieval.standing import Standing
from streams.answering.text.screen import well_formed
from streams.messages.held import Head
from streams.ports import Hit, Search, SearchQuery


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The passages that count, best first, and the hits that did not.

    At most as many as were wanted, besides those between them that do not go on.
    """

    found: tuple[Found, ...]
    superseded: tuple[Hit, ...]


async def retrieve(
    search: Search,
    query: SearchQuery,
    *,
    wanted: int,
    overfetch: int,
    rounds: int,
    standing: Standing | None = None,
    goes_on: Callable[[Found], bool] = lambda _: True,
) -> Retrieved:
    """The `wanted` best passages for `query` that count now. Raises what `search` raises.

    `standing` reads the heads; one that is kept from question to question does so in fewer calls.

    Each round asks for more than is wanted, `overfetch` times at first and twice as many each time; there is
    another one (at most `rounds`) only where passages that no longer count, or that do not go on (`goes_on`:
    the guard's), took the place of others, or where a document was replaced in between: the search found it
    as it was, its head says what it is now.
    """
    standing = standing or Standing()
    superseded: dict[UUID, Hit] = {}
    limit = max(query.limit, wanted * overfetch)
    for _ in range(rounds):
        asked = replace(query, limit=limit, exclude=query.exclude | superseded.keys())
        hits = await search.hybrid(asked)
        heads = await standing.heads(search, list(dict.fromkeys(hit.document_key for hit in hits)))
        found = _kept(hits, heads, asked)
        kept = {one.hit.id for one in found}
        gone = {hit.id: hit for hit in hits if hit.id not in kept and hit.id not in superseded}
        superseded |= gone
        going = list(islice((place for place, one in enumerate(found, 1) if goes_on(one)), wanted))
        crowded = len(going) < wanted and len(hits) == limit
        if not (crowded or _replaced(gone.values(), heads, kept)):
            break
        limit *= 2 if crowded else 1
    last = going[-1] if len(going) == wanted else len(found)
    return Retrieved(tuple(found[:last]), tuple(superseded.values()))


async def outdated(
    search: Search, query: SearchQuery, passages: Sequence[Found], standing: Standing
) -> tuple[int, ...]:
    """Numbers, from 1, of the `passages` found for `query` before that do not count any more.

    Raises what `search` raises.
    """
    heads = await standing.heads(search, list(dict.fromkeys(one.hit.document_key for one in passages)))

    def still(one: Found) -> bool:
        head = heads.get(one.hit.document_key)
        return head is not None and counts(one.hit, head, query)

    return tuple(n for n, one in enumerate(passages, 1) if not still(one))


def _replaced(gone: Iterable[Hit], heads: Mapping[UUID, Head], kept: Collection[UUID]) -> bool:
    """Whether a document lists other passages than were hit: it may be found by one that is new."""
    current = (heads.get(key) for key in {hit.document_key for hit in gone})
    return any(
        head is not None and not head.deleted and not any(listed.id in kept for listed in head.passages)
        for head in current
    )


def _kept(hits: Iterable[Hit], heads: Mapping[UUID, Head], query: SearchQuery) -> list[Found]:
    kept: dict[UUID, Found] = {}
    for hit in hits:
        head = heads.get(hit.document_key)
        if head is not None and hit.id not in kept and counts(hit, head, query):
            kept[hit.id] = Found(replace(hit, text=well_formed(hit.text), title=well_formed(hit.title)), head)
    return list(kept.values())


def counts(hit: Hit, head: Head, query: SearchQuery) -> bool:
    """Whether `head`, its document's current one, lists this passage, in this tenant, for this reader."""
    return (
        not head.deleted
        and head.document_key == hit.document_key
        and head.tenant == hit.tenant == query.tenant
        and hit.id not in query.exclude
        and any(listed.id == hit.id for listed in head.passages)
        and head.admits(query.principals)
        and set(query.filters) <= set(head.metadata)
    )
