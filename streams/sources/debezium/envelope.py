"""The envelope: `{"op": …, "before": …, "after": …, "source": …, "ts_ms": …}`."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from streams.errors import Rejected
from streams.messages.changes import Ignored, Said, Truncation
from streams.messages.records import Record
from streams.sources.apart import changes_of
from streams.sources.debezium import cassandra
from streams.sources.debezium.beside import is_signal
from streams.sources.debezium.extended_json import document
from streams.sources.debezium.identity import told
from streams.sources.debezium.moment import Moment, moment
from streams.sources.debezium.table import is_of_the_source, table_of
from streams.sources.debezium.unavailable import without_unavailable
from streams.sources.mapping import is_mapped
from streams.sources.payload import Payload
from streams.sources.rows import Row
from streams.sources.scope import OTHER_TABLE, emptied
from streams.sources.topics import Source

Event = Mapping[str, JsonValue]
Image = Mapping[str, JsonValue] | None

_IMAGES = {"before", "after"}
_UPSERTS = ("c", "r", "u")


def within(value: dict[str, JsonValue]) -> Event | None:
    """The change event that `value` is, or that it wraps as its only field `payload`; None: it is none."""
    inner = value.get("payload")
    if value.keys() == {"payload"} and isinstance(inner, dict):
        value = inner
    if "source" not in value or not ({"op"} | _IMAGES) & value.keys():
        return None
    return value


def decode(source: Source, record: Record, payload: Payload, event: Event) -> tuple[Said, ...]:
    """What a change event says: its row, a truncation, or a message, which is ignored."""
    op = event.get("op")
    if op == "m":
        return (Ignored("message"),)
    if not is_of_the_source(source, _info(event)):
        return (OTHER_TABLE,)
    if op == "t":
        return (_truncation(source, record, event),)
    if op == "d":
        return changes_of(source, record, payload, _gone(source, payload, event))
    if op not in _UPSERTS:
        raise Rejected("a change event with an `op` that is none of Debezium's", code="not_debezium")
    row = _written(source, event)
    if is_signal(columns := row.columns or {}) and not is_mapped(source, columns):
        return (Ignored("signal"),)
    return changes_of(source, record, payload, row)


def _gone(source: Source, payload: Payload, event: Event) -> Row:
    """A deletion: of the row there may be both images (Cassandra's has the key in `after`), or none."""
    at = _moment(event)
    before: Event = {**(_image(event, "after") or {}), **(_image(event, "before") or {})}
    if _is_of("cassandra", event):
        before = cassandra.columns(before, partial=True)[0]
    if _is_of("postgresql", event):
        before = told(source, payload.key, before)
    return at.of(Row(None, before=before))


def _written(source: Source, event: Event) -> Row:
    after, before = _image(event, "after"), _image(event, "before")
    if after is None:
        # MongoDB's may be of a document that is gone by now, or of any in a mode that looks none up: no
        # record says which, and to take the second for the first would delete what was edited.
        raise Rejected(
            "the event does not hold the row as it is now; have the connector write it whole "
            '(for MongoDB: capture.mode = "change_streams_update_full", its default; with that the document '
            "was gone when it was looked up, its deletion follows, and there is nothing to be done)",
            code="incomplete_event",
        )
    lacking: frozenset[str] = frozenset()
    if _is_of("cassandra", event):
        after, lacking = cassandra.columns(after, partial=event.get("op") == "u")
    columns, unavailable = without_unavailable(source, after, before)
    at = _moment(event)
    return at.of(Row(columns, before=before, lacking=lacking | unavailable))


def _truncation(source: Source, record: Record, event: Event) -> Truncation:
    at = _moment(event)
    return emptied(
        source, record, table_of(_info(event)), time=at.time, order=at.order, changed_at=at.changed_at
    )


def _image(event: Event, name: str) -> Image:
    """The row as it was or is; MongoDB's is JSON as text."""
    image = event.get(name)
    if isinstance(image, str):
        return document(image)
    if image is None or isinstance(image, dict):
        return image
    raise Rejected(f"a change event whose `{name}` is no row", code="not_debezium")


def _moment(event: Event) -> Moment:
    return moment(_info(event), op=event.get("op"))


def _is_of(connector: str, event: Event) -> bool:
    return _info(event).get("connector") == connector


def _info(event: Event) -> Event:
    """Its `source` block: when and where the change was."""
    info = event["source"]
    return info if isinstance(info, dict) else {}
