"""From bytes to a model, with errors that name the field and what is wrong with it, never its value."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from itertools import accumulate
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from streams.errors import Rejected
from streams.messages.records import unknown_fields

MAX_DEPTH = 100
"""Levels of objects and arrays inside each other; nothing that we read needs ten."""

_ERRORS_SHOWN = 3
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_NAME_CHARACTERS = 60
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
"""One level in, one out: as signed bytes."""

Model = TypeVar("Model", bound=BaseModel)
OnUnknown = Callable[[list[str]], None]
"""Told the names of fields that were ignored, as they are not known here."""


def decode_json(data: bytes) -> Any:
    r"""The JSON value that `data` holds (RFC 8259), a byte order mark before it tolerated.

    Stricter than Python's own reading, so that every reader understands the same: a name that stands
    twice in one object is refused, so are NaN, Infinity and numbers too large for a float, and halves
    of surrogate pairs (`\ud800`). Raises `Rejected`: `not_utf8`, `not_json`, `too_deep`.
    """
    text = _text(data)
    value = _parsed(text)
    if text.count("{") + text.count("[") > MAX_DEPTH:
        _check_depth(data)
    if _SURROGATE.search(text):
        _check_strings(value)
    return value


def read(model: type[Model], data: Any, *, code: str, on_unknown: OnUnknown | None = None) -> Model:
    """`data`, a JSON value, as a `model`; fields that it lacks are ignored, their names told to `on_unknown`.

    Raises `Rejected` with `code`.
    """
    if not isinstance(data, dict):
        raise Rejected(f"a {model.__name__} is a JSON object", code=code)
    try:
        result = model.model_validate(data)
    except ValidationError as error:
        raise Rejected(described(error), code=code) from None
    if on_unknown is not None and (unknown := unknown_fields(model, data)):
        on_unknown(unknown)
    return result


def refuse_unknown(model: type[BaseModel], data: Any) -> None:
    """Raises `Rejected` (`unknown_field`) with the names of fields that `model` does not define."""
    if unknown := unknown_fields(model, data):
        raise Rejected(
            f"unknown field{'s' * (len(unknown) > 1)} {_listed(unknown)}; "
            f"a {model.__name__} has {', '.join(model.model_fields)}",
            code="unknown_field",
        )


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Rejected(f"not UTF-8: the byte at {error.start} begins no character", code="not_utf8") from None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Rejected(f"not JSON: {error.msg} at {where}", code="not_json") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:  # what Python says of a whole number with thousands of digits
        raise Rejected("not JSON that can be read: a number has too many digits", code="not_json") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise Rejected(f"{_shown(twice)} stands twice in one object", code="not_json")
    return members


def _no_constant(name: str) -> NoReturn:
    raise Rejected(f"not JSON: {name} is no number there", code="not_json")


def _too_deep() -> Rejected:
    return Rejected(f"more than {MAX_DEPTH} objects and arrays inside each other", code="too_deep")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise Rejected("not JSON that can be read: a number is too large", code="not_json")
    return number


def _check_depth(data: bytes) -> None:
    """By the brackets outside of strings, of what is known to be JSON: a walk of the value takes seconds."""
    steps = _STRING.sub(b"", data).translate(_STEPS, _NO_BRACKETS)
    if max(accumulate(memoryview(steps).cast("b")), default=0) > MAX_DEPTH:
        raise _too_deep()


def _check_strings(value: Any) -> None:
    """Every string, names too: UTF-8 has no halves of surrogate pairs, but JSON can name them."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            _check_whole(part)
        elif isinstance(part, dict):
            waiting += (*part, *part.values())
        elif isinstance(part, list):
            waiting += part


def _check_whole(text: str) -> None:
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise Rejected("a string holds half of a surrogate pair, which no UTF-8 can hold", code="not_utf8")


def described(error: ValidationError) -> str:
    """What is wrong with the first few fields: a field of several allowed types has one entry."""
    fields: dict[tuple[int | str, ...], list[ErrorDetails]] = {}
    for detail in error.errors(include_input=False, include_url=False, include_context=False):
        fields.setdefault(detail["loc"][:2], []).append(detail)
    said = [_of_field(place, details) for place, details in list(fields.items())[:_ERRORS_SHOWN]]
    more = len(fields) - len(said)
    return "; ".join(said) + (f"; and {more} more" if more else "")


def _of_field(place: tuple[int | str, ...], details: list[ErrorDetails]) -> str:
    where = details[0]["loc"] if len(details) == 1 else place
    wrong = " or ".join(dict.fromkeys(detail["msg"] for detail in details))
    name = ".".join(_shown(part) if isinstance(part, str) else str(part) for part in where)
    return f"{name}: {wrong}"


def _listed(names: list[str]) -> str:
    shown = ", ".join(_shown(name) for name in names[:_ERRORS_SHOWN])
    more = len(names) - _ERRORS_SHOWN
    return shown + (f" and {more} more" if more > 0 else "")


def _shown(name: str) -> str:
    """A field's name, safe to print however odd it is."""
    return name if name.isidentifier() and len(name) <= _NAME_CHARACTERS else ascii(name[:_NAME_CHARACTERS])
