"""Where a command finds Kafka and the rest: the settings, completed by what `up` runs here."""

from __future__ import annotations

from typing import Any

from streams.embedded.state import State, read_state
from streams.settings import Settings, load


def here() -> Settings:
    """The settings. Where no broker is named and `up` runs here, those of its servers."""
    settings = load()
    state = None if settings.kafka_bootstrap_servers else read_state(settings.state_dir)
    return load(**_of(state, settings)) if state else settings


def _of(state: State, settings: Settings) -> dict[str, Any]:
    given = settings.model_fields_set
    return {name: value for name, value in state.settings.items() if name not in given}
