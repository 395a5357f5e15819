"""The settings' page."""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from streams.settings import Settings
from streams.settings.names import PREFIX
from streams.settings.secret_files import is_secret
from streams.settings.table import EMBEDDED_DEFAULTS

HEAD = """# Settings

Each is an environment variable, also read from `.env`. A wrong or unknown one stops the program by name.
A setting marked *secret* may also be given as a file: append `_FILE` to its name and give the path.

| setting | default | what it is |
| --- | --- | --- |
"""


def page() -> str:
    """The page's Markdown, made from `Settings`."""
    rows = [_row(name, field) for name, field in Settings.model_fields.items()]
    embedded = ", ".join(f"`{PREFIX}{name.upper()}={value}`" for name, value in EMBEDDED_DEFAULTS.items())
    return f"{HEAD}{''.join(rows)}\nWith `{PREFIX}LLM_PROVIDER=embedded` the defaults are {embedded}.\n"


def _row(name: str, field: FieldInfo) -> str:
    default = "" if field.default is None else f"`{field.default}`"
    kinds = _choices(field.annotation)
    notes = [
        field.description or "",
        f"One of {kinds}." if kinds else "",
        "*Secret.*" if is_secret(field) else "",
    ]
    return f"| `{PREFIX}{name.upper()}` | {default} | {' '.join(note for note in notes if note)} |\n"


def _choices(annotation: object) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(annotation))
    if get_origin(annotation) in (Union, UnionType, Annotated):
        return next((found for part in get_args(annotation) if (found := _choices(part))), "")
    return ""
