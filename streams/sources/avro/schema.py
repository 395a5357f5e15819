"""An Avro schema, read so that hostile data can't make a process of it fall."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import fastavro

from streams.errors import Rejected
from streams.messages.decode import MAX_DEPTH, decode_json
from streams.ports import RegisteredSchema

BAD_SCHEMA = "bad_schema"

_LOGICAL = "logicalType"
_KEPT_AS = "was.logicalType"
"""What is hidden from fastavro, which would make Python's types of it: here, names decide (see `values`)."""
_CONNECT = "org.apache.kafka.connect.data"
_INSTANTS = frozenset({"timestamp-micros", "timestamp-nanos"})
"""Moments in UTC, of which Debezium's types of the same unit say nothing."""
_SEMANTIC: Mapping[str, str] = {
    "decimal": f"{_CONNECT}.Decimal",
    "date": f"{_CONNECT}.Date",
    "time-millis": f"{_CONNECT}.Time",
    "time-micros": "io.debezium.time.MicroTime",
    "timestamp-millis": f"{_CONNECT}.Timestamp",
    "timestamp-micros": "io.debezium.time.MicroTimestamp",
    "timestamp-nanos": "io.debezium.time.NanoTimestamp",
    "local-timestamp-millis": "io.debezium.time.Timestamp",
    "local-timestamp-micros": "io.debezium.time.MicroTimestamp",
    "local-timestamp-nanos": "io.debezium.time.NanoTimestamp",
}
"""Avro's logical types by the names that Kafka Connect and Debezium have for the same."""


@dataclass(frozen=True, slots=True)
class Type:
    """One type of a schema, with all that it is made of.

    `name` and `parameters` are its semantic type, as `connect.plain` takes it. `empty`: its values take no
    bytes at all, so that data of any size may hold any number of them. `zone` is written behind a time.
    `height`: types that lie inside each other, this one included.
    """

    kind: str
    name: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Type] = field(default_factory=dict)
    items: Type | None = None
    branches: tuple[Type, ...] = ()
    empty: bool = False
    zone: str = ""
    height: int = 1


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema that data can be decoded by: `parsed` is fastavro's, `type` says what the values mean."""

    parsed: Any
    type: Type


Schemas = Mapping[int, Schema]
"""Schemas by the number that a registry gave them."""


def parse(registered: RegisteredSchema) -> Schema:
    """The schema that was registered.

    Raises `Rejected` (`bad_schema`) where it is none of Avro's, can't be read, or takes unbounded depth or
    space: a type inside itself, which no row has, or a list of values without bytes.
    """
    if registered.kind != "AVRO":
        _bad(f"it is of the type {registered.kind[:20]}: write the topic in Avro, or in plain JSON")
    named: dict[str, Any] = {}
    try:
        for text in registered.references:
            fastavro.parse_schema(_hidden(decode_json(text.encode())), named)
        parsed = fastavro.parse_schema(_hidden(decode_json(registered.text.encode())), named)
    except Exception as error:  # noqa: BLE001 - fastavro raises whatever a wrong schema makes it stumble over
        _bad(f"{type(error).__name__}")
    return Schema(parsed, _Reading(named).type_of(parsed))


def _hidden(schema: Any) -> Any:
    """The schema without logical types, which are kept under another name."""
    if isinstance(schema, list):
        return [_hidden(part) for part in schema]
    if isinstance(schema, dict):
        return {_KEPT_AS if name == _LOGICAL else name: _hidden(part) for name, part in schema.items()}
    return schema


class _Reading:
    """Makes `Type`s of what fastavro parsed; `named` are its named types."""

    def __init__(self, named: Mapping[str, Any]) -> None:
        self._named = named
        self._read: dict[str, Type] = {}
        self._open: list[str] = []

    def type_of(self, schema: Any, depth: int = 1) -> Type:
        if depth > MAX_DEPTH:
            _bad(f"more than {MAX_DEPTH} types inside each other")
        if isinstance(schema, list):
            branches = tuple(self.type_of(branch, depth + 1) for branch in schema)
            return Type("union", branches=branches, height=_height(branches))
        if isinstance(schema, str):
            return self._by_name(schema, depth)
        if schema["type"] in {"record", "error", "enum", "fixed"}:
            return self._by_name(schema["name"], depth)
        return self._unnamed(schema, depth)

    def _by_name(self, name: str, depth: int) -> Type:
        if name not in self._named:
            return Type(name, empty=name == "null")
        if name in self._open:
            _bad("a type is inside itself")
        if name not in self._read:
            self._open.append(name)
            self._read[name] = self._of_named(self._named[name], depth)
            self._open.pop()
        return self._read[name]

    def _of_named(self, schema: Mapping[str, Any], depth: int) -> Type:
        name, parameters = _semantic(schema)
        if schema["type"] in {"enum", "fixed"}:
            return Type(schema["type"], name, parameters, empty=schema.get("size") == 0)
        fields = {one["name"]: self.type_of(one["type"], depth + 1) for one in schema["fields"]}
        empty = all(one.empty for one in fields.values())
        return Type("record", name, parameters, fields, empty=empty, height=_height(fields.values()))

    def _unnamed(self, schema: Mapping[str, Any], depth: int) -> Type:
        name, parameters = _semantic(schema)
        kind = schema["type"]
        if kind not in {"array", "map"}:
            zone = "Z" if _is_instant(schema) else ""
            return Type(kind, name, parameters, empty=kind == "null", zone=zone)
        items = self.type_of(schema["items" if kind == "array" else "values"], depth + 1)
        if kind == "array" and items.empty:
            _bad("a list of values that take no bytes")
        return Type(kind, name, parameters, items=items, height=_height([items]))


def _height(inner: Iterable[Type]) -> int:
    """Of a type that holds these: one that was seen before counts with all that is in it."""
    height = 1 + max((one.height for one in inner), default=0)
    if height > MAX_DEPTH:
        _bad(f"more than {MAX_DEPTH} types inside each other")
    return height


def _is_instant(schema: Mapping[str, Any]) -> bool:
    return "connect.name" not in schema and str(schema.get(_KEPT_AS)) in _INSTANTS


def _semantic(schema: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
    """The semantic type that Connect names, else the one that Avro's logical type is."""
    parameters = schema.get("connect.parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    named, logical = schema.get("connect.name"), schema.get(_KEPT_AS)
    if isinstance(named, str):
        return named, parameters
    return _SEMANTIC.get(str(logical)), {"scale": schema.get("scale", 0), **parameters}


def _bad(why: str) -> NoReturn:
    raise Rejected(f"the record's schema can't be used: {why}", code=BAD_SCHEMA)
