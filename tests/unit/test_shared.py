"""One attempt is for all who want it meanwhile, has an end, and is remembered for as long as it was said."""

import asyncio

import pytest

from streams.errors import Retryable
from streams.shared import Shared


def late():
    return Retryable("it took too long", code="late")


class Attempts:
    """Counts them; each waits to be let go."""

    def __init__(self):
        self.made, self.begun, self.go = 0, asyncio.Event(), asyncio.Event()

    async def __call__(self):
        self.made += 1
        self.begun.set()
        await self.go.wait()
        return self.made


async def test_all_who_ask_meanwhile_get_what_one_attempt_gives_and_one_who_leaves_ends_it_for_nobody():
    attempts = Attempts()
    shared = Shared(attempts, limit_s=60, late=late)
    asked = [asyncio.create_task(shared()) for _ in range(5)]
    await attempts.begun.wait()
    asked[0].cancel()
    attempts.go.set()
    assert await asyncio.gather(*asked[1:]) == [1] * 4
    assert await shared() == 2


async def test_an_attempt_that_hangs_ends_at_its_limit_for_all_at_once_and_the_next_one_begins_anew():
    attempts = Attempts()
    shared = Shared(attempts, limit_s=0.01, late=late)
    failures = await asyncio.gather(*(shared() for _ in range(5)), return_exceptions=True)
    assert {error.code for error in failures} == {"late"}
    assert attempts.made == 1
    attempts.go.set()
    assert await shared() == 2


async def test_what_it_gave_is_remembered_and_what_it_raised_is_not():
    attempts = Attempts()
    shared = Shared(attempts, limit_s=0.01, late=late, max_age_s=3600)
    with pytest.raises(Retryable):
        await shared()
    attempts.go.set()
    assert [await shared(), await shared()] == [2, 2]
    shared.forget()
    assert await shared() == 3


async def test_a_cancelling_that_nobody_asked_for_is_a_failure_and_ends_nobody_who_waits():
    async def stray():
        raise asyncio.CancelledError

    with pytest.raises(Retryable):
        await Shared(stray, limit_s=60, late=late)()


async def test_who_waits_when_it_is_closed_is_told():
    attempts = Attempts()
    shared = Shared(attempts, limit_s=60, late=late)
    asked = asyncio.create_task(shared())
    await attempts.begun.wait()
    await shared.close()
    with pytest.raises(Retryable):
        await asked
