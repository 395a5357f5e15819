"""Bodies as they are read: after the key is known, strictly, and refused by the names of their fields."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from streams.errors import Rejected
from streams.messages.changes import DocumentChange
from streams.messages.decode import decode_json, described, refuse_unknown
from streams.messages.questions import Question

Body = TypeVar("Body", bound=BaseModel)
JSON = "application/json"
MAX_BYTES = 1024 * 1024
"""Bytes that a body may have which is no document: a question with all its history."""
INLINE_BYTES = 256 * 1024
"""Up to here a body is decoded at once; larger ones in a thread, as other requests would wait for it."""
DECODED_AT_ONCE = 2
"""Large bodies that are decoded at a time, as each costs its decoded size in memory."""
AS_JSON = (JSON, "application/x-www-form-urlencoded")
"""What a body of JSON may say it is: the other is what `curl -d` says of everything."""


def without(model: type[BaseModel], name: str, omitted: set[str], **extra: Any) -> type[BaseModel]:
    """The model without some of its fields; `extra` goes into its schema."""
    fields: dict[str, Any] = {
        field: (info.annotation, info) for field, info in model.model_fields.items() if field not in omitted
    }
    config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=extra)
    return create_model(name, __config__=config, __doc__=extra.pop("description", model.__doc__), **fields)


QuestionBody = without(
    Question,
    "QuestionBody",
    {"id", "tenant", "principals"},
    description="A question. Tenant and principals are the key's.",
    examples=[
        {"text": "How do I reset my password?", "top_k": 5, "deadline_ms": 30000},
        {
            "text": "And for the portal?",
            "history": [
                {"role": "user", "content": "How do I reset my password?"},
                {"role": "assistant", "content": "Under Settings, Account."},
            ],
            "filters": {"product": "portal"},
            "after": [{"topic": "documents.changes", "partition": 0, "offset": 1234}],
        },
    ],
)
DocumentBody = without(
    DocumentChange,
    "DocumentBody",
    {"id", "op", "tenant"},
    description="A document. Its id is in the path, its tenant is the key's.",
    required=["text"],
    examples=[
        {
            "text": "Passwords are reset under Settings, Account.",
            "title": "Reset a password",
            "readers": ["group:support"],
            "metadata": {"product": "portal"},
        }
    ],
)


def body_of(model: type[Body], code: str, *, unknown: bool = False) -> Callable[[Request], Awaitable[Body]]:
    """A dependency: the request's body as a `model`. Raises `Rejected`, with `code` where it is none.

    `unknown`: fields that are not known are let pass.
    """

    async def read(request: Request) -> Body:
        kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        if kind not in AS_JSON:
            raise Rejected(f"the body must be {JSON}", code="media_type")
        return await parsed_aside(request, model, await _bounded(request), code, unknown=unknown)

    return read


async def _bounded(request: Request) -> bytes:
    """The body. One that is too large is let go by, and not kept: hung up on, its sender sees no answer."""
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size <= MAX_BYTES:
            pieces.append(piece)
    if size > MAX_BYTES:
        raise Rejected(f"the body of such a request may have {MAX_BYTES} bytes", code="too_large")
    return b"".join(pieces)


async def parsed_aside(
    request: Request, model: type[Body], data: bytes, code: str, *, unknown: bool = False
) -> Body:
    """As `parsed`, without holding up other requests where the body is large."""
    if len(data) <= INLINE_BYTES:
        return parsed(model, data, code, unknown=unknown)
    turn: asyncio.Semaphore = request.app.state.decoding
    async with turn:
        return await asyncio.to_thread(parsed, model, data, code, unknown=unknown)


def parsed(model: type[Body], data: bytes, code: str, *, unknown: bool = False) -> Body:
    """The bytes as a `model`. Raises `Rejected`: how JSON is wrong, `unknown_field`, or `code`."""
    said = decode_json(data)
    if not isinstance(said, dict):
        raise Rejected("the body must be a JSON object", code=code)
    if not unknown:
        refuse_unknown(model, said)
    try:
        return model.model_validate(said)
    except ValidationError as error:
        raise Rejected(described(error), code=code) from None


def described_body(model: type[BaseModel], **more: Mapping[str, Any]) -> dict[str, Any]:
    """What OpenAPI says of a body that is read so; `more` are other media types."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}, **more}}}
