"""A gateway that is told to stop ends, whatever hangs in it."""

import asyncio
import os
import signal
import subprocess
import sys

from streams.gateway import parts as parts_
from streams.gateway.access import keys
from streams.gateway.access.keys import KeyFile
from streams.gateway.parts import parts
from streams.ports import unobserved
from streams.settings import Settings

LIMIT_S = 120
STUBBORN = """
import asyncio
from streams.gateway import run
from streams.gateway.access.keyring import Keyring
from streams.settings import load

async def watch(self):
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

Keyring.watch = watch
run.main(load(env_file=None))
"""


def test_a_task_that_swallows_its_cancelling_keeps_no_gateway(tmp_path):
    keys.write(tmp_path / "keys.json", KeyFile(keys=()))
    given = {
        "STREAMS_API_KEYS_FILE": str(tmp_path / "keys.json"), "STREAMS_GATEWAY_PORT": "0",
        "STREAMS_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "STREAMS_METRICS_PORT": "",
    }  # fmt: skip
    ours = {name: value for name, value in os.environ.items() if not name.startswith("STREAMS_")}
    started = subprocess.Popen(
        [sys.executable, "-c", STUBBORN],
        env={**ours, **given},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    with started:
        try:
            said = []
            for line in started.stdout:
                said.append(line)
                if "gateway serves" in line:
                    started.send_signal(signal.SIGTERM)
            # By itself: by force it would be another code.
            assert started.wait(LIMIT_S) == 0, "".join(said)
        finally:
            started.kill()


async def test_what_hangs_or_fails_when_it_is_let_go_of_keeps_nothing_else_from_it(tmp_path, monkeypatch):
    keys.write(tmp_path / "keys.json", KeyFile(keys=()))
    monkeypatch.setattr(parts_, "CLOSE_S", 0.05)
    settings = Settings(api_keys_file=tmp_path / "keys.json", kafka_bootstrap_servers="127.0.0.1:1")
    closed = []

    async def hang():
        await asyncio.Event().wait()

    async def fail():
        raise OSError

    async def close():
        closed.append(True)

    async with asyncio.timeout(LIMIT_S), parts(settings, unobserved) as made:
        monkeypatch.setattr(made.asking, "close", hang)
        monkeypatch.setattr(made.feed, "close", fail)
        monkeypatch.setattr(made.index, "close", close)
    assert closed
