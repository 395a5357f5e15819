"""`/v1/documents`: written, deleted, and what the index holds of them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ValidationError

from streams.client.client import change_record
from streams.client.routes import documents_topic
from streams.errors import Misconfigured, Rejected
from streams.gateway.access.doorkeeper import Reader, Writer
from streams.gateway.access.keys import Key
from streams.gateway.access.waiting import insist
from streams.gateway.http.bodies import AS_JSON, JSON, DocumentBody, described_body, parsed_aside
from streams.gateway.http.trace import trace
from streams.gateway.openapi.examples import RAW
from streams.gateway.openapi.responses import LOOKED_UP, PROBLEMS
from streams.gateway.parts import Parts
from streams.messages.changes import DocumentChange
from streams.messages.decode import described
from streams.messages.held import Head, Passage
from streams.messages.records import Offset

BINARY = "application/pdf"
UNSAID = ""
"""The type of a body that says nothing of it, as `curl -T` sends: taken for JSON."""
PREFIX = "/v1/documents/"

router = APIRouter(tags=["documents"])


class PassageHeld(BaseModel):
    """A passage: where in the document's text it stands (characters), and what it says."""

    id: UUID
    start: int
    end: int
    text: str | None


class DocumentHeld(BaseModel):
    """A document as the index holds it now."""

    id: str
    tenant: str
    title: str | None
    url: str | None
    media_type: str
    language: str | None
    readers: list[str]
    metadata: list[str]
    position: str
    indexed_at: datetime
    source: Offset
    writable: bool
    """Whether writing to this id over HTTP changes this document: one of another source is changed there."""
    passage_count: int
    passages: list[PassageHeld] | None = None


def place(head: Head) -> Offset:
    """The record that the head was made from."""
    return Offset(topic=head.topic, partition=head.partition, offset=head.offset)


def held(head: Head, passages: Mapping[UUID, Passage] | None, *, writable: bool) -> DocumentHeld:
    """The document that a head is, with the texts of its passages where they are given."""
    listed = None if passages is None else [
        PassageHeld(
            id=one.id, start=one.start, end=one.end,
            text=passages[one.id].text if one.id in passages else None,
        )
        for one in head.passages
    ]  # fmt: skip
    return DocumentHeld(
        id=head.document_id or "", tenant=head.tenant or "", title=head.title, url=head.url,
        media_type=head.media_type, language=head.language, readers=list(head.readers),
        metadata=list(head.metadata), position=str(head.position), indexed_at=head.written,
        source=place(head), writable=writable, passage_count=len(head.passages), passages=listed,
    )  # fmt: skip


def named(prefix: str) -> Any:
    """A dependency: the document's id, all that the path has after `prefix`, slashes too."""

    async def read(
        request: Request,
        document_id: Annotated[str, Path(description="The document's id; it may hold slashes.")],
    ) -> str:
        raw: bytes | None = request.scope.get("raw_path")
        if raw is None or not raw.startswith(prefix.encode()):
            return _is_id(document_id)
        try:
            return _is_id(unquote_to_bytes(raw.removeprefix(prefix.encode())).decode())
        except UnicodeDecodeError:
            raise Rejected("id: not UTF-8", code="not_utf8") from None

    return read


def _is_id(text: str) -> str:
    if not 1 <= len(text) <= 1024:  # noqa: PLR2004 - the contract's
        raise Rejected("id: it has 1 to 1024 characters", code="invalid_change")
    if any(character < " " for character in text):
        raise Rejected("id: it has no control characters", code="invalid_change")
    return text


DocumentId = Annotated[str, Depends(named(PREFIX))]
OfSource = Annotated[
    str | None, Query(description="The source's topic, where several sources have a document of this id.")
]
Labels = Annotated[list[str] | None, Query(description="Who may find it; repeat. With a raw body only.")]
Label = Annotated[str | None, Query(description="With a raw body only.")]


@router.put(
    "/v1/documents/{document_id:path}",
    summary="Write a document",
    status_code=202,
    responses=PROBLEMS,
    openapi_extra=described_body(
        DocumentBody, **{kind: {"schema": {"type": "string"}, "example": text} for kind, text in RAW.items()}
    ),
)
async def put(
    request: Request,
    key: Writer,
    document_id: DocumentId,
    title: Label = None,
    url: Label = None,
    language: Label = None,
    reader: Labels = None,
) -> Offset:
    """Replaces the document whole. Gives where the change stands, for `after` of a question."""
    kind = request.headers.get("content-type", UNSAID).partition(";")[0].strip().lower()
    body = await request.body()
    beside = {"title": title, "url": url, "language": language, "readers": reader}
    if kind in {*AS_JSON, UNSAID}:
        _nothing_beside(request)
        fields = await _said(request, body, sure=kind == JSON)
    elif kind in RAW:
        fields = {"text": _text(body, kind), "media_type": kind, **{n: v for n, v in beside.items() if v}}
    else:
        raise Rejected(f"the body must be {JSON}, {', '.join(RAW)}", code="media_type")
    if fields.get("text") is None:
        raise Rejected("text: a document needs it; to delete one use DELETE", code="invalid_change")
    return await _sent(request, key, {**fields, "id": document_id})


@router.delete(
    "/v1/documents/{document_id:path}", summary="Delete a document", status_code=202, responses=PROBLEMS
)
async def delete(request: Request, key: Writer, document_id: DocumentId) -> Offset:
    """The document can't be found from the moment that this is applied. Gives where the change stands."""
    return await _sent(request, key, {"id": document_id, "op": "delete"})


@router.get(
    "/v1/documents/{document_id:path}", summary="What the index holds of a document", responses=LOOKED_UP
)
async def get(
    request: Request,
    key: Reader,
    document_id: DocumentId,
    passages: Annotated[bool, Query(description="With the texts of its passages.")] = False,  # noqa: FBT002 - a query's
    source: OfSource = None,
) -> DocumentHeld:
    """The document as questions find it now, whatever its source; 409 where that is several documents."""
    parts: Parts = request.app.state.parts
    head = await parts.lookup.readable(key, document_id, source)
    texts = await parts.index.passages(head) if passages else None
    return held(head, texts, writable=head.source == _written_to(parts, key.tenant))


def _written_to(parts: Parts, tenant: str) -> str | None:
    """The topic that takes what the tenant writes over HTTP; None where there is none."""
    try:
        return documents_topic(parts.topics, tenant)
    except Misconfigured:
        return None


async def _said(request: Request, body: bytes, *, sure: bool) -> Mapping[str, Any]:
    """The fields of a body of JSON. Where it is none, and nothing said so, how to name its type is."""
    try:
        said = await parsed_aside(request, DocumentBody, body, "invalid_change")
    except Rejected as error:
        if sure or error.code not in {"not_json", "not_utf8"}:
            raise
        hint = f"a body that is no JSON says what it is: Content-Type: {', '.join(RAW)}"
        raise Rejected(f"{error}; {hint}", code=error.code) from None
    return said.model_dump(exclude_unset=True)


async def _sent(request: Request, key: Key, fields: Mapping[str, Any]) -> Offset:
    """Where the change stands. The key is looked at once more: its body may have come slowly."""
    parts: Parts = request.app.state.parts
    tenant = key.tenant
    try:
        change = DocumentChange.model_validate({**fields, "tenant": tenant})
    except ValidationError as error:
        raise Rejected(described(error), code="invalid_change") from None
    topic = documents_topic(parts.topics, tenant)
    insist(lambda: parts.keyring.stands(key))
    return await parts.producer.send(change_record(change, topic=topic, tenant=tenant, along=trace(request)))


def _nothing_beside(request: Request) -> None:
    """A reader that is named where it does not count would leave the document to everyone."""
    if request.query_params:
        names = ", ".join(ascii(name[:60]) for name in list(request.query_params)[:5])
        raise Rejected(
            f"{names} in the query: with a body of {JSON} its fields say that (`readers`, not `reader`)",
            code="unknown_field",
        )


def _text(body: bytes, kind: str) -> str:
    if kind == BINARY:
        return base64.b64encode(body).decode()
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Rejected(f"not UTF-8: the byte at {error.start} begins no character", code="not_utf8") from None
