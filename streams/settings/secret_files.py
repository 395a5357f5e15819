"""Secrets that come in files of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from streams.settings.names import PREFIX, misconfigured


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting's value must never be shown."""
    return field.annotation is SecretStr or SecretStr in get_args(field.annotation)


class SecretFiles(PydanticBaseSettingsSource):
    """Secrets from the files that `STREAMS_…_FILE` names in `named`, environment and `.env` together."""

    def __init__(self, settings_cls: type[BaseSettings], named: Mapping[str, str | None]) -> None:
        super().__init__(settings_cls)
        self._named = named

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The secret's text, without the white space around it; None where no file is named."""
        name = PREFIX + field_name.upper()
        path = self._named.get(f"{name}_FILE") if is_secret(field) else None
        if not path:
            return None, field_name, False
        if self._named.get(name):
            raise misconfigured(f"{field_name}_file", f"and {name} are both set; keep one of them")
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            problem = f"names a file that can't be read ({type(error).__name__}): {path}"
            raise misconfigured(f"{field_name}_file", problem) from None

    def __call__(self) -> dict[str, Any]:
        """What the files hold, by field."""
        found = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in found.items() if value is not None}
