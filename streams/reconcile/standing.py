"""What the records of a topic say of a document, reduced to where the document should be.

The contract's rules of order, computed a second time and apart from `indexing.plan`, so that a fault in
one of the two shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from streams.messages.changes import Change, Document, Truncation
from streams.messages.early import LONGEST_NS
from streams.messages.position import Position


@dataclass(frozen=True, slots=True)
class Standing:
    """What a record says of a document, and where that stands among what was said before.

    `timed`: the record has a time or an order of its own; else those of `position` are inherited.
    `whole`: it says all of the document, or that it is gone; else it takes the row before to know it.
    `tenant` and `document_id` are None where the record does not name them.
    `early`: its time is when its statement began.
    """

    source: str
    partition: int
    offset: int
    position: Position
    timed: bool
    deleted: bool
    whole: bool = True
    tenant: str | None = None
    document_id: str | None = None
    early: bool = False


def stand(change: Change | Truncation, before: Standing | None) -> Standing:
    """What `change` says, after `before`: the document's last record in its partition, or its floor.

    A truncation is a deletion of the source's floor, which is held as a document is.
    """
    document = change.document if isinstance(change, Change) else None
    named = document if isinstance(document, Document) else None
    gone = change if isinstance(change, Change) else None
    said = Standing(
        source=change.source,
        partition=change.at.partition,
        offset=change.at.offset,
        position=Position(change.time or 0, change.order or 0, max(change.timestamp, 0), change.at.offset),
        timed=change.time is not None or change.order is not None,
        deleted=document is None,
        whole=document is None or named is not None,
        tenant=named.tenant if named else gone.tenant if gone else None,
        document_id=named.id if named else gone.document_id if gone else None,
        early=gone is not None and gone.early,
    )
    if before is None:
        return said
    if said.early and _began_before(said.position, before.position):
        said = replace(said, position=said.position._replace(time=before.position.time))
    return replace(said, position=over(said, before.position, follows=_after(said, before)))


def _after(said: Standing, before: Standing) -> bool:
    """Whether it is a later record of the same partition."""
    return said.partition == before.partition and said.offset > before.offset


def _began_before(said: Position, before: Position) -> bool:
    """Whether the one that is behind in the database's log is of a statement that began before."""
    return 0 < before.order <= said.order and said.time < before.time <= said.time + LONGEST_NS


def over(said: Standing, base: Position, *, follows: bool) -> Position:
    """Where `said` stands in a document that is at `base`.

    What has no time of its own has the document's. `follows`: it is a later record of the partition that
    `base` came from, so that between equal times and orders it counts as no earlier.
    """
    time_order = said.position[:2] if said.timed else max(said.position[:2], base[:2])
    timestamp = said.position.timestamp
    if follows and time_order == base[:2]:
        timestamp = max(timestamp, base.timestamp)
    return Position(*time_order, timestamp, said.offset)


def latest(said: Iterable[Standing]) -> Standing | None:
    """Of what each partition says last of a document, what counts.

    A document stands in several where its topic was given more partitions. In which order a worker met
    those is not known; Kafka's timestamps say it as well as can be.
    """
    best: Standing | None = None
    for one in sorted(said, key=lambda one: (one.position.timestamp, one.partition)):
        if best is None:
            best = one
            continue
        placed = replace(one, position=over(one, best.position, follows=_after(one, best)))
        best = placed if placed.position > best.position else best
    return best


def below(said: Standing, floor: Standing) -> bool:
    """Whether a truncation took away what was said. Offsets count in the floor's own partition alone."""
    level = floor.position if said.partition == floor.partition else floor.position._replace(offset=0)
    return over(said, level, follows=_after(said, floor)) <= level


def under(said: Standing | None, floor: Standing | None) -> Standing | None:
    """What was said, or, where it is below the floor, the deletion that the floor is to it."""
    if said is None or floor is None or not below(said, floor):
        return said
    return replace(floor, tenant=said.tenant, document_id=said.document_id)
