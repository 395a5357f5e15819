"""From a row to a document: the templates of the sources file, filled from the row's columns."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from pydantic import JsonValue

from streams.errors import Rejected
from streams.messages.changes import DEFAULT_TENANT, EVERYONE, Change, Document, Incomplete, metadata_pairs
from streams.messages.labels import metadata_excess
from streams.messages.records import Record
from streams.sources.keys import canonical, key_columns
from streams.sources.payload import Payload
from streams.sources.readers import readers_of
from streams.sources.rows import Row
from streams.sources.template import (
    Column,
    Template,
    Unfilled,
    held_in,
    parse,
    parse_column,
    value_of,
    written,
)
from streams.sources.tenancy import is_tenant
from streams.sources.topics import Source

UNMAPPED = "unmapped"
FULL_ROWS = "binlog_row_image=FULL"
TEMPLATES = ("id", "title", "text", "tenant", "readers", "url", "media_type", "language")
"""The fields of a source that are templates."""
LIMITS = {"id": 1024, "title": 2000, "url": 4000, "media_type": 100, "language": 35}
"""Characters that a template may give: as many as in a `DocumentChange`."""


def change_of(source: Source, record: Record, payload: Payload, row: Row) -> Change:
    """The change that `row`, of `record` with this `payload`, is.

    Raises `Rejected`: `key_missing`, or `unmapped` where a template can't be filled: it names the template
    and the column.
    """
    key = key_columns(source, payload.key, row)
    change = Change(
        source=source.topic,
        record_key=canonical(key),
        at=record.at,
        timestamp=record.timestamp,
        time=row.time,
        early=row.early,
        order=row.order,
        changed_at=row.changed_at,
    )
    mapping = _mapping(source)
    lacking = mapping.used(row.lacking)
    columns = mapping.with_nulls(row.columns) if row.columns is not None and row.sparse else row.columns
    absent = mapping.absent(columns) if columns is not None and row.partial else ()
    if columns is not None and not (lacking or absent):
        return mapping.complete(change, columns)
    known = key if columns is None else columns
    filler = _filler(mapping, change, known, lacking, absent, moved=row.moved)
    document = None if columns is None else Incomplete((*lacking, *absent), filler)
    tenant, document_id = mapping.known("tenant", known), mapping.known("id", known)
    return replace(change, document=document, tenant=tenant, document_id=document_id)


def is_mapped(source: Source, names: Container[str]) -> bool:
    """Whether a record with these fields is a row that the source maps: it has those of id and text."""
    return _mapping(source).is_in(names)


@dataclass(frozen=True, slots=True)
class _Mapping:
    """A source's templates, parsed."""

    templates: Mapping[str, Template]
    metadata: tuple[Column, ...]
    columns: tuple[Column, ...]
    everyone_when_empty: bool

    def complete(self, change: Change, columns: Mapping[str, JsonValue]) -> Change:
        """`change` with the document of the row that has these columns, and those that it used."""
        used = self.used(columns)
        return replace(change, document=self.document(columns), row={name: columns[name] for name in used})

    def used(self, names: Container[str]) -> tuple[str, ...]:
        """Those of a row's columns that the document is made from, sorted."""
        held = {held_in(column, names) for column in self.columns}
        return tuple(sorted(name for name in held if name is not None))

    def absent(self, names: Container[str]) -> tuple[str, ...]:
        """The columns that the document is made from and `names` has not, sorted."""
        missing = {one.path.partition(".")[0] for one in self.columns if held_in(one, names) is None}
        return tuple(sorted(missing))

    def with_nulls(self, columns: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        """`columns`, with null for the optional ones that are not there."""
        optional = {one.path.partition(".")[0] for one in self.columns if one.optional}
        return {**dict.fromkeys(sorted(optional)), **columns}

    def is_in(self, names: Container[str]) -> bool:
        """Whether `names` has the columns of id and text that are not optional, and one of the text's."""
        text = self.templates["text"].columns
        needed = [one for one in (*self.templates["id"].columns, *text) if not one.optional]
        held = [one for one in (*needed, *text) if held_in(one, names) is not None]
        return set(needed) <= set(held) and not set(text).isdisjoint(held)

    def document(self, columns: Mapping[str, JsonValue]) -> Document:
        return Document(
            tenant=self._tenant(columns),
            id=self._needed("id", columns),
            text=self._text("text", columns) or "",
            title=self._text("title", columns),
            media_type=self._text("media_type", columns) or "text/plain",
            url=self._text("url", columns),
            language=self._text("language", columns),
            readers=self._readers(columns),
            metadata=self._pairs(columns),
        )

    def known(self, name: str, columns: Mapping[str, JsonValue]) -> str | None:
        """What a template gives where these columns are all that is known, None where it takes more."""
        try:
            return self._tenant(columns) if name == "tenant" else self._needed(name, columns)
        except Rejected:
            return None

    def _tenant(self, columns: Mapping[str, JsonValue]) -> str:
        if "tenant" not in self.templates:
            return DEFAULT_TENANT
        tenant = self._needed("tenant", columns)
        if not is_tenant(tenant):
            raise _unmapped("tenant", "it gives no tenant: 1 to 64 of A-Z, a-z, 0-9, _ and -")
        return tenant

    def _needed(self, name: str, columns: Mapping[str, JsonValue]) -> str:
        text = self._text(name, columns)
        if not text:
            raise _unmapped(name, "it gives nothing")
        return text

    def _text(self, name: str, columns: Mapping[str, JsonValue]) -> str | None:
        """What the template gives; None where there is none, or where it gives nothing."""
        if name not in self.templates:
            return None
        try:
            text = self.templates[name].fill(columns)
        except Unfilled as unfilled:
            raise _unmapped(name, unfilled.why) from None
        if len(text) > LIMITS.get(name, len(text)):
            raise _unmapped(name, f"it gives more than {LIMITS[name]} characters")
        return text or None

    def _pairs(self, columns: Mapping[str, JsonValue]) -> tuple[str, ...]:
        pairs = metadata_pairs({column.path: _metadata(column, columns) for column in self.metadata})
        if excess := metadata_excess(pairs):
            raise _unmapped("metadata", f"{excess}: name what questions filter by, as `column.part` of JSON")
        return pairs

    def _readers(self, columns: Mapping[str, JsonValue]) -> tuple[str, ...]:
        if "readers" not in self.templates:
            return (EVERYONE,)
        try:
            readers = readers_of(self.templates["readers"], columns)
        except Unfilled as unfilled:
            raise _unmapped("readers", unfilled.why) from None
        if not readers and not self.everyone_when_empty:
            raise _unmapped(
                "readers",
                'it names nobody; write readers_when_empty = "everyone" where that means everyone',
            )
        return readers or (EVERYONE,)


@lru_cache(maxsize=256)
def _mapping(source: Source) -> _Mapping:
    given = {name: getattr(source, name) for name in TEMPLATES}
    templates = {name: parse(text) for name, text in given.items() if text is not None}
    metadata = tuple(parse_column(name) for name in source.metadata)
    return _Mapping(
        templates=templates,
        metadata=metadata,
        columns=tuple({*metadata, *(column for one in templates.values() for column in one.columns)}),
        everyone_when_empty=source.readers_when_empty == "everyone",
    )


def _filler(
    mapping: _Mapping,
    change: Change,
    columns: Mapping[str, JsonValue],
    lacking: Sequence[str],
    absent: Sequence[str],
    *,
    moved: bool,
) -> Callable[[Mapping[str, JsonValue]], Change]:
    def fill(before: Mapping[str, JsonValue]) -> Change:
        if missing := [name for name in lacking if name not in before]:
            raise Rejected(
                f"the record leaves out {', '.join(missing)}, which did not change, and the index does not "
                "hold it either; where the row's key changed, replay this record once the old key's deletion "
                "has been applied; else write ALTER TABLE … REPLICA IDENTITY FULL, then update the row or "
                "take a snapshot",
                code="unavailable_value",
            )
        if unknown := [name for name in absent if moved or name not in before]:
            # As nothing they could hide who may read it: an empty list of readers may mean everyone.
            raise Rejected(
                f"the update leaves out {', '.join(unknown)}, and the index does not hold the row as it was; "
                f"have updates written with all their columns ({FULL_ROWS}, and nulls), then update the row "
                "or read the table anew",
                code="unavailable_value",
            )
        return mapping.complete(change, {**columns, **{name: before[name] for name in (*lacking, *absent)}})

    return fill


def _metadata(
    column: Column, columns: Mapping[str, JsonValue]
) -> str | int | float | bool | list[str] | None:
    try:
        value = value_of(column, columns)
    except Unfilled as unfilled:
        raise _unmapped("metadata", unfilled.why) from None
    if isinstance(value, list):
        return [written(one) for one in value]
    return written(value) if isinstance(value, dict) else value


def _unmapped(template: str, why: str) -> Rejected:
    return Rejected(f"{template}: {why}", code=UNMAPPED)
