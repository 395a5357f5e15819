"""What is wrong with a document, if anything. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from streams.messages.early import LONGEST_NS
from streams.messages.held import Head
from streams.reconcile.standing import Standing, over

Kind = Literal["missing", "stale", "resurrected", "orphaned", "damaged", "pending", "dead", "untold"]

DIFFERENCES: tuple[Kind, ...] = ("missing", "stale", "resurrected", "orphaned", "damaged")
"""What a repair mends: the topics say one thing, the index shows another."""
NOTES: tuple[Kind, ...] = ("pending", "dead", "untold")
"""What is told beside: not consumed yet, a dead letter, not to be known."""

Doubt = Literal["no_source", "says_nothing", "other_record", "no_beginning", "illegible", "older", "beyond"]
"""Why a document of which no record speaks is no orphan for sure.

Its topic is not read; says nothing of any document, as it is read; has another record where its own stood;
has lost its beginning; has a later record that can't be read and might be its own; has only younger records;
or ends before it.
"""

FOREIGN: frozenset[Doubt] = frozenset({"says_nothing", "other_record", "beyond"})
"""Of these one is enough to doubt all of a source: the topic, or how it is read, is another than it was."""

Spans = Mapping[int, tuple[int, int]]
"""In each partition, the first offset and the one after the last."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What was read of a topic.

    `unread`: in each partition the last record of which nothing can be read, not even of which document
    it is; `illegible` counts these. `oldest`: the earliest of Kafka's timestamps (milliseconds) in it, None
    where no record has one. `speaking`: how many of its `records` say something of a document.
    """

    spans: Spans
    unread: Mapping[int, int] = field(default_factory=dict)
    illegible: int = 0
    oldest: int | None = None
    records: int = 0
    speaking: int = 0

    @property
    def whole(self) -> bool:
        """Whether the topic still has its beginning: a compacted one has, one with a retention loses it."""
        return bool(self.spans) and all(begin == 0 for begin, _ in self.spans.values())

    @property
    def mute(self) -> bool:
        """Whether there are records, and none says anything of a document."""
        return self.records > 0 and not self.speaking


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
        return said.position[:2] > head.position[:2] and not (said.early and _is_the_same(said, head))
    if same_log and said.early and _went_before(said, head):
        return False
    follows = same_log and said.offset > head.offset
    return over(said, head.position, follows=follows) > head.position


def _is_the_same(said: Standing, head: Head) -> bool:
    """Whether the index has it at another time only, as it met a dead letter before it that was sent back."""
    return 0 < said.position.order == head.position.order and _is_near(said, head)


def _went_before(said: Standing, head: Head) -> bool:
    """Whether topic and database's log both have it before what is held, though its statement began later."""
    return (
        said.offset < head.offset and 0 < said.position.order < head.position.order and _is_near(said, head)
    )


def _is_near(said: Standing, head: Head) -> bool:
    return 0 < said.position.time - head.position.time <= LONGEST_NS


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


TRUSTED: frozenset[Doubt] = frozenset({"other_record", "older", "beyond"})
"""What is no doubt where somebody says that the topics, as they are read now, are right."""


def doubt(head: Head, reach: Reach | None, *, taken: bool, trusted: bool = False) -> Doubt | None:
    """Why it can't be told whether a record should speak of this document; None where none should.

    `reach` None: its topic was not read. `taken`: a record stands in the place of the one that the document
    was made of; had it been that one, it would speak of it. `trusted`: the topic is right, as somebody says.
    """
    if reach is None:
        return "no_source"
    doubts: dict[Doubt, bool] = {
        "says_nothing": reach.mute,
        "other_record": taken,
        "no_beginning": not reach.whole,
        "illegible": reach.unread.get(head.partition, -1) > head.offset,
        # A position's timestamp is its record's, or a later one that it was raised to.
        "older": reach.oldest is None or head.position.timestamp < reach.oldest,
    }
    told = doubts.keys() - TRUSTED if trusted else doubts.keys()
    return next((why for why, applies in doubts.items() if applies and why in told), None)
