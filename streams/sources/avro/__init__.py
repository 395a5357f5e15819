"""Avro in Confluent's wire format: a zero, the number of a schema, the value in Avro's binary encoding.

See https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
and https://avro.apache.org/docs/1.12.0/specification/. The schemas come from a registry, and are fetched
before: `schema_ids` says which.
"""

from __future__ import annotations

from streams.sources.avro.schema import Schema, Schemas, parse
from streams.sources.avro.wire import from_avro, schema_ids

__all__ = ["Schema", "Schemas", "from_avro", "parse", "schema_ids"]
