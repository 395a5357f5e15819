"""What the record of generations becomes at each step of a reindex. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from streams.errors import Rejected
from streams.indexing.vacuum.vacuum import remembered_since
from streams.ports import Generation, Generations


def begun(record: Generations, wanted: Generation) -> Generations:
    """With a generation being built as `wanted` is; the record itself where one is already.

    Names are given here, and never twice. Raises `Rejected` where another one is being built, or the one
    before the live one is still kept.
    """
    if record.building is not None:
        if record.building.made_as(wanted):
            return record
        raise Rejected(
            f"another generation is being built, with {shown(record.building)}: let `rag-streams reindex`"
            " finish it, or give it up with --abandon",
            code="building",
        )
    if record.previous is not None:
        raise Rejected(
            f"the generation before, made with {shown(record.previous)}, is still kept, and there is room for"
            " one: let it go first, with --drop",
            code="previous_kept",
        )
    made = record.made + 1
    return replace(record, building=replace(wanted, name=f"g{made}"), made=made)


def taken_back(record: Generations, now: datetime) -> Generations:
    """With the generation before being filled again; the record itself where that has begun already.

    Raises `Rejected` where there is none, or a new one is being built; and where the switch was so long ago
    that the live one has forgotten deletions since: the one before still holds those documents.
    """
    if record.returning:
        return record
    if record.building is not None:
        raise Rejected("a generation is being built: give it up with --abandon first", code="building")
    if record.previous is None or record.switched is None:
        raise Rejected(
            "there is no generation to go back to: it is dropped, or never was", code="no_previous"
        )
    if record.switched <= remembered_since(now):
        raise Rejected(
            f"the generation before, made with {shown(record.previous)}, is too old to go back to: what was"
            " deleted since would be there again. Let it go, with --drop, and build one like it anew",
            code="too_old",
        )
    return replace(record, building=record.previous, previous=None, returning=True)


def switched(record: Generations, now: datetime) -> Generations:
    """With the generation that was built live, and the live one kept."""
    if record.building is None:
        raise Rejected("no generation is being built", code="not_building")
    return replace(
        record, live=record.building, building=None, previous=record.live, switched=now, returning=False
    )


def set_aside(record: Generations) -> Generations:
    """With the generation that is being built written no more, to be dropped like one of before."""
    if record.building is None:
        raise Rejected("no generation is being built: there is nothing to give up", code="not_building")
    return replace(record, building=None, previous=record.building, returning=False)


def dropped(record: Generations) -> tuple[Generations, Generation]:
    """Without the generation before, and which that was. Raises `Rejected` where there is none."""
    if record.previous is None:
        raise Rejected(
            "no generation before the live one is kept: there is nothing to drop", code="no_previous"
        )
    return replace(record, previous=None), record.previous


def shown(generation: Generation) -> str:
    """A generation, for a person."""
    return f"{generation.embed_model}, {generation.dimension} numbers, {generation.chunking}"
