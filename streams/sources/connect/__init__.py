"""What Kafka Connect adds to a value: a schema around it, and encodings that only the schema explains."""

from __future__ import annotations

from streams.sources.connect.schema import decoded, unwrapped
from streams.sources.connect.semantic import plain

__all__ = ["decoded", "plain", "unwrapped"]
