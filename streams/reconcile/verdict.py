"""What is wrong with a document, if anything. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from streams.messages.held import Head
from streams.reconcile.standing import Standing, over

Kind = Literal["missing", "stale", "resurrected", "orphaned", "damaged", "pending", "dead", "untold"]

DIFFERENCES: tuple[Kind, ...] = ("missing", "stale", "resurrected", "orphaned", "damaged")
"""What a repair mends: the topics say one thing, the index shows another."""
NOTES: tuple[Kind, ...] = ("pending", "dead", "untold")
"""What is told beside: not consumed yet, a dead letter, not to be known."""

Doubt = Literal["no_source", "no_beginning", "illegible", "other_record", "older", "beyond"]
"""Why a document of which no record speaks is no orphan for sure: its topic is not read; has lost its
beginning; has a later record that might be its own and can't be read; has another record where its own
stood, or only younger ones, or ends before it: then it is not the topic that the document came from, or is
read in another way."""

FOREIGN: frozenset[Doubt] = frozenset({"other_record", "beyond"})
"""Of these one is enough to doubt all of a source."""

Spans = Mapping[int, tuple[int, int]]
"""In each partition, the first offset and the one after the last."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What was read of a topic.

    `unread`: in each partition the last record of which nothing can be read, not even of which document
    it is; `illegible` counts these. `oldest`: the earliest of Kafka's timestamps (milliseconds) in it, None
    where no record has one.
    """

    spans: Spans
    unread: Mapping[int, int] = field(default_factory=dict)
    illegible: int = 0
    oldest: int | None = None

    @property
    def whole(self) -> bool:
        """Whether the topic still has its beginning: a compacted one has, one with a retention loses it."""
        return bool(self.spans) and all(begin == 0 for begin, _ in self.spans.values())


def beyond(spans: Spans, head: Head) -> bool:
    """Whether the head was made of a record that stands after these."""
    return head.offset >= spans.get(head.partition, (0, 0))[1]


def behind(said: Standing, head: Head | None) -> bool:
    """Whether a document with this current head has yet to be brought to what was said.

    Without a time of its own, what was said is never later than a later record of its partition.
    """
    if head is None:
        return True
    same_log = (head.topic, head.partition) == (said.source, said.partition)
    if same_log and said.offset <= head.offset and not said.timed:
        return False
    if same_log and said.offset == head.offset:
        # Of a record that says several things of the document, only another moment makes another one.
        return said.position[:2] > head.position[:2]
    follows = same_log and said.offset > head.offset
    return over(said, head.position, follows=follows) > head.position


def compare(wanted: Standing | None, dead: Standing | None, head: Head | None) -> Kind | None:
    """What is wrong with a document of which records speak; None where nothing is.

    `wanted` is what counts of what was said, `dead` the latest record that is a dead letter. A deletion
    that has no head is none: heads of deletions don't last for ever.
    """
    there = head is not None and not head.deleted
    if wanted is not None and _differs(wanted, head):
        if wanted.deleted:
            return "resurrected" if there else None
        return "stale" if there else "missing"
    if dead is not None and behind(dead, head) and (wanted is None or dead.position > wanted.position):
        return "dead"
    return None


def _differs(wanted: Standing, head: Head | None) -> bool:
    if behind(wanted, head):
        return True
    at_it = head is not None and (head.partition, head.offset) == (wanted.partition, wanted.offset)
    return head is not None and at_it and head.deleted != wanted.deleted


def doubt(head: Head, reach: Reach | None, *, taken: bool) -> Doubt | None:
    """Why it can't be told whether a record should speak of this document; None where none should.

    `reach` None: its topic was not read. `taken`: a record stands in the place of the one that the document
    was made of; had it been that one, it would speak of it.
    """
    if reach is None:
        return "no_source"
    if not reach.whole:
        return "no_beginning"
    if reach.unread.get(head.partition, -1) > head.offset:
        return "illegible"
    if taken:
        return "other_record"
    # A position's timestamp is its record's, or a later one that it was raised to.
    if reach.oldest is None or head.position.timestamp < reach.oldest:
        return "older"
    return None
