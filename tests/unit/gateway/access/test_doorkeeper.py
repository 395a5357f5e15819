"""Who is turned away: strangers, keys without the scope, and those that have too much open."""

import asyncio
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from starlette.requests import Request
from structlog.testing import capture_logs

from streams.gateway.access import keys
from streams.gateway.access.doorkeeper import Doorkeeper
from streams.gateway.access.keyring import Keyring
from streams.gateway.access.places import FOR_ONE_KEY
from streams.gateway.access.rates import FAILURES, Rates
from streams.gateway.http.problems import Problem


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


def made(path, counted, *scopes):
    """The door, and keys with these scopes each: key and text."""
    held = [keys.made(tenant="acme", principals=(), scopes=(one,), now=datetime.now(UTC)) for one in scopes]
    keys.write(path / "keys.json", keys.KeyFile(keys=tuple(key for key, _ in held)))
    return Doorkeeper(Keyring(path / "keys.json", counted.append), Rates("100/minute"), counted.append), held


def stranger():
    return Request({"type": "http", "client": ("10.0.0.1", 1)})


async def test_a_key_without_the_scope_is_counted_and_logged_by_its_id_alone(tmp_path):
    counted = []
    door, [(key, text)] = made(tmp_path, counted, "ask")
    with capture_logs() as lines, pytest.raises(Problem) as caught:
        await door.admit(stranger(), text, "write")
    assert (caught.value.status_code, caught.value.code) == (403, "scope_missing")
    assert [(one.name, one.labels) for one in counted] == [("gateway_refusals", {"reason": "scope_missing"})]
    (line,) = lines
    assert (line["key"], line["reason"], line["scope"]) == (key.id, "scope_missing", "write")
    assert text.split("_", 2)[2] not in str(lines)


@pytest.mark.parametrize(("tried", "why"), [("ask", "lacks the scope write"), (None, "not known here")])
async def test_an_address_that_fails_too_often_is_told_to_stay_away_and_a_good_key_is_not(
    tmp_path, tried, why
):
    door, [(_, asks), (_, writes)] = made(tmp_path, [], "ask", "write")
    text = asks if tried else "wrong"

    async def knock():
        with pytest.raises(Problem) as caught:
            await door.admit(stranger(), text, "write")
        return caught.value

    # Side by side: each is slowed down.
    refused = await asyncio.gather(*(knock() for _ in range(FAILURES.amount + 1)))
    away = [one for one in refused if one.status_code == 429]
    assert [one.code for one in away] == ["rate_limited"]
    assert 0 < int(away[0].headers["Retry-After"]) <= 60
    assert why in away[0].detail
    assert (await knock()).status_code == 429
    assert (await door.admit(stranger(), writes, "write")).scopes == ("write",)


async def test_a_key_has_so_many_requests_open_and_others_their_own_until_one_ends(tmp_path):
    counted = []
    door, [(key, _), (other, _)] = made(tmp_path, counted, "ask", "ask")
    with ExitStack() as stack:
        for _ in range(FOR_ONE_KEY - 1):
            stack.enter_context(door.place(key))
        with door.place(key):
            with pytest.raises(Problem) as caught, door.place(key):
                pass
            with door.place(other):
                pass
        with door.place(key):
            pass
    assert (caught.value.status_code, caught.value.code) == (429, "too_many_open")
    assert int(caught.value.headers["Retry-After"]) > 0
    assert [one.labels for one in counted] == [{"reason": "too_many_open"}]
