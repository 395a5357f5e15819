"""A worker in a process of its own whose work is to write down what it does, as lines of JSON.

A record's value is a JSON object: `sleep` (seconds that it takes), `boom` (raises), `refuse` (is refused),
`misconfigured` (the worker must stop). While the file `outage` exists, everything that it needs is down.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from streams.agents.app import AppConfig, attach, create_app
from streams.agents.flood import dam
from streams.agents.lifecycle import Agent, Lifecycle, LifecycleSettings
from streams.agents.member import Member
from streams.agents.producing import Producing
from streams.agents.pump.pump import Pump
from streams.agents.pump.work import OneByOne, PumpSettings
from streams.errors import Misconfigured, Rejected, Retryable
from streams.kafka.connection import KafkaConnection


class Journal:
    """Lines that survive a SIGKILL."""

    def __init__(self, path):
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def __call__(self, what, record=None, **more):
        line = {"t": time.time(), "k": what, **more}
        if record is not None:
            key = None if record.key is None else record.key.decode()
            line |= {"p": record.partition, "o": record.offset, "key": key}
        os.write(self._file, json.dumps(line).encode() + b"\n")


class Journaled(OneByOne):
    """Does what a record says, and writes it down."""

    def __init__(self, journal, outage):
        self._journal, self._outage = journal, outage

    async def canary(self):
        if self._outage.exists():
            raise Retryable("the store is down", code="store_down")

    def prepare(self, record):
        said = json.loads(record.value)
        if said.get("refuse"):
            raise Rejected("told to refuse it", code="refused")
        return [(record.key or (record.partition, record.offset), record)]

    async def handle(self, record):
        self._journal("start", record)
        said = json.loads(record.value)
        await self.canary()
        if said.get("misconfigured"):
            raise Misconfigured("told that it is wrong", setting="STREAMS_EMBED_DIMENSION")
        if said.get("boom"):
            raise RuntimeError("told to fail")
        try:
            await asyncio.sleep(said.get("sleep", 0))
        except asyncio.CancelledError:
            self._journal("cancelled", record)
            raise

    async def conclude(self, record, ended):
        dead = any(isinstance(end.outcome, Rejected) for end in ended)
        self._journal("dead" if dead else "done", record)


def new_agent(told, journal):
    config = AppConfig(
        told["group"],
        KafkaConnection(told["bootstrap"], embedded=told.get("embedded", False)),
        session_s=6.0,
    )
    app = create_app(config)
    work = Journaled(journal, Path(told["outage"]))
    pump = Pump(
        Member(app),
        work,
        PumpSettings(dead_topic=told["dead"], **told.get("settings", {})),
        produce=Producing(app),
        canary=work.canary,
        now=lambda: datetime.now(UTC),
        random=random.random,
    )
    attach(app, [told["topic"]], pump)

    def assigned(_app, assigned, **_):
        journal("assigned", n=len(assigned))

    app.on_partitions_assigned.connect(assigned, weak=False)
    return Agent(app, pump)


async def main(told):
    journal = Journal(told["journal"])
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    dam(time.monotonic)
    journal("boot")
    began = time.monotonic()
    lifecycle = Lifecycle(
        [lambda group=group: new_agent({**told, "group": group}, journal) for group in told["groups"]],
        LifecycleSettings(start_limit_s=told.get("start_limit_s", 60.0)),
    )
    watching = asyncio.create_task(watch(lifecycle, journal))
    code = await lifecycle.run(stop)
    watching.cancel()
    journal("exit", code=code, ran=time.monotonic() - began)
    return code


async def watch(lifecycle, journal):
    """Writes down each change of the pumps' states."""
    states = None
    while True:
        if states != (states := list(lifecycle.states)):
            journal("states", states=states, problems=list(lifecycle.problems))
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    logging.basicConfig(level="WARNING", format="%(asctime)s %(levelname)s %(name)s %(message)s")
    exit_code = asyncio.run(main(json.loads(sys.argv[1])))
    logging.shutdown()
    os._exit(exit_code)
