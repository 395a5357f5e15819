"""MySQL's values as text, which is how Canal writes all of them: back to what they are, by their types.

Numbers and booleans become such, an enum's number its label, a set's bits its labels, bytes (which Canal
writes as the characters of ISO 8859-1) base64. Decimals, dates and times stay the text that MySQL shows,
as no JSON number or time holds them all. What does not look as its type says stays text.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Mapping

from pydantic import JsonValue

_TYPE = re.compile(r"\s*([a-z]+)\s*(?:\((.*)\))?.*", re.IGNORECASE | re.DOTALL)
_WHOLE = re.compile(r"[+-]?[0-9]{1,40}")
_REAL = re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,4})?")
_LABEL = re.compile(r"'((?:[^']|'')*)'")
_BOOLEANS: Mapping[str, bool] = {"0": False, "1": True, "false": False, "true": True}
SET_LABELS = 64
"""Labels that a set may have, by MySQL."""


def value_of(text: str, mysql_type: str) -> JsonValue:
    """The value of a column of that type, such as `int unsigned` or `enum('a','b')`, that `text` shows."""
    found = _TYPE.fullmatch(mysql_type)
    read = _READERS.get(found[1].lower()) if found is not None else None
    return text if found is None or read is None else read(text, found[2] or "")


def _whole(text: str, _arguments: str) -> JsonValue:
    return int(text) if _WHOLE.fullmatch(text) else text


def _real(text: str, _arguments: str) -> JsonValue:
    number = float(text) if _REAL.fullmatch(text) else math.inf
    return number if math.isfinite(number) else text


def _boolean(text: str, _arguments: str) -> JsonValue:
    return _BOOLEANS.get(text.lower(), text)


def _enum(text: str, arguments: str) -> JsonValue:
    """The label at a number from 1; 0 is MySQL's empty label, for a value that was none of them."""
    labels = _labels(arguments)
    number = int(text) if _WHOLE.fullmatch(text) else -1
    return "" if number == 0 else labels[number - 1] if 0 < number <= len(labels) else text


def _set(text: str, arguments: str) -> JsonValue:
    labels = _labels(arguments)[:SET_LABELS]
    bits = int(text) if _WHOLE.fullmatch(text) else -1
    if not 0 <= bits < 1 << len(labels):
        return text
    return ",".join(label for place, label in enumerate(labels) if bits >> place & 1)


def _bytes(text: str, _arguments: str) -> JsonValue:
    try:
        return base64.b64encode(text.encode("iso-8859-1")).decode()
    except UnicodeEncodeError:
        return text


def _labels(arguments: str) -> list[str]:
    return [label.replace("''", "'") for label in _LABEL.findall(arguments)]


def _by_name(read: Callable[[str, str], JsonValue], names: str) -> dict[str, Callable[[str, str], JsonValue]]:
    return dict.fromkeys(names.split(), read)


_READERS: Mapping[str, Callable[[str, str], JsonValue]] = {
    **_by_name(_whole, "tinyint smallint mediumint int integer bigint serial year bit"),
    **_by_name(_real, "float double real"),
    **_by_name(_boolean, "bool boolean"),
    **_by_name(_enum, "enum"),
    **_by_name(_set, "set"),
    **_by_name(
        _bytes, "binary varbinary tinyblob blob mediumblob longblob geometry point linestring polygon"
    ),
    **_by_name(_bytes, "multipoint multilinestring multipolygon geometrycollection geomcollection"),
}
