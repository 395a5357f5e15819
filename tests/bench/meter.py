"""Processor time: what each process took, and what the machine had left."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Used:
    """Seconds of processor time by process, over `wall_s`; `others` is what the rest of the machine took."""

    processes: Mapping[str, float]
    others: float
    wall_s: float

    def bound(self, passages: int) -> float:
        """Passages a second at which the processors that the others left would all be busy."""
        free = (os.cpu_count() or 1) - self.others / self.wall_s
        return max(free, 0.0) * passages / sum(self.processes.values())


class Meter:
    """Counts from when it is made."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids, self._began = dict(pids), time.monotonic()
        self._ours, self._all = self._seconds(), _machine()

    def read(self) -> Used:
        """What was used until now."""
        ours = {name: seconds - self._ours[name] for name, seconds in self._seconds().items()}
        others = max(0.0, _machine() - self._all - sum(ours.values()))
        return Used(ours, others, time.monotonic() - self._began)

    def _seconds(self) -> dict[str, float]:
        return {name: _process(pid) for name, pid in self._pids.items()}


def _process(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _machine() -> float:
    """All but idle and waiting for disks."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / TICK
