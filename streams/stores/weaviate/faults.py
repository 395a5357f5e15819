"""Weaviate's failures, named by what is done about them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from grpc.aio import AioRpcError  # type: ignore[import-untyped]
from weaviate.exceptions import UnexpectedStatusCodeError, WeaviateBaseError

from streams.errors import Misconfigured, Rejected, Retryable, StreamsError

URL = "STREAMS_WEAVIATE_URL"
GRPC_PORT = "STREAMS_WEAVIATE_GRPC_PORT"
API_KEY = "STREAMS_WEAVIATE_API_KEY"
DIMENSION = "STREAMS_EMBED_DIMENSION"
DETAIL_CHARACTERS = 200

_UNAUTHORIZED = re.compile(
    r"unauthorized|unauthenticated|invalid api key|anonymous access not enabled", re.IGNORECASE
)
_FORBIDDEN = re.compile(r"forbidden|permission.?denied", re.IGNORECASE)
_DIMENSION = re.compile(
    r"vector lengths don't match|vector dimensions do not match|vector with length \d+", re.IGNORECASE
)
_READ_ONLY = re.compile(r"read-?only|no space left|disk usage", re.IGNORECASE)
_NO_TENANT = re.compile(r"tenant not found", re.IGNORECASE)
_TOO_LARGE = re.compile(r"message larger than max|payload too large", re.IGNORECASE)
_REFUSED = re.compile(r"\binvalid \w+(\[\])? property|invalid object|not a valid uuid", re.IGNORECASE)


class NoTenant(Retryable):
    """The tenant does not exist: to whoever reads, an empty result; to whoever writes, one to be made."""


class TooLarge(Rejected):
    """What was sent or would be answered is larger than one message may be; fewer at a time may fit."""


@asynccontextmanager
async def named(url: str, seconds: float) -> AsyncIterator[None]:
    """Raises what the client raises inside, or `seconds` running out, as what is done about it.

    A tenant that does not exist is `NoTenant`, a message that is too large `TooLarge`: both are the
    caller's to deal with. The client's own retries can take a minute, hence the limit.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise Retryable(
            f"Weaviate at {url} did not answer within {seconds:g} s: check {URL}, {GRPC_PORT} and its load"
        ) from error
    except (WeaviateBaseError, httpx.HTTPError, AioRpcError, OSError) as error:
        raise fault(error, url) from error


def fault(error: Exception, url: str) -> StreamsError:
    """What an exception of the client's means."""
    message = str(error)
    status = error.status_code if isinstance(error, UnexpectedStatusCodeError) else None
    if status == 401 or _UNAUTHORIZED.search(message):  # noqa: PLR2004 - HTTP's Unauthorized
        return Misconfigured(
            f"Weaviate at {url} does not take the key in {API_KEY}: set it right", setting=API_KEY
        )
    if status == 403 or _FORBIDDEN.search(message):  # noqa: PLR2004 - HTTP's Forbidden
        return Misconfigured(
            f"Weaviate at {url}: the key in {API_KEY} may not do this; it must be allowed to read, write, and"
            " create collections and tenants",
            setting=API_KEY,
        )
    if _NO_TENANT.search(message):
        return NoTenant(f"Weaviate at {url} has no such tenant yet")
    if _TOO_LARGE.search(message):
        return TooLarge(
            f"Weaviate at {url} takes and gives no message that large: raise its GRPC_MAX_MESSAGE_SIZE",
            code="too_large",
        )
    return refusal(message, url)


def refusal(message: str, url: str) -> StreamsError:
    """What it means that Weaviate refused one object, or failed in any other way, with this message."""
    detail = " ".join(message.split())[:DETAIL_CHARACTERS]
    if _DIMENSION.search(message):
        return Misconfigured(
            f"Weaviate at {url} holds vectors of another dimension than {DIMENSION} says: set it right, or"
            f" make the index anew, see docs/how-to/reindex.md ({detail})",
            setting=DIMENSION,
        )
    if _READ_ONLY.search(message):
        return Retryable(
            f"Weaviate at {url} is read-only: free some of its disk ({detail})", code="disk_full"
        )
    if _REFUSED.search(message):
        return Rejected(f"Weaviate will never take this passage ({detail})", code="unstorable")
    return Retryable(f"Weaviate at {url} failed or is not reachable, check {URL} ({detail})")
