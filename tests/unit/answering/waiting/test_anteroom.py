"""Who waits for the index keeps nobody else from being taken in."""

import asyncio

import pytest

from streams.answering.waiting.admission import AWAITING_A_SLOT
from streams.answering.waiting.anteroom import Anteroom, TooMany
from tests.unit.answering.test_overload import SLOTS, Busy
from tests.unit.answering.virtual import run


def test_one_tenant_can_not_take_all_of_it():
    room = Anteroom(4)
    with room.enter("loud"), room.enter("loud"):
        with pytest.raises(TooMany), room.enter("loud"):
            pass
        with room.enter("quiet"), room.enter("third"), pytest.raises(TooMany), room.enter("fourth"):
            pass
    with room.enter("loud"), room.enter("loud"):
        pass


def test_a_full_room_keeps_out_none_that_need_not_wait_or_allow_an_older_state():
    def after(offset):
        return [{"topic": "documents.changes", "partition": 0, "offset": offset}]

    async def crowd():
        busy = Busy()
        async with asyncio.TaskGroup() as group:
            for _ in range(SLOTS * AWAITING_A_SLOT // 2):
                group.create_task(busy.ask("loud", after=after(10**9), deadline_ms=60_000))
            await asyncio.sleep(1)
            await busy.ask("loud", after=after(10**9), deadline_ms=30_000, allow_stale=True)
            await busy.ask("loud", after=after(41), deadline_ms=30_000)
            await busy.ask("loud", after=after(10**9), deadline_ms=30_000)
            assert asyncio.get_running_loop().time() < 10
        return [end for _, _, end in busy.ended[:3]]

    older, reached, refused = run(crowd())
    assert (older["type"], older["stale"], older["watermark"]) == ("answer.completed", True, after(41))
    assert (reached["type"], reached["stale"]) == ("answer.completed", False)
    assert refused["code"] == "unavailable"


def test_questions_that_wait_for_what_never_comes_leave_room_for_the_others():
    never = [{"topic": "documents.changes", "partition": 0, "offset": 10**9}]

    async def crowd():
        busy = Busy()
        async with asyncio.TaskGroup() as group:
            for _ in range(10 * SLOTS * AWAITING_A_SLOT):
                group.create_task(busy.ask("loud", after=never, deadline_ms=600_000))
            await asyncio.sleep(1)
            group.create_task(busy.ask("quiet", deadline_ms=30_000))
        return busy

    busy = run(crowd())
    at_once = [end for at, tenant, end in busy.ended if tenant == "loud" and at < 1]
    assert len(at_once) == 10 * SLOTS * AWAITING_A_SLOT - SLOTS * AWAITING_A_SLOT // 2
    assert {(end["code"], end["retryable"]) for end in at_once} == {("unavailable", True)}
    [(_, _, quiet)] = [one for one in busy.ended if one[1] == "quiet"]
    assert quiet["type"] == "answer.completed"
