"""Heads and passages as Weaviate's objects, and back. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from weaviate.classes.data import DataObject

from streams.messages.held import Head, Passage, Vector
from streams.messages.position import Position
from streams.ports import PassageRef
from streams.stores.encoded import encoded_head, encoded_time

BRANCH_DIGITS = 3
"""Digits of a passage's id by which passages are taken in parts: all that begin with the same ones."""
PASSAGE = ("text", "title", "document_key", "readers", "metadata", "born", "written")
REF = ("document_key", "born", "written")
BODY = ("body",)
PLACE = ("document_key", "position")
CURRENT = ("document_key", "position", "body")
STUB = ("document_key", "position", "deleted")

Properties = Mapping[str, Any]
Object = DataObject[dict[str, Any], None]


def quoted(text: str) -> str:
    """A text as it is matched: quoted, since Weaviate takes the blanks off a value's ends otherwise."""
    return json.dumps(text)


def passage_object(passage: Passage) -> Object:
    """The object that holds a passage."""
    properties = {
        "text": passage.text,
        "title": passage.title,
        "document_key": str(passage.document_key),
        "readers": [quoted(reader) for reader in passage.readers],
        "metadata": [quoted(pair) for pair in passage.metadata],
        "born": str(passage.born),
        "written": encoded_time(passage.written),
        "branches": [passage.id.hex[:digits] for digits in range(1, BRANCH_DIGITS + 1)],
    }
    return DataObject(properties=properties, uuid=passage.id, vector=list(passage.vector))


def passage(id_: UUID, tenant: str, properties: Properties, vector: Vector) -> Passage:
    """The passage that an object holds."""
    return Passage(
        id=id_,
        document_key=UUID(properties["document_key"]),
        tenant=tenant,
        text=properties["text"],
        title=properties["title"],
        readers=_unquoted(properties["readers"]),
        metadata=_unquoted(properties["metadata"]),
        born=Position.parse(properties["born"]),
        written=datetime.fromisoformat(properties["written"]),
        vector=vector,
    )


def vector_of(returned: Any) -> Vector:
    """The vector of an object that was asked for with it."""
    vector: list[float] = returned.vector["default"]
    return vector


def passage_ref(id_: UUID, tenant: str, properties: Properties) -> PassageRef:
    """What the vacuum needs to know of the passage that an object holds."""
    return PassageRef(id_, UUID(properties["document_key"]), tenant, Position.parse(properties["born"]))


def head_object(head: Head) -> Object:
    """The object that holds a head, not settled: the document may have something to vacuum."""
    properties = {
        "document_key": str(head.document_key),
        "position": str(head.position),
        "written": encoded_time(head.written),
        "source": quoted(head.source),
        "tenant": quoted(head.tenant or ""),
        "document_id": quoted(head.document_id or ""),
        "deleted": head.deleted,
        "settled": False,
        "body": encoded_head(head),
    }
    return DataObject(properties=properties, uuid=head.id)


def _unquoted(texts: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(json.loads(text) for text in texts or ())
