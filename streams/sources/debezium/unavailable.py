"""Values that Debezium does not know, as they did not change: PostgreSQL's TOAST, Oracle's large objects.

In their place stands a placeholder, in whatever type the column has:
https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-toasted-values
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import md5

from pydantic import JsonValue

from streams.sources.connect.geometry import point_text, well_known_text
from streams.sources.topics import Source

_NOWHERE = -99999999.0
_SHAPES = tuple(
    bytes.fromhex(shape)
    for shape in (
        "0101000020E6100000000000FC83D797C1000000FC83D797C1",
        "0101000020E61000000C21E7FDFF7F66401842CEFBFF7F5640",
    )
)
"""What stands for a shape on the plane, and for one on the globe."""


def without_unavailable(
    source: Source, after: Mapping[str, JsonValue], before: Mapping[str, JsonValue] | None
) -> tuple[Mapping[str, JsonValue], frozenset[str]]:
    """The columns of `after` whose values are known, and the names of the others.

    A value that `before` holds counts as known: it did not change.
    """
    placeholder = _placeholder(source.unavailable_value)
    unknown = {name for name, value in after.items() if placeholder.stands_as(value)}
    if not unknown:
        return after, frozenset()
    told = {
        name: before[name]
        for name in unknown
        if before is not None and name in before and not placeholder.stands_as(before[name])
    }
    known = {name: value for name, value in after.items() if name not in unknown}
    return known | told, frozenset(unknown - told.keys())


@dataclass(frozen=True, slots=True)
class _Placeholder:
    """The placeholder in each of the types that it can have."""

    texts: frozenset[str]
    data: tuple[int, ...]
    text: str

    def stands_as(self, value: JsonValue) -> bool:
        if isinstance(value, str):
            return value in self.texts
        if isinstance(value, list):
            return self._is_list(value)
        return isinstance(value, dict) and self._is_object(value)

    def _is_list(self, value: list[JsonValue]) -> bool:
        """One element, in arrays of text, bytes and UUIDs; one for each byte, in arrays of numbers."""
        if len(value) == 1:
            return self.stands_as(value[0])
        return len(value) == len(self.data) and tuple(map(_number, value)) == self.data

    def _is_object(self, value: dict[str, JsonValue]) -> bool:
        """A map from itself to itself, or a shape that is nowhere."""
        if "wkb" in value:
            return value["wkb"] in [base64.b64encode(shape).decode() for shape in _SHAPES]
        if "x" in value and "y" in value:
            return value["x"] == value["y"] == _NOWHERE
        return value == {self.text: self.text}


@lru_cache(maxsize=64)
def _placeholder(setting: str) -> _Placeholder:
    """The placeholder that Debezium's `unavailable.value.placeholder`, here `setting`, makes."""
    data = bytes.fromhex(setting[4:]) if setting.startswith("hex:") else setting.encode()
    text = data.decode(errors="replace")
    texts = {text, base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode(), data.hex()}
    texts |= {json.dumps({text: text}, separators=separators) for separators in ((",", ":"), (", ", ": "))}
    texts.add(str(uuid.UUID(bytes=md5(data, usedforsecurity=False).digest(), version=3)))
    texts.add(point_text(_NOWHERE, _NOWHERE, None))
    texts.update(well_known_text(shape, srid) for shape in _SHAPES for srid in (None, 4326))
    signed = tuple(byte - 256 if byte > 127 else byte for byte in data)  # noqa: PLR2004  Java's bytes
    return _Placeholder(frozenset(texts), signed, text)


def _number(value: JsonValue) -> int | None:
    try:
        return int(float(value)) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
