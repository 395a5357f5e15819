"""A plan's passages: each gets its vector, and is written before the head that lists it."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from functools import partial

from streams.errors import Rejected, Retryable
from streams.indexing.embedding import LARGE, Embedding
from streams.indexing.plan import Plan, passage
from streams.indexing.work import Work
from streams.ports import Documents, Monotonic, Now

AT_A_TIME = 512
"""Passages of a large document that are written as soon as they are embedded."""


class Passages:
    """Gets and writes those that plans want."""

    def __init__(self, documents: Documents, embedding: Embedding, now: Now, monotonic: Monotonic) -> None:
        self._documents, self._embedding = documents, embedding
        self._now, self._monotonic = now, monotonic

    async def fetch_vectors(self, work: Work, planned: Plan) -> bool:
        """Copies or embeds the vectors that the plan wants; whether it lacked any: time has passed."""
        vectors = work.hand.vectors
        lacking = {draft.content_hash: draft for draft in planned.drafts if draft.content_hash not in vectors}
        if not lacking:
            return False
        started = self._monotonic()
        copies = {draft.copy: digest for digest, draft in lacking.items() if draft.copy is not None}
        if copies and planned.base is not None and planned.base.tenant is not None:
            for held in await self._documents.passages(planned.base.tenant, list(copies)):
                vectors[copies[held.id]] = held.vector
        texts = {digest: draft.text for digest, draft in lacking.items() if digest not in vectors}
        if len(texts) > LARGE:
            await self._embed_many(work, planned, texts)
        else:
            await self._embedding.embed(work.hand, texts, partial(_blamed, planned))
        work.embed_s += self._monotonic() - started
        return True

    async def _embed_many(self, work: Work, planned: Plan, texts: Mapping[str, str]) -> None:
        """Embeds and writes by turns, after a look at what another worker wrote that came so far.

        What is found is written again, for the vacuum counts from then what no head lists.
        """
        vectors, head = work.hand.vectors, planned.head
        drafts = {draft.id: draft.content_hash for draft in planned.drafts if draft.content_hash in texts}
        if head is not None and head.tenant is not None:
            for held in await self._documents.passages(head.tenant, list(drafts)):
                vectors[drafts[held.id]] = array("f", held.vector)
        lacking = [digest for digest in texts if digest not in vectors]
        work.hand.expects(len(lacking))
        for start in range(0, len(lacking), AT_A_TIME):
            some = {digest: texts[digest] for digest in lacking[start : start + AT_A_TIME]}
            await self._embedding.embed(work.hand, some, partial(_blamed, planned))
            await self.write(work, planned)

    async def write(self, work: Work, planned: Plan) -> None:
        """Writes what has a vector and this apply has not written yet.

        Nobody drops what is born at a position to come.
        """
        head, written, vectors = planned.head, self._now(), work.hand.vectors
        if head is None:
            return
        new = [
            passage(head, draft.id, draft.text, vectors[draft.content_hash], written)
            for draft in planned.drafts
            if draft.id not in work.written and draft.content_hash in vectors
        ]
        if new:
            started = self._monotonic()
            await self._documents.write_passages(new)
            work.written.update(one.id for one in new)
            work.write_s += self._monotonic() - started


def _blamed(planned: Plan, digest: str, error: Rejected | Retryable) -> Exception:
    """The error where one passage alone gets no vector: it says which, where there are several."""
    listed = () if planned.head is None else planned.head.passages
    if len(listed) == 1:
        return error
    number, entry = next(
        (number, entry) for number, entry in enumerate(listed, 1) if entry.content_hash == digest
    )
    message = (
        f"passage {number} of {len(listed)}, characters {entry.start} to {entry.end} of the document's text,"
        f" gets no vector: {error}"
    )
    if isinstance(error, Rejected):
        return Rejected(message, code=error.code)
    return Retryable(message, code=error.code, retry_after=error.retry_after, progress=error.progress)
