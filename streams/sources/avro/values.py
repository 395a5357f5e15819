"""Values in Avro's binary encoding as plain JSON, with all that is encoded in them decoded."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping
from typing import Any

import fastavro
from pydantic import JsonValue

from streams.errors import Rejected
from streams.sources import connect
from streams.sources.avro.schema import Schema, Type

NOT_AVRO = "not_avro"

_PYTHON: Mapping[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "int": (int,),
    "long": (int,),
    "float": (float,),
    "double": (float,),
    "string": (str,),
    "enum": (str,),
    "bytes": (bytes,),
    "fixed": (bytes,),
    "array": (list,),
    "map": (dict,),
    "record": (dict,),
}
"""What fastavro makes of a value of each kind."""


def decoded(schema: Schema, data: bytes) -> JsonValue:
    """The value that `data`, all of it, encodes by `schema`.

    Bytes become base64; numbers that JSON has no word for, text; what a semantic type encodes is as
    `connect.plain` says. Raises `Rejected` (`not_avro`).
    """
    stream = io.BytesIO(data)
    try:
        value: Any = fastavro.schemaless_reader(stream, schema.parsed, None)
    except Exception as error:  # noqa: BLE001 - fastavro raises whatever wrong bytes make it stumble over
        raise _not_avro(type(error).__name__) from None
    if stream.tell() != len(data):
        raise _not_avro("bytes are left over")
    return _plain(schema.type, value)


def _plain(type_: Type, value: Any) -> JsonValue:
    if type_.kind == "union":
        return _plain(_branch(type_, value), value)
    if isinstance(value, dict):
        fields, items = type_.fields, type_.items
        value = {name: _plain(items or fields[name], one) for name, one in value.items()}
    elif isinstance(value, list) and type_.items is not None:
        value = [_plain(type_.items, one) for one in value]
    if type_.name is not None:
        value = connect.plain(type_.name, type_.parameters, value)
        value = value + type_.zone if isinstance(value, str) else value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value  # type: ignore[no-any-return]


def _branch(union: Type, value: Any) -> Type:
    """The type that a union's value has: the first that fits, as fastavro doesn't say which it was."""
    for branch in union.branches:
        if _fits(branch, value):
            return branch
    raise _not_avro("a value fits no type of its union")


def _fits(type_: Type, value: Any) -> bool:
    if type(value) not in _PYTHON.get(type_.kind, ()):
        return False
    return type_.kind != "record" or value.keys() == type_.fields.keys()


def _not_avro(why: str) -> Rejected:
    return Rejected(f"the record is not as its schema says: {why}", code=NOT_AVRO)
