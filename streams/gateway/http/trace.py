"""The trace that a request belongs to, which its record goes on with."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fastapi import Request

from streams.messages.headers import TRACEPARENT, TRACESTATE, Headers

TRACE: Mapping[str, re.Pattern[str]] = {
    TRACEPARENT: re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"),
    TRACESTATE: re.compile(r"[a-z0-9_\-*/@=, \t.:;!#-+<>?\[-~A-Z]{1,512}"),
}
"""The only headers of a request that travel along, where they are well-formed (W3C trace context)."""


def trace(request: Request) -> Headers:
    """The headers of the request that travel along with its question or change."""
    found = [(name, request.headers.get(name, "")) for name in TRACE]
    return tuple((name, text.encode()) for name, text in found if TRACE[name].fullmatch(text))
