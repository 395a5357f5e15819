"""The headers that rag-streams reads and writes, by name."""

from __future__ import annotations

SCHEMA_VERSION = "schema-version"
SCHEMA = "1"
"""The version of every message that we produce."""

REPLY_TO = "reply-to"
CORRELATION_ID = "correlation-id"
TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"

DEAD_CODE = "dead-code"
DEAD_MESSAGE = "dead-message"
DEAD_TOPIC = "dead-topic"
DEAD_PARTITION = "dead-partition"
DEAD_OFFSET = "dead-offset"
DEAD_TIMESTAMP = "dead-timestamp"
DEAD_ATTEMPTS = "dead-attempts"
DEAD_AT = "dead-at"
DEAD_NULL = "dead-null"
DEAD_PARTS = "dead-parts"
DEAD_TRUNCATED = "dead-truncated"

Headers = tuple[tuple[str, bytes | None], ...]


def versioned(*more: tuple[str, bytes | None]) -> Headers:
    """The headers of a message that we produce: its schema version, then `more`."""
    return ((SCHEMA_VERSION, SCHEMA.encode()), *more)
