"""Who may read a row's document: a list column, or text with commas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from streams.errors import Rejected
from streams.messages.changes import EVERYONE
from streams.messages.decode import decode_json
from streams.messages.labels import readers_excess
from streams.sources.template import Column, Template, Unfilled, value_of, written


def readers_of(template: Template, columns: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """The principals that `template` names, sorted; `("*",)` where `*` is among them, none where it is empty.

    A template that is one column takes a list as it is, in JSON text too; null is empty. Any other has a name
    between each two of its own commas. Where that is one column, its text may hold several, with commas;
    where a column is only a part of a name, a comma in it would make up another reader, and is refused, as
    is a part that is empty: `{team?}` leaves that name out. Raises `Unfilled`.
    """
    names = _names(template, columns)
    if excess := readers_excess(names):
        raise Unfilled(excess)
    return (EVERYONE,) if EVERYONE in names else tuple(sorted(set(names)))


def _names(template: Template, columns: Mapping[str, JsonValue]) -> Sequence[str]:
    if len(template.parts) == 1 and isinstance(only := template.parts[0], Column):
        value = value_of(only, columns)
        if isinstance(listed := _list(value), list):
            return [_name(one) for one in listed]
        return [] if value is None else _split(_plain(only, value))
    return [name for parts in _between_commas(template) for name in _of(parts, columns)]


def _between_commas(template: Template) -> list[list[str | Column]]:
    """The template's parts, cut at the commas in its own text."""
    cut: list[list[str | Column]] = [[]]
    for part in template.parts:
        if isinstance(part, Column):
            cut[-1].append(part)
            continue
        first, *others = (piece.strip() for piece in part.split(","))
        cut[-1] += [first] if first else []
        cut += [[piece] if piece else [] for piece in others]
    return cut


def _of(parts: Sequence[str | Column], columns: Mapping[str, JsonValue]) -> Sequence[str]:
    """The names that these parts make."""
    if len(parts) == 1 and isinstance(only := parts[0], Column):
        _plain(only, value_of(only, columns))
        return _split(Template((only,)).fill(columns))
    texts = [part if isinstance(part, str) else _part(part, columns) for part in parts]
    return ["".join(texts)] if texts and all(texts) else []


def _part(column: Column, columns: Mapping[str, JsonValue]) -> str:
    """What a column gives to a name; empty where that is to be left out."""
    text = _plain(column, value_of(column, columns)).strip()
    if "," in text:
        raise Unfilled(f"the column {column.path!r} holds a comma, and is only a part of a reader's name")
    if not text and not column.optional:
        raise Unfilled(
            f"the column {column.path!r} is empty, and a part of a reader's name: write {{{column.path}?}} to"
            " leave that reader out"
        )
    return text


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
