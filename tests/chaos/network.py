"""Faults of the network, one after the other, in front of Kafka and of the model server: `make chaos`.

Each leaves a worker that must go on by itself. In minutes here, with an outage of 60 s and connections that
are half open; `tests/real` has the short ones.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path

from ops.servers.launch import Kafka
from ops.servers.process import HOST, free_ports
from tests.asked import Site
from tests.bench.stub import stub
from tests.proxy import proxied

OUTAGE_S = 60.0
BACK_S = 30.0
"""How soon after an outage questions must be answered again."""
HUNG_S = 60.0
"""Longer than this nothing may hang."""


class ProxiedKafka(Kafka):
    """A broker that tells its clients to come to `proxied_port`; who asks at `direct` is told that."""

    ready_seconds = 180.0

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.proxied_port, direct = free_ports(), free_ports()
        self.direct, self.behind = f"{HOST}:{direct}", f"{HOST}:{self.proxied_port}"
        self.properties |= {
            "listeners": f"{self.properties['listeners']},DIRECT://{self.direct}",
            "advertised.listeners": f"PLAINTEXT://{self.behind},DIRECT://{self.direct}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,DIRECT:PLAINTEXT",
            "inter.broker.listener.name": "DIRECT",
        }


class Network:
    """A worker that reaches Kafka through `kafka`, a proxy, and what asks it directly."""

    def __init__(self, kafka, ask, site, worker):
        self.kafka, self.ask, self.site, self.worker = kafka, ask, site, worker
        self._number = 0

    async def goes_on(self, limit_s):
        """A change is indexed and a question answered from it; gives the seconds that this took."""
        began = time.monotonic()
        self._number += 1
        after = await self.ask.put(self.site.changes, f"doc-{self._number}")
        end = await self.ask(after, deadline_ms=600_000)
        assert end.type == "answer.completed", end
        took = time.monotonic() - began
        assert self.worker.process.poll() is None, self.worker.tail()
        assert took < limit_s, f"went on after {took:.0f} s, not {limit_s:.0f} s"
        return took


@asynccontextmanager
async def networked(folder: Path, broker: ProxiedKafka):
    with stub(first_ms=1, token_ms=0, tokens=3) as url:
        site = Site(broker.direct, folder, url, STREAMS_KAFKA_BOOTSTRAP_SERVERS=broker.behind)
        await site.create()
        async with proxied(broker.proxied_port, broker.port) as kafka, site.asking() as ask:
            with site.worker() as worker:
                await asyncio.to_thread(worker.ready)
                yield Network(kafka, ask, site, worker)


async def outage(network: Network, seconds: float) -> float:
    """Nobody gets through for so long; seconds until it goes on after its end."""
    await network.kafka.refuse()
    await asyncio.sleep(seconds)
    await network.kafka.listen()
    return await network.goes_on(BACK_S)


async def resets(network: Network, times: int = 5) -> float:
    """All connections are reset, again and again."""
    for _ in range(times):
        await network.kafka.reset()
        await asyncio.sleep(0.5)
    return await network.goes_on(HUNG_S)


async def delays(network: Network, seconds: float = 2.0) -> float:
    """All that passes, passes later."""
    network.kafka.strike(delay_s=seconds)
    took = await network.goes_on(HUNG_S)
    network.kafka.strike()
    return took


async def half_open(network: Network) -> float:
    """The connections that are there lead nowhere any more, and nobody says so."""
    assert network.kafka.half_open()
    return await network.goes_on(HUNG_S)


async def hangs(network: Network, seconds: float) -> float:
    """Nothing passes for so long, through old connections and new ones."""
    network.kafka.strike(hangs=True)
    await asyncio.sleep(seconds)
    network.kafka.strike()
    return await network.goes_on(BACK_S)


async def main(only: list[str]) -> int:
    folder, failed = Path(tempfile.mkdtemp(prefix="network-")), 0
    faults = {
        "resets": resets, "delays of 2 s": delays, "half-open connections": half_open,
        f"nothing passes for {OUTAGE_S:.0f} s": lambda network: hangs(network, OUTAGE_S),
        f"refused for {OUTAGE_S:.0f} s": lambda network: outage(network, OUTAGE_S),
    }  # fmt: skip
    with ProxiedKafka(folder / "kafka") as broker:
        async with networked(folder, broker) as network:
            print(f"all well: {await network.goes_on(HUNG_S):.1f} s", flush=True)
            for name, fault in faults.items():
                if only and not any(one in name for one in only):
                    continue
                try:
                    print(f"Kafka, {name}: went on after {await fault(network):.1f} s", flush=True)
                except (AssertionError, TimeoutError) as error:
                    failed += 1
                    print(f"WRONG Kafka, {name}: {error!r}\n{network.worker.tail()}", flush=True)
                    break
    print(f"{failed} wrong; logs in {folder}")
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="*", help="faults whose names have one of these in them")
    sys.exit(asyncio.run(main(parser.parse_args().only)))
