"""Strangers are turned away without filling the log."""

import asyncio

import pytest
from starlette.requests import Request
from structlog.testing import capture_logs

from streams.gateway import keys
from streams.gateway.access import Doorkeeper
from streams.gateway.keyring import Keyring
from streams.gateway.problems import Problem
from streams.gateway.rates import Rates


async def test_an_address_that_is_turned_away_again_and_again_has_one_line_in_the_log(tmp_path):
    keys.write(tmp_path / "keys.json", keys.KeyFile())
    counted = []
    door = Doorkeeper(Keyring(tmp_path / "keys.json", counted.append), Rates("10/minute"), counted.append)

    async def knock(address):
        with pytest.raises(Problem):
            await door.admit(Request({"type": "http", "client": (address, 1)}), "wrong", None)

    with capture_logs() as lines:
        await asyncio.gather(*(knock(address) for address in ("10.0.0.1", "10.0.0.2") for _ in range(3)))
    assert sorted(line["address"] for line in lines) == ["10.0.0.1", "10.0.0.2"]
    assert len(counted) == 6
