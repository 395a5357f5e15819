"""What went wrong, as RFC 9457 writes it; on the endpoints in OpenAI's shape, as that API does."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException

from streams.errors import Misconfigured, Rejected, Retryable, StreamsError
from streams.messages.decode import described

MEDIA_TYPE = "application/problem+json"
OPENAI_PATHS = ("/v1/chat/", "/v1/models")
RETRY_S = 2
"""What `Retry-After` says where nothing better is known."""

log = structlog.get_logger("streams.gateway")

BY_CODE: Mapping[str, int] = {
    "too_large": 413,
    "absent": 404,
    "refused": 403,
    "unknown_field": 422,
    "not_json": 400,
    "not_utf8": 400,
    "too_deep": 400,
    "deadline_exceeded": 504,
    "no_answer": 504,
    "media_type": 415,
    "model_not_found": 404,
}
"""The status of a failure, by its code, where its kind does not say it."""

FOR_ALL = frozenset({"no_answer", "too_slow", "busy", "not_read"})
"""Codes of failures whose message is for whoever asked."""


class ProblemDetails(BaseModel):
    """What is wrong with a request, or with us (RFC 9457)."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Forbidden",
                    "status": 403,
                    "code": "scope_missing",
                    "detail": "this key lacks the scope write",
                }
            ]
        },
    )

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str


class Problem(HTTPException):
    """A request that ends in a problem; `more` are members of it beside the usual ones."""

    def __init__(
        self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.code, self.more = code, more

    @property
    def body(self) -> dict[str, Any]:
        """As JSON."""
        title = HTTPStatus(self.status_code).phrase
        said = {"type": "about:blank", "title": title, "status": self.status_code, "code": self.code}
        return {**said, "detail": self.detail, **self.more}


def problem_of(error: StreamsError, **more: Any) -> Problem:
    """What a failure of ours is to whoever asked: not where our servers are, which the log says."""
    if isinstance(error, Misconfigured):
        log.error("misconfigured", problem=str(error), setting=error.setting)
        detail = "this is not set up; whoever runs it finds in the log what to do"
        return Problem(503, error.code, detail, headers={"Retry-After": "60"}, **more)
    if isinstance(error, Retryable):
        wait = {"Retry-After": str(max(1, round(error.retry_after or RETRY_S)))}
        detail = str(error)
        if error.code not in FOR_ALL:
            log.warning("a request failed", problem=detail, code=error.code)
            detail = "a service that this needs is not there at the moment; try again"
        return Problem(BY_CODE.get(error.code, 503), error.code, detail, headers=wait, **more)
    return Problem(BY_CODE.get(error.code, 422), error.code, str(error), **more)


def install(app: FastAPI) -> None:
    """Lets every failure of `app` that is foreseen be answered as a problem."""

    async def ours(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, StreamsError)  # noqa: S101 - what it is registered for
        return response(request, problem_of(error))

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
        return response(request, invalid_request(error))

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
        return response(request, error if isinstance(error, Problem) else _plain(error))

    app.add_exception_handler(StreamsError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def unforeseen(request: Request, error: Exception) -> JSONResponse:
    """What is answered where we failed in a way that we should not; the log says how."""
    log.error("a request failed in a way that it should not", exc_info=error)
    return response(request, Problem(500, "internal", "this is a fault of ours; the log says more"))


def response(request: Request, problem: Problem) -> JSONResponse:
    """The problem, in the shape that the endpoint speaks."""
    if request.url.path.startswith(OPENAI_PATHS):
        return JSONResponse(openai_error(problem), problem.status_code, problem.headers)
    return JSONResponse(problem.body, problem.status_code, problem.headers, MEDIA_TYPE)


def openai_error(problem: Problem) -> dict[str, Any]:
    """The problem as OpenAI's API says it."""
    kinds = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    kind = kinds.get(
        problem.status_code,
        "server_error" if problem.status_code >= 500 else "invalid_request_error",  # noqa: PLR2004 - HTTP's border between whose fault it is
    )
    code = "invalid_api_key" if problem.status_code == 401 else problem.code  # noqa: PLR2004 - HTTP's number
    return {
        "error": {"message": problem.detail, "type": kind, "param": problem.more.get("param"), "code": code}
    }


def invalid_request(error: RequestValidationError) -> Problem:
    """What is wrong with a request's fields: where and why, never what stood there."""
    details = error.errors()
    if any(detail["type"] == "json_invalid" for detail in details):
        return Problem(400, "not_json", "the body is not JSON")
    unknown = [str(detail["loc"][-1])[:60] for detail in details if detail["type"] == "extra_forbidden"]
    if unknown:
        return Problem(422, "unknown_field", f"unknown fields: {', '.join(map(ascii, unknown[:5]))}")
    said = "; ".join(
        f"{'.'.join(str(part)[:60] for part in detail['loc'])}: {detail['msg']}" for detail in details[:3]
    )
    return Problem(422, "invalid_request", said)


def rejected(error: ValidationError, code: str) -> Rejected:
    """What a model says of what can't be made of a request."""
    return Rejected(described(error), code=code)


def _plain(error: HTTPException) -> Problem:
    codes = {404: "absent", 405: "method_not_allowed", 400: "invalid_request"}
    return Problem(
        error.status_code,
        codes.get(error.status_code, "http_error"),
        {404: "there is no such resource"}.get(error.status_code, str(error.detail)),
        headers=error.headers,
    )
