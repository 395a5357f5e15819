"""The messages' JSON Schemas (draft 2020-12) and the AsyncAPI document, as files, and whether these drift.

What users write is described as it is read: unknown fields are allowed, defaults need not be given.
What we write is described as it is written: every field is there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from streams.messages.answers import (
    AnswerCompleted,
    AnswerDelta,
    AnswerEvent,
    AnswerFailed,
    AnswerReset,
    AnswerStarted,
)
from streams.messages.asyncapi import document
from streams.messages.changes import DocumentChange
from streams.messages.headers import SCHEMA
from streams.messages.questions import Question
from streams.messages.receipts import IndexReceipt

DRAFT = "https://json-schema.org/draft/2020-12/schema"
ASYNCAPI = "asyncapi.json"

Written = Literal["validation", "serialization"]
BY_USERS: Written = "validation"
BY_US: Written = "serialization"

MESSAGES: Mapping[str, tuple[Any, Written]] = {
    "document-change": (DocumentChange, BY_USERS),
    "index-receipt": (IndexReceipt, BY_US),
    "question": (Question, BY_USERS),
    "answer-event": (AnswerEvent, BY_US),
    "answer-started": (AnswerStarted, BY_US),
    "answer-delta": (AnswerDelta, BY_US),
    "answer-reset": (AnswerReset, BY_US),
    "answer-completed": (AnswerCompleted, BY_US),
    "answer-failed": (AnswerFailed, BY_US),
}
"""Every message by its file's name, and who writes it."""

EXTRAS: Mapping[str, Mapping[str, Any]] = {
    "document-change": {
        "if": {"properties": {"op": {"const": "delete"}}, "required": ["op"]},
        "else": {"properties": {"text": {"type": "string"}}, "required": ["text"]},
    },
    "answer-event": {
        "title": "AnswerEvent",
        "description": "One event of one question's answer; `type` says which.",
    },
}
"""What the models' types alone do not say."""


class _Untitled(GenerateJsonSchema):
    """A field's title would only be its name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of the message `name`, one of `MESSAGES`."""
    model, mode = MESSAGES[name]
    made = TypeAdapter(model).json_schema(mode=mode, schema_generator=_Untitled)
    identity = {"$schema": DRAFT, "$id": f"urn:rag-streams:schema:{SCHEMA}:{name}"}
    return {**identity, **made, **EXTRAS.get(name, {})}


def files() -> dict[str, str]:
    """The text of every file, by name; the same for the same version, whatever the machine."""
    made: dict[str, Any] = {f"{name}.json": schema(name) for name in MESSAGES}
    return {name: _text(content) for name, content in (made | {ASYNCAPI: document()}).items()}


def _text(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def export(folder: Path, beside: Mapping[str, Any] = MappingProxyType({})) -> Sequence[Path]:
    """Writes every file into `folder`, making it where it is missing; gives their paths.

    `beside` are documents that are made elsewhere, by their files' names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = files() | {name: _text(content) for name, content in beside.items()}
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in made]


def check(folder: Path, beside: Mapping[str, Any] = MappingProxyType({})) -> Sequence[str]:
    """Where `folder` is not what this version would write, a line for each file; none: no drift."""
    made = files() | {name: _text(content) for name, content in beside.items()}
    found = {path.name for path in folder.glob("*.json")}
    drifts = [
        f"{folder / name}: no message has this schema; delete it" for name in sorted(found - made.keys())
    ]
    for name, text in made.items():
        path = folder / name
        if name not in found:
            drifts.append(f"{path}: missing; write it with `rag-streams schemas export`")
        elif path.read_text(encoding="utf-8") != text:
            drifts.append(f"{path}: differs from the messages; write it with `rag-streams schemas export`")
    return drifts
