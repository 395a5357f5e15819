"""Who may read a row's document: a list column, or text with commas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from streams.errors import Rejected
from streams.messages.changes import EVERYONE
from streams.messages.decode import decode_json
from streams.sources.template import Column, Template, Unfilled, value_of, written

MAX_READERS = 1000
MAX_CHARACTERS = 256


def readers_of(template: Template, columns: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """The principals that `template` names, sorted; `("*",)` where `*` is among them, none where it is empty.

    A template that is one column takes a list as it is, in JSON text too; null is empty. Any other is
    text, of which commas part the names. Raises `Unfilled`.
    """
    names = _names(template, columns)
    if len(names) > MAX_READERS or any(len(name) > MAX_CHARACTERS for name in names):
        raise Unfilled(f"more than {MAX_READERS} readers, or one of more than {MAX_CHARACTERS} characters")
    return (EVERYONE,) if EVERYONE in names else tuple(sorted(set(names)))


def _names(template: Template, columns: Mapping[str, JsonValue]) -> Sequence[str]:
    if len(template.parts) == 1 and isinstance(only := template.parts[0], Column):
        value = value_of(only, columns)
        if isinstance(listed := _list(value), list):
            return [_name(one) for one in listed]
        return [] if value is None else _split(_plain(only, value))
    for column in template.columns:
        _plain(column, value_of(column, columns))
    return _split(template.fill(columns))


def _list(value: JsonValue) -> JsonValue:
    """`value`, or the list that it is as JSON text."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return decode_json(value.encode())  # type: ignore[no-any-return]
        except Rejected:
            return value
    return value


def _name(value: JsonValue) -> str:
    if value is None or isinstance(value, list | dict) or not (name := written(value).strip()):
        raise Unfilled("a list of readers holds names; this one holds a null, a list, an object or nothing")
    return name


def _plain(column: Column, value: JsonValue) -> str:
    if isinstance(value, list | dict):
        raise Unfilled(f"the column {column.path!r} is a list or an object; a list stands alone: {{column}}")
    return "" if value is None else written(value)


def _split(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
