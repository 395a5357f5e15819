"""Questions made of the index itself, where nobody wrote any: a sentence of a document asks for it.

They find out whether a generation is broken (documents that are missing, a model that was given the wrong
words, vectors that mean nothing), not whether its model is good: real questions use other words.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from streams.answering.retrieval.standing import Standing
from streams.answering.text.sentences import sentences
from streams.evaluation.expected import Expected
from streams.messages.changes import EVERYONE
from streams.messages.held import Head
from streams.ports import Catalogue, Documents

LONGEST = 300
"""Characters of a question."""
READ_AT_ONCE = 100


class Held(Catalogue, Documents, Protocol):
    """What documents are sampled from."""


async def sampled(held: Held, *, count: int, seed: int) -> Sequence[Expected]:
    """At most `count` questions, each of another document; the same ones for the same index and seed."""
    chosen = random.Random(seed)  # noqa: S311 - a sample, no secret
    keys = await _reservoir(held, count, chosen)
    questions: list[Expected] = []
    standing = Standing()
    for start in range(0, len(keys), READ_AT_ONCE):
        heads = await standing.heads(held, keys[start : start + READ_AT_ONCE])
        for _key, head in sorted(heads.items()):
            if head.passages and (asked := await _asked(held, head, chosen)):
                questions.append(asked)
    return questions


async def _reservoir(held: Held, count: int, chosen: random.Random) -> list[UUID]:
    """`count` keys, each as likely as any other (algorithm R)."""
    keys: list[UUID] = []
    seen = 0
    async for key in held.document_keys():
        seen += 1
        if len(keys) < count:
            keys.append(key)
        elif (place := chosen.randrange(seen)) < count:
            keys[place] = key
    return keys


async def _asked(held: Held, head: Head, chosen: random.Random) -> Expected | None:
    if head.tenant is None or head.document_id is None:
        return None
    entry = chosen.choice(head.passages)
    passages = await held.passages(head.tenant, [entry.id])
    said = max((sentence for one in passages for sentence in sentences(one.text)), key=len, default="")
    if not said.strip():
        return None
    readers = tuple(reader for reader in head.readers if reader != EVERYONE)
    return Expected(said[:LONGEST], frozenset({head.document_id}), head.tenant, readers)
