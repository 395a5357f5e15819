"""The formats that a source's records may have, and the seam at which the next one is added."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from streams.errors import Rejected
from streams.messages.changes import Said
from streams.messages.decode import OnUnknown
from streams.messages.records import Record
from streams.sources import avro, canal, cloudevents, debezium, maxwell, native, plain
from streams.sources.payload import Payload, from_json
from streams.sources.topics import Source


class Decode(Protocol):
    """A record's changes: none, one or many. Pure. Raises `Rejected`."""

    def __call__(
        self, source: Source, record: Record, on_unknown: OnUnknown | None, schemas: avro.Schemas, /
    ) -> tuple[Said, ...]:
        """What `record` says about documents; `on_unknown` is told of fields that were ignored.

        `schemas` are those that `schema_ids` names, at least.
        """
        ...


class DecodeRows(Protocol):
    """A record's changes, for a format of rows: whatever the encoding, it reads plain JSON values."""

    def __call__(self, source: Source, record: Record, payload: Payload, /) -> tuple[Said, ...]:
        """What `record`, whose key and value are `payload`, says about documents. Raises `Rejected`."""
        ...


Encoded = Callable[[Record], Record]
"""The record with what its encoding encodes as its key and value. Pure, and never raises."""


@dataclass(frozen=True, slots=True)
class Format:
    """How records are decoded, and which of `Source`'s fields say how (besides `topic` and `format`).

    `needed` are those without which a source can't be read. Where rows are mapped, `tenant` may be a
    template; else it is a constant.
    """

    decode: Decode
    encoded: Encoded
    fields: frozenset[str]
    encodings: frozenset[str] = frozenset({"json"})
    needed: tuple[str, ...] = ()
    tenant_is_constant: bool = True


NO_SCHEMAS: avro.Schemas = {}

MAPPING = frozenset(
    {
        *("encoding", "schema_registry", "key", "id", "title", "text", "tenant", "url", "media_type"),
        *("language", "readers", "readers_when_empty", "metadata"),
    }
)
"""The fields of `Source` that every format of rows has."""

ENCODINGS: Mapping[str, Callable[[Record, avro.Schemas], Payload]] = {
    "json": lambda record, _schemas: from_json(record),
    "avro": avro.from_avro,
}
"""How a record of rows is read, by the source's encoding."""


def as_it_is(record: Record) -> Record:
    """For formats of which the whole value is encoded."""
    return record


def rows(decode: DecodeRows, *more: str, encoded: Encoded = as_it_is) -> Format:
    """A format of rows, with `more` fields than the mapping's."""

    def decode_record(
        source: Source, record: Record, _on_unknown: OnUnknown | None, schemas: avro.Schemas, /
    ) -> tuple[Said, ...]:
        read = encoded(record) if source.encoding == "avro" else record
        return decode(source, read, ENCODINGS[source.encoding](read, schemas))

    return Format(
        decode_record,
        encoded,
        fields=MAPPING | set(more),
        encodings=frozenset(ENCODINGS),
        needed=("id", "text"),
        tenant_is_constant=False,
    )


FORMATS: Mapping[str, Format] = {
    "native": Format(
        lambda source, record, on_unknown, _schemas: native.decode(source, record, on_unknown),
        as_it_is,
        frozenset({"encoding", "tenant"}),
    ),
    "debezium": rows(debezium.decode, "on_truncate", "table", "unavailable_value", "fields_prefix"),
    "cloudevents": rows(
        cloudevents.decode,
        "on_truncate",
        "table",
        "unavailable_value",
        "delete_types",
        encoded=cloudevents.encoded,
    ),
    "maxwell": rows(maxwell.decode, "on_truncate", "table"),
    "canal": rows(canal.decode, "on_truncate", "table"),
    "json": rows(plain.decode),
}


def schema_ids(source: Source, record: Record) -> tuple[int, ...]:
    """The numbers of the schemas that `decode` needs for `record`; none where it is not in Avro."""
    return avro.schema_ids(FORMATS[source.format].encoded(record)) if source.encoding == "avro" else ()


def decode(
    source: Source,
    record: Record,
    *,
    max_bytes: int,
    on_unknown: OnUnknown | None = None,
    schemas: avro.Schemas = NO_SCHEMAS,
) -> tuple[Said, ...]:
    """The changes in `record`, a record of `source`, decoded by those of `schemas` that it names.

    Raises `Rejected`: `too_large` where key and value together have more than `max_bytes`, else what
    the source's format says.
    """
    if record.size > max_bytes:
        raise Rejected(
            f"the record has {record.size} bytes, more than the {max_bytes} that are read; "
            "split the document, or raise STREAMS_TOPIC_MAX_MESSAGE_BYTES",
            code="too_large",
        )
    return FORMATS[source.format].decode(source, record, on_unknown, schemas)
