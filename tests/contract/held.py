"""Heads and passages to hold: made of little, proper in the rest."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from streams.messages.changes import document_key
from streams.messages.held import Head, Listed, Passage, content_hash, passage_id
from streams.messages.position import Position

DIMENSION = 8
NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(time: int = 1, offset: int = 0) -> Position:
    return Position(time, 0, 1_795_000_000_000, offset)


def unit(axis: int, towards: int | None = None, share: float = 0.0) -> list[float]:
    """A vector along `axis`, turned towards another one: cosine with `unit(axis)` is 1 - `share`."""
    vector = [0.0] * DIMENSION
    vector[axis] = 1.0 - share
    if towards is not None:
        vector[towards] = (1.0 - vector[axis] ** 2) ** 0.5
    return vector


def key(name: str) -> uuid.UUID:
    return document_key("documents.changes", f"default/{name}")


def passage(text: str = "some text", *, document: str = "doc", occurrence: int = 0, **given: Any) -> Passage:
    fields: dict[str, Any] = {
        "document_key": key(document),
        "tenant": "acme",
        "title": "",
        "readers": ("*",),
        "metadata": (),
        "born": at(),
    }
    fields |= {name: given.pop(name) for name in list(given) if name in fields}
    id_ = passage_id(text=text, occurrence=occurrence, **fields)
    return Passage(
        id=id_, text=text, written=given.pop("written", NOON), vector=given.pop("vector", unit(0)), **fields
    )


def head(document: str = "doc", position: Position | None = None, **given: Any) -> Head:
    fields: dict[str, Any] = {
        "document_key": key(document),
        "position": position or at(),
        "deleted": False,
        "tenant": "acme",
        "document_id": document,
        "title": None,
        "url": None,
        "language": None,
        "readers": ("*",),
        "metadata": (),
        "source": "documents.changes",
        "record_key": f"default/{document}",
        "topic": "documents.changes",
        "partition": 0,
        "offset": 0,
        "written": NOON,
    }
    return Head(**(fields | given))


def listing(*passages: Passage) -> tuple[Listed, ...]:
    return tuple(
        Listed(one.id, content_hash(one.text), n, n + 1, "\n" * n or None) for n, one in enumerate(passages)
    )


def ids(found: Sequence[Any]) -> set[uuid.UUID]:
    return {one.id for one in found}
