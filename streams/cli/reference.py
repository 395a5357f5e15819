"""The settings' reference page, generated: `python -m streams.cli.reference export|check`."""

from __future__ import annotations

import sys
from pathlib import Path
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from streams.settings import EMBEDDED_DEFAULTS, PREFIX, Settings, is_secret

PAGE = Path("docs/reference/settings.md")

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
        "*Secret.*" if is_secret(name) else "",
    ]
    return f"| `{PREFIX}{name.upper()}` | {default} | {' '.join(note for note in notes if note)} |\n"


def _choices(annotation: object) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(annotation))
    if get_origin(annotation) in (Union, UnionType, Annotated):
        return next((found for part in get_args(annotation) if (found := _choices(part))), "")
    return ""


def main(task: str) -> int:
    """Writes the page, or says whether it differs; gives the exit code."""
    if task == "export":
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page():
        sys.stderr.write(f"{PAGE} is not what streams/settings.py says; run `make schemas`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "check"))
