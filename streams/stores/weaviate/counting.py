"""How many passages hold a word, in Weaviate, in bounded time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

from weaviate.classes.query import Filter

from streams.stores.chunks import chunks
from streams.stores.encoded import encodable_part
from streams.stores.weaviate.connect import Session
from streams.stores.weaviate.faults import NoTenant
from streams.stores.weaviate.objects import BRANCH_DIGITS

EXACT = 100
"""Passages with a word up to which they are counted one by one."""
SAMPLE = 2000
"""Passages among which more frequent words are counted, at most."""
WORDS_AT_ONCE = 16

_WORD = re.compile(r"[^\W_]")


def has_word(text: str) -> bool:
    """Whether Weaviate finds any word in the text: words are runs of letters and digits."""
    return bool(_WORD.search(text))


async def word_counts(session: Session, tenant: str, words: Sequence[str]) -> tuple[int, Mapping[str, int]]:
    """How many passages the tenant holds, and how many hold each word (all of its tokens).

    Weaviate reads every passage that it counts. So what more than EXACT passages hold, in a tenant of
    more than SAMPLE, is counted in a random part of them and scaled up: of a word in one of a hundred
    passages that is right to about a fifth, of a more frequent one to less.
    """
    counts = dict.fromkeys(words, 0)
    try:
        total = await _count(session, tenant, None)
        for some in chunks([word for word in counts if has_word(word)], WORDS_AT_ONCE):
            found = await asyncio.gather(*(_holding(session, tenant, total, word) for word in some))
            counts.update(zip(some, found, strict=True))
    except NoTenant:
        return 0, counts
    return total, counts


async def _holding(session: Session, tenant: str, total: int, word: str) -> int:
    text = encodable_part(word)
    where = Filter.by_property("text").equal(text) | Filter.by_property("title").equal(text)
    async with session.querying():
        returned = await session.passages(tenant).query.fetch_objects(
            filters=where, limit=EXACT + 1, return_properties=[]
        )
    if len(returned.objects) <= EXACT:
        return len(returned.objects)
    digits = sampled(total)
    if digits:
        # Ids are hashes: those that begin alike are a random part of all.
        where &= Filter.by_property("branches").equal("0" * digits)
    return int(max(EXACT + 1, min(total, await _count(session, tenant, where) * 16**digits)))


def sampled(total: int) -> int:
    """The digits by which ids must agree so that no more than about SAMPLE of `total` passages do."""
    digits = 0
    while total > SAMPLE * 16**digits:
        digits += 1
    return min(digits, BRANCH_DIGITS)


async def _count(session: Session, tenant: str, where: Any) -> int:
    async with session.querying():
        counted = await session.passages(tenant).aggregate.over_all(total_count=True, filters=where)
    return counted.total_count or 0
