"""A document, put together again from what the index holds of it: its head, and its passages' texts.

White space and all: a head keeps what stands between its passages. So the document can be cut in another
way, or embedded by another model, with nothing read from where it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from streams.messages.changes import Change, Document, Truncation
from streams.messages.floors import is_floor
from streams.messages.held import Head, Listed
from streams.messages.records import Offset


def rebuilt(head: Head, texts: Mapping[UUID, str]) -> Change | Truncation:
    """The change that makes a document what `head` says, at its position, wherever it is applied.

    Of a source's floor, the truncation that it is. `texts` holds the text of every passage that the head
    lists; raises KeyError where it does not.
    """
    at = Offset(topic=head.topic, partition=head.partition, offset=head.offset)
    if is_floor(head):
        moment = (head.position.time, head.position.order or None)
        return Truncation(head.source, at, head.position.timestamp, *moment)
    return Change(
        source=head.source,
        record_key=head.record_key,
        at=at,
        timestamp=head.position.timestamp,
        document=None if head.deleted else _document(head, texts),
        tenant=head.tenant,
        document_id=head.document_id,
        time=head.position.time,
        order=head.position.order,
        row=head.row,
        inherited=not head.timed,
    )


def _document(head: Head, texts: Mapping[UUID, str]) -> Document:
    return Document(
        tenant=head.tenant or "",
        id=head.document_id or "",
        text=text_of(head, texts),
        title=head.title,
        media_type=head.media_type,
        url=head.url,
        language=head.language,
        readers=head.readers,
        metadata=head.metadata,
    )


def text_of(head: Head, texts: Mapping[UUID, str]) -> str:
    """The parsed text that the head's passages were cut from, but for white space at its end."""
    pieces, last = [], 0
    for entry in head.passages:
        pieces += [_gap(entry, last), texts[entry.id]]
        last = entry.end
    return "".join(pieces)


def _gap(entry: Listed, last: int) -> str:
    """What was before the passage; of a head that did not keep it, as much white space as there was."""
    return entry.gap if entry.gap is not None else "\n" * max(0, entry.start - last)
