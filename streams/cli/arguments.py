"""What options share: pairs, places, and the usage error for what makes no valid message."""

from __future__ import annotations

import typer
from pydantic import ValidationError

from streams.messages.records import Offset


def pair(option: str, text: str) -> tuple[str, str]:
    """The name and value of `name=value`."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise typer.BadParameter(f"{option} wants name=value, not {text!r}")
    return name, value


def place(option: str, text: str) -> Offset:
    """The place that `TOPIC-PARTITION-OFFSET` names."""
    try:
        return Offset.parse(text)
    except ValueError:
        raise typer.BadParameter(
            f"{option} wants TOPIC-PARTITION-OFFSET, as `put` prints it, not {text!r}"
        ) from None


def invalid(error: ValidationError) -> typer.BadParameter:
    """The usage error for options that make no valid message; names what is wrong, not its value."""
    problem = error.errors(include_input=False, include_url=False)[0]
    return typer.BadParameter(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}")
