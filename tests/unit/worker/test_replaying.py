"""An index built anew from the topics: what they hold, each as it stands there, and those not there yet."""

from __future__ import annotations

import json

import pytest

from streams import settings as configuration
from streams.errors import Misconfigured, Retryable
from streams.messages.held import current
from streams.worker.replaying import replay_of
from tests.unit.reconcile.world import MemoryLog

SOURCES = """
[[sources]]
topic = "docs"
[[sources]]
topic = "later"
"""


@pytest.fixture
def settings(tmp_path, monkeypatch):
    (tmp_path / "sources.toml").write_text(SOURCES)
    monkeypatch.setenv("STREAMS_SOURCES", str(tmp_path / "sources.toml"))
    return configuration.load(env_file=None)


def put(log, name, text):
    said = {"id": name, "text": text} if text else {"id": name, "op": "delete"}
    log.append("docs", f"default/{name}".encode(), json.dumps(said).encode())


async def test_a_topic_that_is_not_there_yet_is_passed_by_and_named(world, settings):
    log = MemoryLog("docs")
    put(log, "one", "the first text")
    put(log, "one", "the second text")
    put(log, "gone", "a text")
    put(log, "gone", None)
    log.append("docs", b"bad", b"{")
    replay = await replay_of(settings, world.told, log=log)
    work = world.command()
    record = await work.begin(await work.wanted("stub-96", 200))
    await work.fill(replay)
    told = [step for step in world.told.steps if step[0] in {"read", "awaited"}]
    assert told == [
        ("read", {"topic": "docs", "records": 5, "refused": {"key_mismatch": 1}}),
        ("awaited", {"topic": "later"}),
    ]
    store = await world.index.open(record.building)
    heads = await store.heads([key async for key in store.document_keys("docs")])
    held = {head.document_id: head.deleted for some in heads.values() if (head := current(some))}
    await store.close()
    assert held["one"] is False
    assert held["gone"] is True
    assert "d0" in held, "what the topics do not hold comes from the live generation"


class Away(MemoryLog):
    async def spans(self, topic):
        raise Retryable("Kafka is away", code="kafka")


async def test_a_kafka_that_is_away_is_noticed_before_anything_is_begun(world, settings):
    with pytest.raises(Retryable):
        await replay_of(settings, world.told, log=Away("docs"))


async def test_a_sources_file_that_cannot_be_read_is_noticed_before_anything_is_begun(
    world, settings, tmp_path
):
    (tmp_path / "sources.toml").write_text("[[sources]]\n")
    with pytest.raises(Misconfigured):
        await replay_of(settings, world.told, log=MemoryLog("docs"))
