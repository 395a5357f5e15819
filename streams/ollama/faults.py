"""From what the network or Ollama says to the error that names it. Pure."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp
from pydantic import ValidationError

from streams.errors import PromptTooLong, Rejected, StreamsError
from streams.ollama.errors import (
    BAD_VECTOR,
    URL_SETTING,
    BadRequest,
    BrokenStream,
    Overloaded,
    ServerFailed,
    Timeout,
    TooLarge,
    UnknownModel,
    Unreachable,
    WrongServer,
)
from streams.ollama.wire import ErrorReply

if TYPE_CHECKING:
    from collections.abc import Mapping

LOGIN_WANTED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED}
OVERLOADED = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
TOOK_TOO_LONG = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.GATEWAY_TIMEOUT, 524}
"""524 is Cloudflare's."""
NO_SUCH_ENDPOINT = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}
QUOTED_CHARACTERS = 200

# Ollama names these by their text alone: the status differs between versions and endpoints.
_TOO_LONG = re.compile(r"input length exceeds|exceeds (the |maximum |available )*context", re.IGNORECASE)
_UNKNOWN_MODEL = re.compile(
    r"model .{1,300} not found|try pulling it first|manifest: file does not exist", re.IGNORECASE
)
_OVERLOADED = re.compile(r"maximum pending requests exceeded|server busy", re.IGNORECASE)
_NO_NUMBER = re.compile(r"unsupported value: (NaN|[+-]?Inf)")


def of_transport(error: aiohttp.ClientError, host: str, seconds: float) -> StreamsError:
    """The error for a failure between us and `host`; `seconds` is how long we would have waited."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return Unreachable(f"Ollama at {host} accepts no connection in time: is it up? See {URL_SETTING}")
        case aiohttp.ServerTimeoutError():
            return Timeout(f"Ollama at {host} sent nothing for {seconds:g} s")
        case aiohttp.ClientConnectorError():
            return Unreachable(f"nothing answers at {host}: is Ollama up? See {URL_SETTING}")
        case _:
            return BrokenStream(f"the connection to Ollama at {host} broke ({type(error).__name__})")


def of_reply(status: int, headers: Mapping[str, str], body: bytes, host: str, model: str) -> StreamsError:
    """The error that a reply other than 200 stands for."""
    said = error_text(body)
    reason = f"Ollama at {host} answered {status}{quoted(said)}"
    if status in OVERLOADED:
        return Overloaded(reason, retry_after=retry_after(headers))
    named = of_text(said, host, model) if said else None
    return named or _of_status(status, reason, known=said is not None)


def _of_status(status: int, reason: str, *, known: bool) -> StreamsError:
    if status in LOGIN_WANTED:
        return WrongServer(f"{reason}: it wants a login, see {URL_SETTING}")
    if status in TOOK_TOO_LONG:
        return Timeout(reason)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLarge(reason)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServerFailed(reason)
    if not known and (status < HTTPStatus.BAD_REQUEST or status in NO_SUCH_ENDPOINT):
        return WrongServer(f"{reason}, as no Ollama does: see {URL_SETTING}")
    return BadRequest(reason)


def of_text(said: str, host: str, model: str) -> StreamsError | None:
    """The error that Ollama's own words name, or None where they name none that we know."""
    if _TOO_LONG.search(said):
        return PromptTooLong(f"a text is longer than {model!r} can take at once: it has to be split")
    if _UNKNOWN_MODEL.search(said):
        return UnknownModel(model, host)
    if _OVERLOADED.search(said):
        return Overloaded(f"Ollama at {host} has as many requests waiting as it takes")
    if _NO_NUMBER.search(said):
        return Rejected(f"{model!r} makes no vector of a text: numbers that are none", code=BAD_VECTOR)
    return None


def of_line(said: str, host: str, model: str) -> StreamsError:
    """The error for an error line inside a stream."""
    return of_text(said, host, model) or BrokenStream(f"Ollama at {host} gave up in the middle{quoted(said)}")


def error_text(body: bytes) -> str | None:
    """What `{"error": …}` says, or None where the body is something else."""
    try:
        return ErrorReply.model_validate_json(body).error
    except ValidationError:
        return None


def quoted(said: str | None) -> str:
    """Ollama's words, on one line and short, to stand at the end of a message."""
    return f": {' '.join(said.split())[:QUOTED_CHARACTERS]}" if said else ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` asks for (RFC 9110, section 10.2.3); None where it can't be told.

    A date counts from the reply's own `Date`, so that our clock does not matter.
    """
    asked = headers.get("retry-after", "").strip()
    if asked.isdecimal():
        return float(asked)
    try:
        wait = parsedate_to_datetime(asked) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, wait.total_seconds())
