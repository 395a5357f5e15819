"""The headers that rag-streams reads and writes, by name."""

from __future__ import annotations

from collections.abc import Collection

SCHEMA_VERSION = "schema-version"
SCHEMA = "1"
"""The version of every message that we produce."""

REPLY_TO = "reply-to"
CORRELATION_ID = "correlation-id"
TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"

TRACE = frozenset({TRACEPARENT, TRACESTATE})
"""What carries a trace along."""
TRAVELLING = TRACE | {CORRELATION_ID}
"""The headers of a question that travel along with its answer."""
ALONG_BYTES = 4096
"""A longer header of a record does not travel along with what we produce for it."""

DEAD_CODE = "dead-code"
DEAD_MESSAGE = "dead-message"
DEAD_TOPIC = "dead-topic"
DEAD_PARTITION = "dead-partition"
DEAD_OFFSET = "dead-offset"
DEAD_TIMESTAMP = "dead-timestamp"
DEAD_ATTEMPTS = "dead-attempts"
DEAD_AT = "dead-at"
DEAD_FIRST_AT = "dead-first-at"
DEAD_NULL = "dead-null"
DEAD_PARTS = "dead-parts"
DEAD_TRUNCATED = "dead-truncated"

Headers = tuple[tuple[str, bytes | None], ...]


def versioned(*more: tuple[str, bytes | None]) -> Headers:
    """The headers of a message that we produce: its schema version, then `more`."""
    return ((SCHEMA_VERSION, SCHEMA.encode()), *more)


def along(headers: Headers, names: Collection[str]) -> Headers:
    """Those headers of a record that travel along: of each of these names the last that is not too long.

    Whoever wrote the record chose them, so that without a bound they could outgrow what a topic takes.
    """
    last = {
        name: value
        for name, value in headers
        if name in names and value is not None and len(value) <= ALONG_BYTES
    }
    return tuple(last.items())


def travelling(headers: Headers) -> Headers:
    """Those headers of a question that travel along with its answer."""
    return along(headers, TRAVELLING)


def of_use(headers: Headers) -> Headers:
    """Those headers of a question that say where its answer goes, or travel along with that."""
    topic = reply_to(headers)
    # So long a name is no topic's, be it cut or not.
    return travelling(headers) if topic is None else ((REPLY_TO, topic[:ALONG_BYTES]), *travelling(headers))


def reply_to(headers: Headers) -> bytes | None:
    """The topic that is to have the answer: that of the last such header; None where there is none."""
    return next((value for name, value in reversed(headers) if name == REPLY_TO and value is not None), None)
