"""The documents that stand: current heads that are above their source's floor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from streams.messages.changes import floor_key
from streams.messages.floors import below
from streams.messages.held import Head

REMEMBERED = 64
"""Sources whose floors are asked for along with every document's heads."""


class Heads(Protocol):
    """What heads and floors are read from."""

    async def current_heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Head]:
        """As `Documents.current_heads`."""
        ...


class Standing:
    """Reads heads and floors in one call, for as many sources as it remembers to have met.

    What a floor *is* is never remembered: a truncation counts for the next question.
    """

    def __init__(self) -> None:
        self._sources: dict[str, None] = {}

    async def heads(self, held: Heads, document_keys: Sequence[UUID]) -> Mapping[UUID, Head]:
        """The current head of each document that has one above its source's floor, deletions too."""
        if not document_keys:
            return {}
        known = {floor_key(source): source for source in self._sources}
        found = await held.current_heads([*document_keys, *known])
        heads = {key: found[key] for key in document_keys if key in found}
        floors = {source: found.get(key) for key, source in known.items()}
        met = dict.fromkeys(head.source for head in heads.values())
        floors |= await _floors(held, [source for source in met if source not in floors])
        self._remember(met)
        return {key: head for key, head in heads.items() if _stands(head, floors[head.source])}

    def _remember(self, met: Iterable[str]) -> None:
        latest = {source: None for source in self._sources if source not in met} | dict.fromkeys(met)
        self._sources = dict.fromkeys(list(latest)[-REMEMBERED:])


async def _floors(held: Heads, sources: Sequence[str]) -> Mapping[str, Head | None]:
    if not sources:
        return {}
    found = await held.current_heads([floor_key(source) for source in sources])
    return {source: found.get(floor_key(source)) for source in sources}


def _stands(head: Head, floor: Head | None) -> bool:
    return floor is None or not below(head, floor)
