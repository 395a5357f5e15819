"""Settings as a person sees them."""

from __future__ import annotations

from pydantic import BaseModel, SecretStr

from streams.settings.names import PREFIX
from streams.settings.table import Settings


class Shown(BaseModel):
    """One setting as a person sees it: secrets masked."""

    name: str
    value: str
    given: bool


def shown(settings: Settings) -> list[Shown]:
    """Every setting with its value, in the order of the reference; a secret is `••••••`."""
    rows = []
    for field in type(settings).model_fields:
        value = getattr(settings, field)
        text = "" if value is None else "••••••" if isinstance(value, SecretStr) else str(value)
        rows.append(Shown(name=PREFIX + field.upper(), value=text, given=field in settings.model_fields_set))
    return rows
