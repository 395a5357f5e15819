"""A worker whose every stage fails now and then: `python tests/chaos/faulty_worker.py JOURNAL RATE SEED`.

Each stage's third call fails for certain, so that no stage goes untried; the others fail by chance. A call
fails before it is made, or after: what it wrote is there, and nobody was told so. The canary's calls fail as
well, as they are the same ones. The journal names each stage that failed, a line each.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from streams import sources
from streams.client.here import here
from streams.errors import Retryable
from streams.worker import generations, run

CERTAIN = 3
"""The call of each stage that fails whatever chance says."""

STAGES = {
    "store": ("current_heads", "passages", "write_passages", "write_heads"),
    "embedder": ("embed_documents",),
    "cutter": ("chunks",),
}


class Chance:
    """Decides what fails, and writes it down."""

    def __init__(self, journal: Path, rate: float, seed: int) -> None:
        self._journal, self._rate, self._random = journal, rate, random.Random(seed)
        self._calls: Counter[str] = Counter()

    def strikes(self, stage: str) -> bool:
        """Whether this call fails."""
        self._calls[stage] += 1
        if self._random.random() >= self._rate and self._calls[stage] != CERTAIN:
            return False
        with self._journal.open("a") as journal:
            journal.write(f"{stage}\n")
        return True

    def before(self) -> bool:
        """Whether it fails before it is made, not after."""
        return self._random.random() < 0.5

    def fault(self) -> Exception:
        """What the ports may raise, and what they should not."""
        return self._random.choice(
            [
                Retryable("made to fail", code="chaos"),
                RuntimeError("made to fail"),
                TimeoutError(),
                ConnectionResetError(),
            ]
        )


class Faulty:
    """A port whose calls fail now and then; it is what it stands for in all else."""

    def __init__(self, port: Any, name: str, chance: Chance) -> None:
        self._port, self._name, self._chance = port, name, chance

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        return self._failing(method, f"{self._name}.{name}") if name in STAGES[self._name] else method

    def _failing(self, method: Callable[..., Any], stage: str) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            if not self._chance.strikes(stage):
                return await method(*args, **kwargs)
            if not self._chance.before():
                await method(*args, **kwargs)
            await asyncio.sleep(0)
            raise self._chance.fault()

        return call


def main() -> None:
    journal, rate, seed = sys.argv[1:]
    chance = Chance(Path(journal), float(rate), int(seed))
    opened, cutter_of, decode = generations.opened, run.cutter_of, sources.decode

    async def opened_faulty(*args: Any) -> generations.Opened:
        whole = await opened(*args)
        return replace(
            whole,
            store=Faulty(whole.store, "store", chance),
            embedder=Faulty(whole.embedder, "embedder", chance),
        )

    def decode_faulty(*args: Any, **kwargs: Any) -> Any:
        if chance.strikes("decode"):
            raise RuntimeError("made to fail")
        return decode(*args, **kwargs)

    generations.opened = opened_faulty
    run.cutter_of = lambda *args: Faulty(cutter_of(*args), "cutter", chance)
    sources.decode = decode_faulty
    run.main(here(), ("index",))


if __name__ == "__main__":
    main()
