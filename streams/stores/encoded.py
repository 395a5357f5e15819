"""How a head, a time and a text are written in a store, whichever store it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from streams.errors import Rejected
from streams.messages.changes import TENANT
from streams.messages.held import Head, Listed, Passage
from streams.messages.position import Position
from streams.ports import Generation, Generations

_TENANT = re.compile(TENANT)


def encoded_head(head: Head) -> str:
    """A head as JSON text that any store can hold. Raises `Rejected` where a value has no JSON form."""
    held = {field.name: getattr(head, field.name) for field in fields(Head)}
    written = held | {
        "document_key": str(head.document_key),
        "position": str(head.position),
        "written": encoded_time(head.written),
        "passages": [_encoded_entry(listed) for listed in head.passages],
    }
    try:
        return _json(written)
    except (TypeError, ValueError, RecursionError) as error:
        raise Rejected(
            f"the head {head.id} can't be stored: its row has no JSON form ({type(error).__name__})",
            code="unstorable",
        ) from error


def decoded_head(text: str) -> Head:
    """The head that `encoded_head` made `text` of; what a later version has written besides is left out."""
    held = _known(Head, json.loads(text))
    held["document_key"] = UUID(held["document_key"])
    held["position"] = Position.parse(held["position"])
    held["written"] = datetime.fromisoformat(held["written"])
    held["readers"], held["metadata"] = tuple(held["readers"]), tuple(held["metadata"])
    held["passages"] = tuple(_entry(*listed) for listed in held["passages"])
    return Head(**held)


def _encoded_entry(listed: Listed) -> list[str | int]:
    entry: list[str | int] = [str(listed.id), listed.content_hash, listed.start, listed.end]
    return entry if listed.gap is None else [*entry, listed.gap]


def _entry(id_: str, content_hash: str, start: int, end: int, gap: str | None = None, *_: object) -> Listed:
    return Listed(UUID(id_), content_hash, start, end, gap)


def encoded_generations(record: Generations) -> str:
    """The record of generations as JSON text."""
    return _json(asdict(record) | {"switched": record.switched and encoded_time(record.switched)})


def decoded_generations(text: str) -> Generations:
    """The record that `encoded_generations` made `text` of; `text` may hold a single generation.

    What a later version has written besides is left out.
    """
    held: dict[str, Any] = json.loads(text)
    if "live" not in held:
        return Generations(_generation(held))
    slots = {slot: held.get(slot) and _generation(held[slot]) for slot in ("live", "building", "previous")}
    switched = held.get("switched") and datetime.fromisoformat(held["switched"])
    return Generations(**_known(Generations, held) | slots | {"switched": switched})


def _generation(held: Mapping[str, Any]) -> Generation:
    return Generation(**_known(Generation, held))


def _known(kind: type[Generation | Generations | Head], held: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in held.items() if name in names}


def encoded_time(time: datetime) -> str:
    """A moment as text of fixed width: earlier is smaller, microseconds are kept."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def check_passage(passage: Passage) -> None:
    """Raises `Rejected` for a passage that no store can ever hold: half a character, no proper tenant."""
    if not _TENANT.fullmatch(passage.tenant):
        raise Rejected(
            f"the passage {passage.id} has no proper tenant: letters, digits, - and _, 64 at most",
            code="invalid_tenant",
        )
    for text in (passage.text, passage.title, *passage.readers, *passage.metadata):
        if not encodable(text):
            raise Rejected(
                f"the passage {passage.id} holds half a surrogate pair, which no encoding of text can write",
                code="invalid_text",
            )


def encodable(text: str) -> bool:
    """Whether the text can be written in UTF-8: lone surrogates can't."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def encodable_part(text: str) -> str:
    """The text with a `?` for every lone surrogate: what can be searched for."""
    return text.encode(errors="replace").decode()


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # Escapes cost up to six bytes a character, but can write a lone surrogate, which UTF-8 can't.
    return text if encodable(text) else json.dumps(value, separators=(",", ":"))
