"""Who asked what, read from a record that is no valid question, as far as it can be."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from streams.messages.records import Record

ID_CHARACTERS = 256
TENANT = re.compile(r"[A-Za-z0-9_-]{1,64}")
DEFAULT_TENANT = "default"


class Identity(NamedTuple):
    """A question's id, and its tenant."""

    id: str
    tenant: str


def identity(record: Record) -> Identity:
    """The id and the tenant that the record names, else its place and `default`."""
    said = _object(record.value)
    named, tenant = said.get("id"), said.get("tenant")
    return Identity(
        named if isinstance(named, str) and _is_id(named) else str(record.at),
        tenant if isinstance(tenant, str) and TENANT.fullmatch(tenant) else DEFAULT_TENANT,
    )


def _is_id(text: str) -> bool:
    whole = not any("\ud800" <= character <= "\udfff" for character in text)
    return 1 <= len(text) <= ID_CHARACTERS and whole


def _object(value: bytes | None) -> dict[str, Any]:
    try:
        said = json.loads(value or b"")
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
