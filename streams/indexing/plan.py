"""What a change does to a document: what is kept, what is written anew.

Pure: given what is held and what changed, it says what to write; the indexer does it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import JsonValue

from streams.indexing.order import found, position_of, stale
from streams.messages.changes import Change, Document, Incomplete
from streams.messages.floors import is_floor
from streams.messages.held import Head, Listed, Passage, Vector, content_hash, passage_id
from streams.messages.position import Position
from streams.messages.receipts import Outcome

if TYPE_CHECKING:
    from streams.indexing.cutting.chunk import Chunk


@dataclass(frozen=True, slots=True)
class Draft:
    """A passage to be written: all that the head does not say, but its vector.

    `copy` is a passage of the base's tenant that has the vector already, None where it must be embedded.
    """

    id: UUID
    text: str
    content_hash: str
    copy: UUID | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a change does to the document that `base` is (None: there is none).

    `head` is what to write last, None for a change that comes too late; `drafts` are to be written
    before it. `removed` counts the base's passages whose text is no longer in the document.
    """

    outcome: Outcome
    reason: str | None
    base: Head | None
    head: Head | None
    drafts: tuple[Draft, ...] = ()
    removed: int = 0


def filled(change: Change, base: Head | None, left: Mapping[str, JsonValue] | None = None) -> Change:
    """`change` with the columns that its record left out taken from the row that it finds.

    A row that moved is not that one, but was `left` under another key, unless this was applied before. Raises
    `Rejected` (`unavailable_value`) where that row lacks them. A stale change is left as it is.
    """
    if not isinstance(change.document, Incomplete) or stale(change, base):
        return change
    held = {} if base is None or base.deleted else base.row
    if change.moved_from is not None and not (base and base.position[:2] == (change.time, change.order or 0)):
        held = {}
    return change.document.fill({**held, **(left or {})})


def plan(
    head: Head | None,
    change: Change,
    chunks: Sequence[Chunk],
    *,
    written: datetime,
    floor: Head | None = None,
) -> Plan:
    """What `change` does to the document whose current head this is; its text, if any, is now `chunks`.

    `floor` is that of its source, if it has one. A deletion writes a head even where there is nothing to
    delete, so that no older change comes in after it.
    """
    base = found(head, floor, change)
    if stale(change, base):
        return Plan("ignored", "stale", base, None)
    position = position_of(change, base)
    if change.document is None:
        return _deletion(base, change, position, written)
    if isinstance(change.document, Incomplete):
        raise TypeError("an incomplete document is filled before it is planned")
    return _upsert(base, change, change.document, position, chunks, written)


def passage(head: Head, id_: UUID, text: str, vector: Vector, written: datetime) -> Passage:
    """A passage of the document that `head` is, born with it."""
    return Passage(
        id=id_,
        document_key=head.document_key,
        tenant=head.tenant or "",
        text=text,
        title=head.title or "",
        readers=head.readers,
        metadata=head.metadata,
        born=head.position,
        written=written,
        vector=vector,
    )


def _deletion(base: Head | None, change: Change, position: Position, written: datetime) -> Plan:
    absent = base is None or base.deleted
    head = Head(
        document_key=change.key,
        position=position,
        deleted=True,
        tenant=base.tenant if base and base.tenant is not None else change.tenant,
        document_id=base.document_id if base and base.document_id is not None else change.document_id,
        title=None,
        url=None,
        language=None,
        readers=(),
        metadata=(),
        source=change.source,
        record_key=change.record_key,
        topic=change.at.topic,
        partition=change.at.partition,
        offset=change.at.offset,
        written=written,
        timed=change.timed,
        row=_left(base, change, position),
    )
    if absent:
        return Plan("ignored", "absent", base, head)
    return Plan("deleted", None, base, head, removed=len(base.passages) if base else 0)


def _left(base: Head | None, change: Change, position: Position) -> dict[str, JsonValue]:
    """The row that a deletion keeps, as it moved to another key, which may need it: see `moved`."""
    if change.row or base is None:
        return change.row
    kept = base.position[:2] == position[:2] if base.deleted else change.moved_to is not None
    return base.row if kept and not is_floor(base) else {}


def _upsert(
    base: Head | None,
    change: Change,
    document: Document,
    position: Position,
    chunks: Sequence[Chunk],
    written: datetime,
) -> Plan:
    listed, drafts = _passages(base, change.key, document, position, chunks)
    head = Head(
        document_key=change.key,
        position=position,
        deleted=False,
        tenant=document.tenant,
        document_id=document.id,
        title=document.title,
        url=document.url,
        language=document.language,
        readers=document.readers,
        metadata=document.metadata,
        source=change.source,
        record_key=change.record_key,
        topic=change.at.topic,
        partition=change.at.partition,
        offset=change.at.offset,
        written=written,
        timed=change.timed,
        passages=listed,
        row=change.row,
        media_type="text/markdown" if any(chunk.markdown for chunk in chunks) else "text/plain",
    )
    outcome: Outcome = "unchanged" if base is not None and _shows_the_same(base, head) else "indexed"
    return Plan(outcome, None, base, head, drafts, _removed(base, head))


def _passages(
    base: Head | None, key: UUID, document: Document, position: Position, chunks: Sequence[Chunk]
) -> tuple[tuple[Listed, ...], tuple[Draft, ...]]:
    """The new head's list, in order, and those in it that do not exist yet."""
    held = base.passages if base is not None else ()
    kept = _by_content(held) if base is not None and _dressed_alike(base, document) else {}
    vectors = {entry.content_hash: entry.id for entry in held}
    occurrences: Counter[str] = Counter()
    listed, drafts = [], []
    for chunk in chunks:
        digest = content_hash(chunk.text)
        if same := kept.get(digest):
            id_ = same.popleft()
        else:
            id_ = _new_id(key, document, chunk.text, position, occurrences[digest])
            occurrences[digest] += 1
            drafts.append(Draft(id_, chunk.text, digest, vectors.get(digest)))
        listed.append(Listed(id_, digest, chunk.start, chunk.end, chunk.gap))
    return tuple(listed), tuple(drafts)


def _by_content(held: Sequence[Listed]) -> dict[str, deque[UUID]]:
    found: dict[str, deque[UUID]] = {}
    for entry in held:
        found.setdefault(entry.content_hash, deque()).append(entry.id)
    return found


def _new_id(key: UUID, document: Document, text: str, position: Position, occurrence: int) -> UUID:
    return passage_id(
        document_key=key,
        tenant=document.tenant,
        text=text,
        title=document.title or "",
        readers=document.readers,
        metadata=document.metadata,
        born=position,
        occurrence=occurrence,
    )


def _dressed_alike(base: Head, document: Document) -> bool:
    """Whether what every passage carries besides its text is as it was."""
    return (base.tenant, base.title or "", base.readers, base.metadata) == (
        document.tenant,
        document.title or "",
        document.readers,
        document.metadata,
    )


def _shows_the_same(base: Head, head: Head) -> bool:
    """Whether nobody who asks could tell the two apart."""

    def shown(one: Head) -> tuple[object, ...]:
        about = (one.tenant, one.document_id, one.title, one.url, one.language, one.readers, one.metadata)
        return (one.deleted, *about, *(entry.id for entry in one.passages))

    return shown(base) == shown(head)


def _removed(base: Head | None, head: Head) -> int:
    if base is None or base.deleted:
        return 0
    gone = Counter(entry.content_hash for entry in base.passages)
    gone.subtract(entry.content_hash for entry in head.passages)
    return sum(count for count in gone.values() if count > 0)
