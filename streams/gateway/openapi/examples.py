"""What the OpenAPI document shows of each response: one example of its shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_AT = {"topic": "documents.changes", "partition": 0, "offset": 1234}
_POSITION = "01795600000000000000.000000000000000000000000000000.001795600000123.0000000000000001234"
_RECEIPT = {
    "document_id": "kb/42",
    "tenant": "acme",
    "outcome": "indexed",
    "reason": None,
    "source": _AT,
    "position": _POSITION,
    "documents": 1,
    "passages": {"total": 14, "embedded": 1, "reused": 13, "removed": 1},
    "embed_model": "nomic-embed-text",
    "changed_at": "2026-11-22T10:00:00Z",
    "indexed_at": "2026-11-22T10:00:01Z",
    "timings": {"queued": 3.1, "embedded": 24.0, "written": 8.5},
}
_COMPLETED = {
    "type": "answer.completed",
    "tenant": "acme",
    "question_id": "01a214df-072d-73c9-ad7d-2299251338bb",
    "question": "questions-2-77",
    "attempt": 1,
    "seq": 9,
    "at": "2026-11-22T10:00:03Z",
    "text": "Under Settings, Account [1].",
    "sha256": "6e6cf4d2d049023e15e4797384d5c44476041689ecc7983f22a1cac96c400d68",
    "citations": [
        {
            "n": 1,
            "document_id": "kb/42",
            "title": "Reset a password",
            "url": "https://kb.example.org/42",
            "quote": "Reset your password under Settings, Account.",
            "position": _POSITION,
            "score": 0.92,
            "cited": True,
        }
    ],
    "model": "llama3:70b-instruct-q4_K_M",
    "route": "primary",
    "reason": None,
    "abstained": False,
    "grounded": 1.0,
    "truncated": False,
    "stale": False,
    "by_words": False,
    "outdated": None,
    "guard": None,
    "watermark": [_AT],
    "usage": {"prompt_tokens": 310, "completion_tokens": 12},
    "timings": {
        "queued": 2.0,
        "waited": 0.0,
        "rewritten": None,
        "embedded": 11.0,
        "retrieved": 18.0,
        "first_token": 420.0,
        "generated": 900.0,
        "total": 1400.0,
    },
}
_LETTER = {
    "at": "documents.dead-0-7",
    "kind": "documents",
    "code": "invalid_change",
    "message": "text: an upsert needs it",
    "source": "documents.changes-0-1230",
    "attempts": 1,
    "died": "2026-11-22T10:00:01Z",
    "truncated": False,
    "document_id": "kb/41",
    "replayable": True,
}
_MODEL = {"id": "rag-streams", "object": "model", "created": 0, "owned_by": "rag-streams"}

SHOWN: Mapping[str, Any] = {
    "Accepted": {
        "question_id": _COMPLETED["question_id"],
        "question": {"topic": "questions", "partition": 2, "offset": 77},
    },
    "AnswerCompleted": _COMPLETED,
    "Offset": _AT,
    "DocumentHeld": {
        "id": "kb/42",
        "tenant": "acme",
        "title": "Reset a password",
        "url": None,
        "media_type": "text/markdown",
        "language": None,
        "readers": ["*"],
        "metadata": ["product=portal"],
        "position": _POSITION,
        "indexed_at": "2026-11-22T10:00:01Z",
        "source": _AT,
        "writable": True,
        "passage_count": 14,
        "passages": None,
    },
    "History": {
        "id": "kb/42",
        "tenant": "acme",
        "receipts": [_RECEIPT],
        "heads": [
            {
                "position": _POSITION,
                "deleted": False,
                "indexed_at": "2026-11-22T10:00:01Z",
                "source": _AT,
                "passage_count": 14,
            }
        ],
        "complete": True,
    },
    "Status": {
        "version": "0.1.0",
        "tenant": "acme",
        "parts": {"kafka": "ok", "store": "ok", "keys": "ok"},
        "embed_model": "nomic-embed-text",
        "behind": 12,
        "sources": [
            {
                "topic": "documents.changes",
                "behind": 12,
                "partitions": [{"partition": 0, "end": 1300, "applied": 1288, "behind": 12}],
            }
        ],
    },
    "KeyShown": {
        "id": "k7c2f9",
        "name": "support desk",
        "tenant": "acme",
        "principals": ["group:support"],
        "scopes": ["ask", "read"],
        "rate_limit": "600/minute",
    },
    "Letters": {"letters": [_LETTER], "complete": True},
    "WholeLetter": {
        **_LETTER,
        "key": "acme/kb/41",
        "value": '{"id": "kb/41"}',
        "headers": {"schema-version": "1"},
    },
    "Model": _MODEL,
    "Models": {"object": "list", "data": [_MODEL]},
}
"""By the name of the schema."""

RAW: Mapping[str, str] = {
    "text/plain": "Reset your password under Settings, Account.",
    "text/markdown": "# Passwords\n\nReset yours under *Settings, Account*.",
    "text/html": "<h1>Passwords</h1><p>Reset yours under Settings, Account.</p>",
    "application/pdf": "%PDF-1.7 …",
}
"""Of a document that is sent as it is, by media type."""
