"""`docker-compose.yml` as an engine would read it: anchors merged, variables put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[1] / "docker-compose.yml"
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")
KEY = {"STREAMS_WEAVIATE_API_KEY": "a-long-random-text"}


def interpolated(text: str, environment: Mapping[str, str]) -> str:
    """`text`, each `${NAME}`, `${NAME:-default}` and `${NAME:?error}` put in; else LookupError."""

    def value(found: re.Match[str]) -> str:
        given = environment.get(found["name"], "")
        if not given and found["kind"] == "?":
            raise LookupError(f"{found['name']}: {found['rest']}")
        return given or (found["rest"] if found["kind"] == "-" else "")

    return VARIABLE.sub(value, text)


def compose(environment: Mapping[str, str] = KEY) -> dict[str, Any]:
    """The whole file, for these variables."""
    return yaml.safe_load(interpolated(FILE.read_text(encoding="utf-8"), environment))
