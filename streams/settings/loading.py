"""Loading: the settings of this process, or the name of what is wrong with them."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError

from streams.errors import Misconfigured
from streams.settings.names import BESIDES, PREFIX, misconfigured
from streams.settings.secret_files import is_secret
from streams.settings.table import Settings


def load(*, env_file: Path | None = Path(".env"), **overrides: Any) -> Settings:
    """The settings of this process.

    Raises `Misconfigured` with the setting's name and what would be right.
    """
    _refuse_unknown([*os.environ, *(dotenv_values(env_file) if env_file and env_file.is_file() else ())])
    try:
        return Settings(_env_file=env_file, **overrides)
    except ValidationError as error:
        raise _first_problem(error) from None


def _refuse_unknown(names: list[str]) -> None:
    fields = Settings.model_fields
    for name in names:
        field = name.removeprefix(PREFIX).lower()
        secret = field.removesuffix("_file")
        secret_file = secret != field and secret in fields and is_secret(fields[secret])
        if not name.startswith(PREFIX) or name in BESIDES or field in fields or secret_file:
            continue
        close = difflib.get_close_matches(field, fields, n=1)
        raise misconfigured(
            field, f"is no setting{f'; did you mean {PREFIX}{close[0].upper()}?' if close else ''}"
        )


def _first_problem(error: ValidationError) -> Misconfigured:
    problem = error.errors(include_input=False, include_url=False)[0]
    inner = problem.get("ctx", {}).get("error")
    if isinstance(inner, Misconfigured):
        return inner
    field = str(problem["loc"][0]) if problem["loc"] else "settings"
    return misconfigured(field, f"is not right: {problem['msg']}")
