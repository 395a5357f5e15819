"""The checker: what must hold of any run, whatever failed in it.

`unaccounted`: in = indexed + unchanged + deleted + ignored + dead, by distinct source. `index_differences`:
the index equals a pure replay of the input. Events are judged by `tests.unit.answering.rules`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from streams.indexing.cutting.chunk import Chunking, chunk
from streams.indexing.cutting.cut import HereCutter
from streams.indexing.cutting.parse import parse
from streams.messages.changes import Change
from streams.messages.held import current
from streams.messages.receipts import IndexReceipt
from streams.messages.records import Offset

AT_ONCE = 200


def unaccounted(sent: Iterable[Offset], receipts: Iterable[IndexReceipt]) -> set[str]:
    """The records sent that no receipt names."""
    return {str(at) for at in sent} - {str(receipt.source) for receipt in receipts}


def replay(changes: Iterable[Change]) -> dict[object, Change]:
    """Each document's last change, by the rules of position, in the order in which they were delivered."""
    last: dict[object, tuple[tuple[int, int, int, int], Change]] = {}
    for change in changes:
        before = last.get(change.key)
        time, order = (
            (change.time, change.order or 0)
            if change.time is not None
            else (before[0][:2] if before else (0, 0))
        )
        timestamp = change.timestamp
        if before and before[1].at.topic == change.at.topic and before[1].at.partition == change.at.partition:
            timestamp = max(timestamp, before[0][2]) if change.at.offset > before[1].at.offset else timestamp
        position = (time, order, timestamp, change.at.offset)
        if before is None or position > before[0]:
            last[change.key] = (position, change)
    return {key: change for key, (_, change) in last.items()}


async def index_differences(store, changes: Iterable[Change], chunking: Chunking) -> list[str]:
    """Where the store's documents are not those of a replay: id, presence, and the text of every passage."""
    wanted = replay(changes)
    found: list[str] = []
    keys = list(wanted)
    for begin in range(0, len(keys), AT_ONCE):
        heads = await store.heads(keys[begin : begin + AT_ONCE])
        for key in keys[begin : begin + AT_ONCE]:
            found += await document_differences(store, wanted[key], current(heads.get(key, ())), chunking)
    return found


async def document_differences(store, change: Change, head, chunking: Chunking) -> list[str]:
    """Where a document is not what its last change says; `head` is its current one, if it has any."""
    name, document = change.record_key, change.document
    if head is None:
        return [f"{name}: no head"]
    if head.deleted != (document is None):
        return [f"{name}: deleted is {head.deleted}"]
    if document is None:
        return []
    described = (head.tenant, head.document_id, head.readers, head.metadata)
    if described != (document.tenant, document.id, document.readers, document.metadata):
        return [f"{name}: the head describes another document"]
    return [f"{name}: {problem}" async for problem in _passage_problems(store, document, head, chunking)]


async def _passage_problems(store, document, head, chunking: Chunking):
    pieces = HereCutter(parse, chunk).cut(document, chunking)
    ids = [listed.id for listed in head.passages]
    held = {passage.id: passage for passage in await store.passages(document.tenant, ids)}
    if lost := set(ids) - set(held):
        yield f"{len(lost)} passages that the head lists are not there"
        return
    got = [(held[listed.id].text, listed.start, listed.end) for listed in head.passages]
    if got != [(piece.text, piece.start, piece.end) for piece in pieces]:
        yield "its passages are not its text"


def once(events: Sequence[dict], check: Callable[[Sequence[dict]], None]) -> dict[str, list[dict]]:
    """The events by question, each question's judged by `check`."""
    by_question: dict[str, list[dict]] = {}
    for event in events:
        by_question.setdefault(event["question"], []).append(event)
    for of_one in by_question.values():
        check(of_one)
    return by_question
