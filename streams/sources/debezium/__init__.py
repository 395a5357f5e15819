"""Debezium: change events in their envelope or flattened, and the records that connectors send beside them.

https://debezium.io/documentation/reference/stable/
"""

from __future__ import annotations

from streams.sources.debezium.decode import decode

__all__ = ["decode"]
