"""Room for what waits is shared by tenants: whoever has least there finds some."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.answering.waiting.room import NoRoom, Room
from streams.messages.questions import Asked, Question
from streams.messages.records import Offset
from tests.unit.answering.virtual import run


def asked(tenant, number, characters=1):
    at = Offset(topic="questions", partition=0, offset=number)
    return Asked(Question(text="x" * characters), str(at), tenant, at, 0)


class Waiting:
    """Who waits in a room, and who had to go."""

    def __init__(self, most, most_bytes):
        self.room, self.tasks, self.there, self.gone = Room(most, most_bytes), {}, [], []

    async def comes(self, tenant, number, characters=1):
        """Whether there is room for it."""
        entered = asyncio.get_running_loop().create_future()
        self.tasks[number] = asyncio.create_task(self._wait(asked(tenant, number, characters), entered))
        return await entered

    async def _wait(self, question, entered):
        try:
            async with self.room.enter(question):
                entered.set_result(True)
                self.there.append(question)
                try:
                    await asyncio.Event().wait()
                finally:
                    self.there.remove(question)
        except NoRoom:
            if not entered.done():
                entered.set_result(False)
            self.gone.append((question.tenant, question.at.offset))

    def sizes(self, tenant):
        """Of its questions that are there."""
        return [one.size for one in self.there if one.tenant == tenant]

    async def settle(self):
        for _ in range(5):
            await asyncio.sleep(0)


def test_where_there_is_no_place_the_last_of_the_tenant_that_has_most_goes():
    async def crowded():
        waiting = Waiting(3, 10**9)
        assert [await waiting.comes("loud", number) for number in range(5)] == [True] * 3 + [False] * 2
        assert await waiting.comes("quiet", 9)
        await waiting.settle()
        return waiting.gone

    assert run(crowded()) == [("loud", 3), ("loud", 4), ("loud", 2)]


def test_where_the_bytes_are_taken_it_is_the_tenant_that_has_most_of_them():
    async def crowded():
        size = asked("long", 0, 5000).size
        waiting = Waiting(100, 2 * size)
        assert [await waiting.comes("long", number, 5000) for number in range(3)] == [True, True, False]
        assert [await waiting.comes("short", number) for number in range(10, 13)] == [True] * 3
        await waiting.settle()
        assert waiting.gone == [("long", 2), ("long", 1)]
        assert await waiting.comes("other", 20, 100)
        await waiting.settle()
        assert len(waiting.gone) == 2

    run(crowded())


def test_who_leaves_makes_room_and_an_error_of_its_own_is_its_own():
    async def one():
        room = Room(1, 10**9)
        with pytest.raises(TimeoutError):
            async with room.enter(asked("a", 1)):
                raise TimeoutError
        async with room.enter(asked("a", 2)):
            with pytest.raises(NoRoom):
                async with room.enter(asked("a", 3)):
                    pass

    run(one())


def test_who_is_in_the_way_goes_if_it_waits_and_no_tenant_has_more_that_wait():
    async def crowded():
        waiting = Waiting(10, 10**9)
        for number, tenant in enumerate(("loud", "loud", "quiet")):
            await waiting.comes(tenant, number)
        for number in (2, 7, 0):
            waiting.room.give_way(Offset(topic="questions", partition=0, offset=number))
        await waiting.settle()
        return waiting.gone

    assert run(crowded()) == [("loud", 0)]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 8000)), max_size=40))
def test_who_has_less_than_its_share_is_let_in_and_there_are_never_more_than_fit(coming):
    most, most_bytes, tenants = 6, 24_000, 3

    async def crowded():
        waiting = Waiting(most, most_bytes)
        for number, (tenant, characters) in enumerate(coming):
            before = waiting.sizes(tenant)
            size = asked(tenant, number, characters).size
            let_in = await waiting.comes(tenant, number, characters)
            await waiting.settle()
            assert let_in or len(before) + 1 > most / tenants or sum(before) + size > most_bytes / tenants
            there = [size for name in "abc" for size in waiting.sizes(name)]
            assert (len(there) <= most, sum(there) <= most_bytes) == (True, True)
        for task in waiting.tasks.values():
            task.cancel()

    run(crowded())
