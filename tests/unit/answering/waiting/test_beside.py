import asyncio

import pytest

from streams.answering.waiting.beside import beside
from tests.unit.answering.virtual import monotonic, run


def test_what_is_done_beside_a_body_that_fails_is_over_with_it():
    async def both(began, ended):
        async def work():
            began.append(True)
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(monotonic())

        async with beside(work()):
            await asyncio.sleep(1)
            raise ValueError("a slip")

    began, ended = [], []
    with pytest.raises(ValueError, match="slip"):
        run(both(began, ended))
    assert (began, ended) == ([True], [1])


def test_what_fails_beside_is_raised_to_whoever_asks_and_to_nobody_else():
    async def fails():
        raise ValueError("a slip")

    async def asked():
        async with beside(fails()) as work:
            await work

    async def unasked():
        async with beside(fails()):
            await asyncio.sleep(1)
        return "well"

    with pytest.raises(ValueError, match="slip"):
        run(asked())
    assert run(unasked()) == "well"
