"""Whoever waits for an answer waits no longer than its key counts."""

import asyncio
from datetime import UTC, datetime

import pytest

from streams.gateway.access import keys
from streams.gateway.access.keyring import Keyring
from streams.gateway.access.keys import KeyFile
from streams.gateway.access.waiting import while_it_stands
from streams.gateway.endpoints.questions import whole
from streams.gateway.http.problems import Problem

NOW = datetime(2026, 11, 26, tzinfo=UTC)


@pytest.mark.parametrize("change", [{"revoked_at": NOW}, {"principals": ()}, None])
async def test_a_request_that_waits_ends_with_its_key(tmp_path, change):
    path = tmp_path / "keys.json"
    key, _ = keys.made(tenant="mine", principals=["group:a"], scopes=["ask"], now=NOW)
    keys.write(path, KeyFile(keys=(key,)))
    ring, waits, closed = Keyring(path, lambda _event: None), asyncio.Event(), []

    async def answer():
        try:
            waits.set()
            await asyncio.Event().wait()
            yield
        finally:
            closed.append(True)

    asked = asyncio.create_task(while_it_stands(whole(answer()), lambda: ring.stands(key), look_s=0.01))
    await waits.wait()
    keys.write(path, KeyFile(keys=() if change is None else (key.model_copy(update=change),)))
    ring.look()
    async with asyncio.timeout(20):
        with pytest.raises(Problem) as ended:
            await asked
    assert (ended.value.status_code, ended.value.code) == (401, "key_revoked")
    assert closed


async def test_an_answer_that_comes_in_time_is_given_and_one_for_a_key_that_is_gone_is_not():
    async def answer():
        return "here"

    assert await while_it_stands(answer(), lambda: True) == "here"
    with pytest.raises(Problem):
        await while_it_stands(answer(), lambda: False)


async def test_who_leaves_is_waited_for_no_more():
    waits, closed = asyncio.Event(), asyncio.Event()

    async def answer():
        try:
            waits.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    asked = asyncio.create_task(while_it_stands(answer(), lambda: True))
    await waits.wait()
    asked.cancel()
    async with asyncio.timeout(20):
        await closed.wait()
