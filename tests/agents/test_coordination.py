"""What a group's coordinator says while brokers come and go, heard by aiokafka's own coordinator."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka.cluster import ClusterMetadata
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import GroupAuthorizationFailedError, StaleMetadata
from aiokafka.structs import TopicPartition

from streams.agents.coordination import Coordination, look_closer
from tests.unit.answering.virtual import run

LOADING, NOT_AVAILABLE, MOVED, UNKNOWN, DENIED = 14, 15, 16, -1, 30
TP = TopicPartition("documents.changes", 0)
COMMITTED = 7
GOOD = {
    "JoinGroupRequest": {
        "generation_id": 1, "group_protocol": "roundrobin", "leader_id": "other", "member_id": "me",
        "members": [],
    },
    "SyncGroupRequest": {
        "member_assignment": ConsumerProtocolMemberAssignment(0, [(TP.topic, [0])], b"").encode()
    },
    "OffsetFetchRequest": {"topics": [(TP.topic, [(0, COMMITTED, "", 0)])]},
}  # fmt: skip


class Client:
    """Its cluster's answers are good, but for the errors that are listed for a kind of request."""

    def __init__(self, **errors):
        self.errors, self.asked, self.unheard_of = errors, [], 0
        self.cluster = ClusterMetadata()

    async def send(self, node_id, request, *, group=None):
        kind = type(request).__name__
        self.asked.append(kind)
        error = self.errors[kind].pop(0) if self.errors.get(kind) else 0
        return SimpleNamespace(**{"topics": []} | ({} if error else GOOD.get(kind, {})), error_code=error)

    async def ready(self, node_id, *, group=None):
        if self.unheard_of:
            raise StaleMetadata(node_id)
        return True

    async def coordinator_lookup(self, _kind, _group):
        return 1

    async def force_metadata_update(self):
        self.unheard_of = max(0, self.unheard_of - 1)
        await asyncio.sleep(0.01)
        return True

    def set_topics(self, _topics):
        return asyncio.sleep(0)


def taking_part(client, seconds, *, ask=None):
    """What a member of the group is told to give up for, within so many seconds; `ask` is what it does."""

    async def take_part():
        told, subscription = [], SubscriptionState()
        look_closer(client)
        coordinator = GroupCoordinator(
            client, subscription, enable_auto_commit=False, heartbeat_interval_ms=1000,
            session_timeout_ms=10_000, assignors=(RoundRobinPartitionAssignor,),
        )  # fmt: skip
        Coordination(coordinator, told.append)
        subscription.subscribe({TP.topic})
        try:
            async with asyncio.timeout(seconds):
                await subscription.wait_for_assignment()
                if ask is not None:
                    return await ask(subscription)
                await asyncio.Event().wait()
        except TimeoutError:
            return told
        finally:
            await coordinator.close()

    return run(take_part())


async def committed(subscription):
    """What is committed of our partition, as the consumer asks for it: in each of its assignments."""
    while True:
        assignment = subscription.subscription.assignment
        if assignment is None:
            await subscription.wait_for_assignment()
            continue
        asking = asyncio.ensure_future(assignment.state_value(TP).fetch_committed())
        await asyncio.wait({asking, assignment.unassign_future}, return_when=asyncio.FIRST_COMPLETED)
        if asking.done():
            return asking.result()


@pytest.mark.parametrize("error", [LOADING, NOT_AVAILABLE, MOVED])
def test_a_group_that_is_still_being_read_by_its_new_broker_has_not_committed_nothing(error):
    client = Client(OffsetFetchRequest=[error, error])
    assert taking_part(client, 60, ask=committed).offset == COMMITTED


def test_an_answer_about_offsets_that_nobody_expects_is_no_beginning_either():
    client = Client(OffsetFetchRequest=[UNKNOWN])
    assert taking_part(client, 60, ask=committed).offset == COMMITTED


def test_a_heartbeat_with_an_answer_that_nobody_expects_costs_a_new_join_and_no_more():
    client = Client(HeartbeatRequest=[0, 0, UNKNOWN])
    assert taking_part(client, 30) == []
    assert client.asked.count("JoinGroupRequest") == 2
    assert client.asked.count("HeartbeatRequest") > 20


def test_a_join_that_fails_in_a_way_that_nobody_expects_is_tried_again():
    client = Client(JoinGroupRequest=[UNKNOWN, UNKNOWN])
    assert taking_part(client, 30) == []
    assert client.asked.count("HeartbeatRequest") > 20


def test_a_coordinator_that_has_only_just_come_back_is_waited_for():
    client = Client()
    client.unheard_of = 3
    assert taking_part(client, 30) == []
    assert client.asked.count("JoinGroupRequest") == 1
    assert client.asked.count("HeartbeatRequest") > 20


def test_a_group_that_we_may_not_be_in_is_a_persons_business():
    told = taking_part(Client(JoinGroupRequest=[DENIED]), 30)
    assert [type(error) for error in told] == [GroupAuthorizationFailedError]
