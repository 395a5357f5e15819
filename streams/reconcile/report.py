"""What a comparison came to. Frozen values, for people and programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from streams.reconcile.looking import Place
from streams.reconcile.verdict import DIFFERENCES, Doubt, Kind

FEW = 20
"""So many documents of a source are deleted without more ado."""


@dataclass(frozen=True, slots=True)
class Row:
    """A tenant's documents of one source: how many there are, and what is wrong with how many."""

    source: str
    tenant: str | None
    documents: int
    counts: Mapping[Kind, int]


@dataclass(frozen=True, slots=True)
class Report:
    """All rows, ordered by source and tenant. `illegible`: records of each source that can't be read at all.

    `foreign`: sources whose documents can't have come from their topic as it is, and is read, now; and why.
    """

    rows: Sequence[Row]
    illegible: Mapping[str, int]
    foreign: Mapping[str, Doubt] = field(default_factory=dict)

    def total(self, kinds: Iterable[Kind]) -> int:
        """How many documents have one of these things wrong with them."""
        wanted = frozenset(kinds)
        return sum(count for row in self.rows for kind, count in row.counts.items() if kind in wanted)

    @property
    def differing(self) -> Mapping[str, int]:
        """How many documents of each source differ; those of a foreign one that can't be told do, too."""
        counted: Counter[str] = Counter()
        for row in self.rows:
            kinds = (*DIFFERENCES, "untold") if row.source in self.foreign else DIFFERENCES
            counted[row.source] += sum(count for kind, count in row.counts.items() if kind in kinds)
        return counted

    @property
    def differs(self) -> bool:
        """Whether the index shows anything else than the topics say."""
        return self.total(DIFFERENCES) > 0

    @property
    def clean(self) -> bool:
        """Whether it is certain that it does not: all that was read is consumed, and no source foreign."""
        return self.total((*DIFFERENCES, "pending")) == 0 and not self.foreign

    def excess(self, share: float) -> Sequence[Deletions]:
        """The sources of whose documents a repair would delete more than this share, and more than a few."""
        deleted, shown = Counter[str](), Counter[str]()
        for row in self.rows:
            deleted[row.source] += row.counts.get("orphaned", 0) + row.counts.get("resurrected", 0)
            shown[row.source] += row.documents + row.counts.get("resurrected", 0)
        return [
            Deletions(source, count, shown[source])
            for source, count in deleted.items()
            if count > FEW and count > share * shown[source]
        ]


@dataclass(frozen=True, slots=True)
class Deletions:
    """How many of a source's documents a repair would delete."""

    source: str
    documents: int
    of: int


def report(
    documents: Mapping[Place, int],
    counts: Iterable[tuple[str, str | None, Kind, int]],
    illegible: Mapping[str, int],
    foreign: Mapping[str, Doubt],
) -> Report:
    """The rows of what was counted."""
    wrong: dict[Place, dict[Kind, int]] = {place: {} for place in documents}
    for source, tenant, kind, count in counts:
        wrong.setdefault((source, tenant), {})[kind] = count
    places = sorted(wrong, key=lambda place: (place[0], place[1] or ""))
    rows = [Row(*place, documents.get(place, 0), wrong[place]) for place in places]
    return Report(rows, {source: count for source, count in illegible.items() if count}, dict(foreign))
