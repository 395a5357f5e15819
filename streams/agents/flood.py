"""Keeping a log readable while Kafka is away: aiokafka writes some 130 lines a second then."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from streams.ports import Monotonic

EVERY_S = 30.0
NOISY = ("aiokafka", "faust", "mode")


@dataclass(slots=True)
class _Said:
    at: float
    suppressed: int = 0


class Flood(logging.Filter):
    """Lets each warning or error through once every `every_s`, with how often it was held back since."""

    def __init__(self, monotonic: Monotonic, *, every_s: float = EVERY_S) -> None:
        super().__init__()
        self._monotonic, self._every_s = monotonic, every_s
        self._said: dict[tuple[str, int], _Said] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        if record.levelno < logging.WARNING:
            return True
        now, key = self._monotonic(), (record.name, record.lineno)
        said = self._said.get(key)
        if said is not None and now - said.at < self._every_s:
            said.suppressed += 1
            return False
        self._said[key] = _Said(now)
        if said is not None and said.suppressed:
            record.msg = f"{record.getMessage()} (and {said.suppressed} more like it)"
            record.args = ()
        return True


def dam(monotonic: Monotonic, names: Iterable[str] = NOISY) -> Flood:
    """Puts one filter on every logger under these names. To be called once they are imported."""
    flood, roots = Flood(monotonic), tuple(names)
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0] in roots:
            logging.getLogger(name).addFilter(flood)
    return flood
