"""Heartbeats as a probe of the network: a dead connection is given up, a slow Kafka is not cut off again."""

import asyncio

from aiokafka.errors import RequestTimedOutError
from aiokafka.protocol.group import HeartbeatRequest

from streams.agents.pulse import Pulse
from tests.unit.answering.virtual import monotonic, run

SESSION_S = 10.0
BEAT = HeartbeatRequest("group", 1, "member")


class Answer:
    error_code = 0


class Client:
    """A client whose requests take so many seconds each; of one connection, which None leaves half open."""

    def __init__(self, *takes_s):
        self.takes_s, self.cut_at = list(takes_s), []
        self._conns = {1: self}

    async def send(self, _node, _request, *, group=None):
        takes_s = self.takes_s.pop(0)
        await (asyncio.sleep(takes_s) if takes_s is not None else asyncio.Event().wait())
        return Answer()

    def close(self, *, reason):
        self.cut_at.append(monotonic())


def beaten(*takes_s):
    """When connections were cut, when this was told, and what became of each heartbeat, one a second."""

    async def beat():
        client, lost, ends = Client(*takes_s), [], []
        Pulse(client, SESSION_S, lambda: lost.append(monotonic()))
        while client.takes_s:
            try:
                await client.send(1, BEAT)
                ends.append(True)
            except RequestTimedOutError:
                ends.append(False)
            await asyncio.sleep(1.0)
        return client.cut_at, lost, ends

    return run(beat())


def test_a_half_open_connection_is_cut_once_within_half_a_session_and_the_group_is_heard_again():
    cut_at, lost, ends = beaten(0.1, None, 0.1, 0.1)
    assert cut_at == lost
    assert [round(at, 1) for at in cut_at] == [6.1]
    assert ends == [True, False, True, True]


def test_a_slow_kafka_is_cut_off_once_and_keeps_its_place():
    cut_at, lost, ends = beaten(*[6.0] * 12)
    assert len(cut_at) == len(lost) == 1
    assert ends == [False] + [True] * 11


def test_a_network_that_stays_dead_is_tried_anew_a_session_later():
    cut_at, _, _ = beaten(None, None, None)
    assert [round(at, 1) for at in cut_at] == [5.0, 16.0, 27.0]


def test_after_a_heartbeat_that_was_answered_soon_a_dead_connection_is_noticed_soon_again():
    cut_at, _, _ = beaten(None, 6.0, 0.1, None)
    assert [round(at, 1) for at in cut_at] == [5.0, 19.1]


def test_other_requests_may_take_as_long_as_they_do():
    async def ask():
        client = Client(100.0)
        Pulse(client, SESSION_S, lambda: None)
        await client.send(1, object())
        return client.cut_at

    assert run(ask()) == []
