"""What a comparison came to. Frozen values, for people and programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from streams.reconcile.looking import Place
from streams.reconcile.verdict import DIFFERENCES, Kind


@dataclass(frozen=True, slots=True)
class Row:
    """A tenant's documents of one source: how many there are, and what is wrong with how many."""

    source: str
    tenant: str | None
    documents: int
    counts: Mapping[Kind, int]


@dataclass(frozen=True, slots=True)
class Report:
    """All rows, ordered by source and tenant. `illegible`: records of each source that say nothing at all."""

    rows: Sequence[Row]
    illegible: Mapping[str, int]

    def total(self, kinds: Iterable[Kind]) -> int:
        """How many documents have one of these things wrong with them."""
        wanted = frozenset(kinds)
        return sum(count for row in self.rows for kind, count in row.counts.items() if kind in wanted)

    @property
    def differing(self) -> Mapping[str, int]:
        """How many documents of each source differ."""
        counted: Counter[str] = Counter()
        for row in self.rows:
            counted[row.source] += sum(count for kind, count in row.counts.items() if kind in DIFFERENCES)
        return counted

    @property
    def differs(self) -> bool:
        """Whether the index shows anything else than the topics say."""
        return self.total(DIFFERENCES) > 0

    @property
    def clean(self) -> bool:
        """Whether it is certain that it does not: all that was read is consumed, too."""
        return self.total((*DIFFERENCES, "pending")) == 0


def report(
    documents: Mapping[Place, int],
    counts: Iterable[tuple[str, str | None, Kind, int]],
    illegible: Mapping[str, int],
) -> Report:
    """The rows of what was counted."""
    wrong: dict[Place, dict[Kind, int]] = {place: {} for place in documents}
    for source, tenant, kind, count in counts:
        wrong.setdefault((source, tenant), {})[kind] = count
    places = sorted(wrong, key=lambda place: (place[0], place[1] or ""))
    rows = [Row(*place, documents.get(place, 0), wrong[place]) for place in places]
    return Report(rows, {source: count for source, count in illegible.items() if count})
