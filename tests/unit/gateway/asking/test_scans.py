"""No key takes all turns at looking through topics, and who waits too long is told so."""

from contextlib import AsyncExitStack

import pytest

from streams.errors import Retryable
from streams.gateway.asking.scans import FOR_ALL, FOR_ONE, Scans
from streams.gateway.http.problems import problem_of


async def test_a_key_has_so_many_turns_at_a_time_and_others_have_theirs():
    scans = Scans(wait_s=0.05)
    async with AsyncExitStack() as held:
        for _ in range(FOR_ONE):
            await held.enter_async_context(scans.turn("one"))
        with pytest.raises(Retryable) as caught:
            async with scans.turn("one"):
                pass
        problem = problem_of(caught.value)
        assert (problem.status_code, problem.code) == (503, "busy")
        assert "Retry-After" in problem.headers
        async with scans.turn("other"):
            pass
    async with scans.turn("one"):
        pass


async def test_all_together_have_so_many():
    scans = Scans(wait_s=0.05)
    async with AsyncExitStack() as held:
        for number in range(FOR_ALL):
            await held.enter_async_context(scans.turn(str(number)))
        with pytest.raises(Retryable):
            async with scans.turn("another"):
                pass
