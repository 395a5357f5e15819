"""Deadlines while a worker's way to Kafka fails: `make chaos`, and for some seconds in `tests/real`.

Questions with usual deadlines come all the time, while the worker's connections are reset, refused, lead
nowhere, or are slow. Each that Kafka has taken must have its one end by its deadline, or soon after the
fault's end, where that came too late for it: nobody can be told anything while Kafka can't be reached.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.network import Network, ProxiedKafka, networked
from tests.crowd import Crowd, Told, crowd

DEADLINES_MS = (10_000, 20_000, 30_000)
EVERY_S = 0.25
LATE_S = 3.0
"""How much later than its deadline an end may come, where others want the processor, too."""
BACK_S = 15.0
"""How long after the end of a fault a worker may take to speak with Kafka again, in all it has to say."""

Fault = Callable[[Network], Awaitable[None]]


async def resets(network: Network) -> None:
    """All connections are reset, again and again."""
    for _ in range(8):
        await network.kafka.reset()
        await asyncio.sleep(0.5)


async def refused(network: Network, seconds: float = 6.0) -> None:
    """Nobody gets through."""
    await network.kafka.refuse()
    await asyncio.sleep(seconds)
    await network.kafka.listen()


async def hangs(network: Network, seconds: float = 6.0) -> None:
    """Nothing passes, through old connections and new ones."""
    network.kafka.strike(hangs=True)
    await asyncio.sleep(seconds)
    network.kafka.strike()


async def half_open(network: Network) -> None:
    """The connections that are there lead nowhere any more, and nobody says so."""
    assert network.kafka.half_open()


async def slow(network: Network, seconds: float = 8.0) -> None:
    """All that passes, passes half a second later."""
    network.kafka.strike(delay_s=0.5)
    await asyncio.sleep(seconds)
    network.kafka.strike()


FAULTS: dict[str, Fault] = {
    "resets": resets, "refused": refused, "hangs": hangs, "half open": half_open, "slow": slow,
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What became of the questions that came before, during and after a fault.

    `late_s`: how much after its deadline the latest end came. `back_s`: of those that came late, how much
    after the fault's end. None: nothing was late.
    """

    asked: int
    answered: int
    late_s: float
    back_s: float | None
    slowest_s: float

    def __str__(self) -> str:
        late = "none late" if self.back_s is None else f"the last late one {self.back_s:.1f} s after its end"
        return (
            f"{self.asked} asked, {self.answered} answered, slowest {self.slowest_s:.1f} s,"
            f" at most {self.late_s:+.1f} s from the deadline, {late}"
        )


async def found(network: Network, fault: Fault) -> Found:
    """Asks beside a fault, and judges. Raises AssertionError."""
    async with crowd(network.site) as asking:
        stop = asyncio.Event()
        coming = asyncio.create_task(_ask(asking, stop))
        await asyncio.sleep(2)
        await fault(network)
        over_ms = time.time() * 1000
        await asyncio.sleep(2)
        stop.set()
        await coming
        await asking.all_ended(max(DEADLINES_MS) / 1000 + BACK_S + 10)
        return judged(list(asking.told.values()), over_ms)


async def _ask(asking: Crowd, stop: asyncio.Event) -> None:
    number = 0
    while not stop.is_set():
        deadline_ms = DEADLINES_MS[number % len(DEADLINES_MS)]
        await asking.ask(text=f"What is alpha, for the {number}th time?", deadline_ms=deadline_ms)
        number += 1
        await asyncio.sleep(EVERY_S)


def judged(told: Sequence[Told], over_ms: float) -> Found:
    assert [one for one in told if len(one.ends) != 1] == []
    late = [one for one in told if one.late_s > LATE_S]
    back = [one.at_ms / 1000 + one.took_s - over_ms / 1000 for one in late]
    result = Found(
        asked=len(told),
        answered=sum(one.end.type == "answer.completed" for one in told),
        late_s=max(one.late_s for one in told),
        back_s=max(back, default=None),
        slowest_s=max(one.took_s for one in told),
    )
    assert result.back_s is None or result.back_s < BACK_S, str(result)
    return result


async def main(only: list[str]) -> int:
    folder, failed = Path(tempfile.mkdtemp(prefix="deadlines-")), 0
    with ProxiedKafka(folder / "kafka") as broker:
        async with networked(folder, broker) as network:
            await network.goes_on(60)
            for name, fault in FAULTS.items():
                if only and name not in only:
                    continue
                try:
                    print(f"deadlines, {name}: {await found(network, fault)}", flush=True)
                except (AssertionError, TimeoutError) as error:
                    failed += 1
                    print(f"WRONG deadlines, {name}: {error!r}\n{network.worker.tail()}", flush=True)
    print(f"{failed} wrong; logs in {folder}")
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="*", help="these faults alone")
    sys.exit(asyncio.run(main(parser.parse_args().only)))
