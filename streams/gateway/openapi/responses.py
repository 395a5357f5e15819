"""What the OpenAPI document shows of responses that many endpoints share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.gateway.http.problems import MEDIA_TYPE, ProblemDetails

_SHOWN = {
    400: "The request is not understood, or names no version of the API that is served.",
    401: "No key, or none that is known.",
    403: "The key may not do this.",
    404: "There is none that this key may see.",
    408: "The body did not arrive in time.",
    413: "More than a request may have.",
    422: "A field is not right; `detail` names it.",
    429: "Too many requests; `Retry-After` says when to come again.",
    503: "A service is down; `Retry-After` says when to come again.",
    504: "There was no answer in time.",
}
_SEVERAL = {409: "Several documents have this id, or the index can't look it up; `code` says which."}


def _problems(shown: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    return {
        status: {
            "description": text,
            "model": ProblemDetails,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
        }
        for status, text in shown.items()
    }


PROBLEMS = _problems(_SHOWN)
LOOKED_UP = _problems(_SHOWN | _SEVERAL)
"""Of what is looked up by a document's id."""
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; as `text/event-stream`, its events.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": "id: 1.0\nevent: answer.started\ndata: {…}\n\n"
                "id: 1.1\nevent: answer.delta\ndata: {…}\n\n"
                "id: 1.2\nevent: answer.completed\ndata: {…}\n\n",
            }
        },
    }
}
RECEIPTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events, without end.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": "id: documents.changes-0-1234\nevent: receipt\ndata: {…}\n\n",
            }
        },
    }
}
OPENAI_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": text,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["error"],
                    "properties": {"error": {"type": "object"}},
                },
                "example": {
                    "error": {"message": "…", "type": "invalid_request_error", "param": None, "code": "…"}
                },
            }
        },
    }
    for status, text in _SHOWN.items()
}
CHAT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The completion; with `stream`, its chunks as server-sent events.",
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "example": {
                    "id": "chatcmpl-…",
                    "object": "chat.completion",
                    "created": 1795600000,
                    "model": "rag-streams",
                    "choices": [
                        {
                            "index": 0,
                            "message": {
                                "role": "assistant",
                                "content": "Under Settings [1].\n\nSources:\n[1] …",
                            },
                            "finish_reason": "stop",
                        }
                    ],
                    "usage": {"prompt_tokens": 310, "completion_tokens": 12, "total_tokens": 322},
                    "rag_streams": {"question_id": "…", "citations": [], "route": "primary"},
                },
            },
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'data: {"object": "chat.completion.chunk", "choices": […]}\n\ndata: [DONE]\n\n',
            },
        },
    }
}
