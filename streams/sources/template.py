"""Templates over a row's columns: `article-{id}`, `{author.name}`, `{summary?}`.

`{a.b}` is the column of that name, else the field `b` of the column `a`, which may be an object, a list
(`{tags.0}`) or text that holds JSON. A `?` after the name takes nothing for a null or for what is not there.
A brace that is meant itself is written twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from pydantic import JsonValue

from streams.errors import Rejected
from streams.messages.decode import decode_json

_PARTS = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


@dataclass(frozen=True, slots=True)
class Column:
    """A column, or a field in it, that a template names; `optional` where null gives nothing."""

    path: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """Constant text and columns, in order."""

    parts: tuple[str | Column, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that it names."""
        return tuple(part for part in self.parts if isinstance(part, Column))

    def fill(self, columns: Mapping[str, JsonValue]) -> str:
        """The text for the row that has these columns. Raises `Unfilled`."""
        return "".join(part if isinstance(part, str) else _text(part, columns) for part in self.parts)


class Unfilled(Exception):
    """A column that a template names has no value: `why` says so, and never holds a value."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@lru_cache(maxsize=1024)
def parse(text: str) -> Template:
    """The template that `text` is. Raises ValueError, saying what is wrong with it."""
    return Template(tuple(_part(match) for match in _PARTS.finditer(text)))


@lru_cache(maxsize=1024)
def parse_column(text: str) -> Column:
    """The column that `text` names outside of a template. Raises ValueError where it names none."""
    path = text.removesuffix("?")
    if not all(path.split(".")):
        raise ValueError(f"{text!r} names no column")
    return Column(path, optional=text.endswith("?"))


def value_of(column: Column, columns: Mapping[str, JsonValue]) -> JsonValue:
    """What `column` holds in the row that has these columns; null where that is optional and not there.

    Raises `Unfilled` where it is not there.
    """
    if column.path in columns:
        return columns[column.path]
    name = held_in(column, columns)
    if name is None:
        if column.optional:
            return None
        raise Unfilled(f"the row has no column {column.path!r} (it has {_listed(columns)})")
    value = columns[name]
    for step in column.path[len(name) + 1 :].split("."):
        value, there = _step(value, step)
        if not there:
            if column.optional:
                return None
            raise Unfilled(f"the column {name!r} holds no {column.path!r}")
    return value


def held_in(column: Column, names: Container[str]) -> str | None:
    """Which of a row's columns holds `column`: the longest of `names` that begins its path."""
    path = column.path
    while path not in names:
        path, dot, _ = path.rpartition(".")
        if not dot:
            return None
    return path


def written(value: JsonValue) -> str:
    """A value as text: strings as they are, all else as JSON; a whole number without a fraction."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _part(match: re.Match[str]) -> str | Column:
    text = match[0]
    if text in {"{{", "}}"}:
        return text[0]
    if text in {"{", "}"}:
        raise ValueError("a { has no }, or a } no {; a brace that is meant itself is written twice")
    return text if match[1] is None else parse_column(match[1])


def _text(column: Column, columns: Mapping[str, JsonValue]) -> str:
    value = value_of(column, columns)
    if value is not None:
        return written(value)
    if column.optional:
        return ""
    raise Unfilled(f"the column {column.path!r} is null; write {{{column.path}?}} to take nothing for it")


def _step(value: JsonValue, step: str) -> tuple[JsonValue, bool]:
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, dict) and step in value:
        return value[step], True
    if isinstance(value, list) and step.isascii() and step.isdecimal() and int(step) < len(value):
        return value[int(step)], True
    return None, False


def _parsed(text: str) -> JsonValue:
    """The object or list that a column of JSON text holds; nothing where it holds none."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        parsed: JsonValue = decode_json(text.encode())
    except Rejected:
        return None
    return parsed


def _listed(columns: Iterable[str], shown: int = 20) -> str:
    names = sorted(columns)
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return (", ".join(ascii(name[:60])[1:-1] for name in names[:shown]) or "none") + more
