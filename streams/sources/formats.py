"""The formats that a source's records may have, and the seam at which the next one is added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from streams.errors import Rejected
from streams.messages.changes import Change, Ignored
from streams.messages.decode import OnUnknown
from streams.messages.records import Record
from streams.sources import native
from streams.sources.topics import Source


class Decode(Protocol):
    """A record's changes: none, one or many. Pure. Raises `Rejected`."""

    def __call__(
        self, source: Source, record: Record, on_unknown: OnUnknown | None = None, /
    ) -> tuple[Change | Ignored, ...]:
        """What `record` says about documents; `on_unknown` is told of fields that were ignored."""
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """How records are decoded, and which of `Source`'s fields say how (besides `topic` and `format`)."""

    decode: Decode
    fields: frozenset[str]
    encodings: frozenset[str] = frozenset({"json"})
    tenant_is_constant: bool = True


FORMATS: Mapping[str, Format] = {
    "native": Format(native.decode, frozenset({"encoding", "tenant"})),
}


def decode(
    source: Source, record: Record, *, max_bytes: int, on_unknown: OnUnknown | None = None
) -> tuple[Change | Ignored, ...]:
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
