"""The formats that a source's records may have, and the seam at which the next one is added."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from streams.errors import Rejected
from streams.messages.changes import Said
from streams.messages.decode import OnUnknown
from streams.messages.records import Record
from streams.sources import debezium, native
from streams.sources.payload import Payload, from_json
from streams.sources.topics import Source


class Decode(Protocol):
    """A record's changes: none, one or many. Pure. Raises `Rejected`."""

    def __call__(
        self, source: Source, record: Record, on_unknown: OnUnknown | None = None, /
    ) -> tuple[Said, ...]:
        """What `record` says about documents; `on_unknown` is told of fields that were ignored."""
        ...


class DecodeRows(Protocol):
    """A record's changes, for a format of rows: whatever the encoding, it reads plain JSON values."""

    def __call__(self, source: Source, record: Record, payload: Payload, /) -> tuple[Said, ...]:
        """What `record`, whose key and value are `payload`, says about documents. Raises `Rejected`."""
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """How records are decoded, and which of `Source`'s fields say how (besides `topic` and `format`).

    `needed` are those without which a source can't be read. Where rows are mapped, `tenant` may be a
    template; else it is a constant.
    """

    decode: Decode
    fields: frozenset[str]
    encodings: frozenset[str] = frozenset({"json"})
    needed: tuple[str, ...] = ()
    tenant_is_constant: bool = True


MAPPING = frozenset(
    {
        *("encoding", "schema_registry", "key", "id", "title", "text", "tenant", "url", "media_type"),
        *("language", "readers", "readers_when_empty", "metadata"),
    }
)
"""The fields of `Source` that every format of rows has."""

ENCODINGS: Mapping[str, Callable[[Record], Payload]] = {"json": from_json}
"""How a record of rows is read, by the source's encoding."""


def rows(decode: DecodeRows, *more: str) -> Format:
    """A format of rows, with `more` fields than the mapping's."""

    def decode_record(
        source: Source, record: Record, _on_unknown: OnUnknown | None = None, /
    ) -> tuple[Said, ...]:
        return decode(source, record, ENCODINGS[source.encoding](record))

    return Format(
        decode_record,
        fields=MAPPING | set(more),
        encodings=frozenset(ENCODINGS),
        needed=("id", "text"),
        tenant_is_constant=False,
    )


FORMATS: Mapping[str, Format] = {
    "native": Format(native.decode, frozenset({"encoding", "tenant"})),
    "debezium": rows(debezium.decode, "on_truncate", "unavailable_value", "fields_prefix"),
}


def decode(
    source: Source, record: Record, *, max_bytes: int, on_unknown: OnUnknown | None = None
) -> tuple[Said, ...]:
    """The changes in `record`, a record of `source`.

    Raises `Rejected`: `too_large` where key and value together have more than `max_bytes`, else what
    the source's format says.
    """
    if record.size > max_bytes:
        raise Rejected(
            f"the record has {record.size} bytes, more than the {max_bytes} that are read; "
            "split the document, or raise STREAMS_TOPIC_MAX_MESSAGE_BYTES",
            code="too_large",
        )
    return FORMATS[source.format].decode(source, record, on_unknown)
