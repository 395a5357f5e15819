"""A row that moves to another key: the old one is gone, whether or not the new one can be a document."""

import json
from dataclasses import replace

import pytest

from streams.answering.retrieval.standing import Standing
from streams.errors import Rejected
from streams.messages.records import Record
from streams.sources import Source, decode
from tests.unit.indexing.memory_store import MemoryStore
from tests.unit.indexing.shelf import Shelf

UNKNOWN = "unavailable_value"
MAPPED = {"id": "{id}", "text": "{body}", "tenant": "t"}


def maxwell(now, was=None):
    value = {"database": "shop", "table": "a", "type": "update" if was else "insert", "data": now}
    return value | {"old": was, "primary_key_columns": ["id"]}


def canal(now, was=None):
    value = {"database": "shop", "table": "a", "type": "UPDATE" if was else "INSERT", "data": [now]}
    return value | {"old": [was] if was else None, "pkNames": ["id"]}


def debezium(now, was=None):
    return {"op": "u" if was else "c", "before": was and now | was, "after": now, "source": {}}


FORMATS = [
    (Source("s", format="maxwell", **MAPPED), maxwell),
    (Source("s", format="canal", **MAPPED), canal),
    (Source("s", format="canal", key=("id",), **MAPPED), canal),
    (Source("s", format="maxwell", key=("id",), **MAPPED), maxwell),
    (Source("s", format="debezium", key=("id",), **MAPPED), debezium),
]


class Worker:
    def __init__(self, source):
        self.source, self.shelf, self.read = source, Shelf(MemoryStore()), 0

    async def apply(self, value):
        """Applies a record's changes; the codes of those that are refused."""
        self.read += 1
        record = Record("s", 0, self.read, 1000 + self.read, None, json.dumps(value).encode())
        refused = []
        for change in decode(self.source, record, max_bytes=1 << 20):
            try:
                await self.shelf.apply(change)
            except Rejected as error:
                refused.append(error.code)
        return refused

    async def texts(self):
        return sorted(" ".join(row[1:]) for row in (await self.shelf.shown()).values())

    async def readers(self):
        keys = [key async for key in self.shelf.store.document_keys()]
        heads = await Standing().heads(self.shelf.store, keys)
        return [head.readers for head in heads.values() if not head.deleted]


@pytest.mark.parametrize(("source", "event"), FORMATS)
async def test_the_old_key_is_gone_though_the_new_row_cannot_be_mapped(source, event):
    worker = Worker(source)
    await worker.apply(event({"id": 1, "body": "first"}))
    assert await worker.apply(event({"id": 2, "body": None}, {"id": 1, "body": "first"})) == ["unmapped"]
    assert await worker.texts() == []
    assert await worker.apply(event({"id": 2, "body": "good"}, {"body": None})) == []
    assert await worker.texts() == ["good"]


@pytest.mark.parametrize(("source", "event"), [one for one in FORMATS if one[0].key])
async def test_the_old_key_is_gone_though_the_new_row_has_none(source, event):
    worker = Worker(source)
    await worker.apply(event({"id": 1, "body": "first"}))
    assert await worker.apply(event({"id": None, "body": "nobody's"}, {"id": 1})) == ["key_missing"]
    assert await worker.texts() == []
    await worker.apply(event({"id": 2, "body": "good"}, {"id": None}))
    assert await worker.texts() == ["good"]


@pytest.mark.parametrize(("source", "event"), FORMATS)
async def test_a_row_that_stays_is_refused_whole(source, event):
    worker = Worker(source)
    await worker.apply(event({"id": 1, "body": "first"}))
    with pytest.raises(Rejected) as caught:
        await worker.apply(event({"id": 1, "body": None}, {"body": "first"}))
    assert caught.value.code == "unmapped"
    assert await worker.texts() == ["first"]


RESTRICTED = {"readers": "{team?}", "readers_when_empty": "everyone"}


@pytest.mark.parametrize(("source", "event"), [one for one in FORMATS if one[0].format != "debezium"])
async def test_an_update_that_leaves_out_who_may_read_opens_no_row_to_everyone(source, event):
    """As with a binlog_row_image other than FULL, which a session may set."""
    worker = Worker(replace(source, **RESTRICTED))
    assert await worker.apply(event({"id": 1, "body": "never seen before"}, {"body": "x"})) == [UNKNOWN]
    await worker.apply(event({"id": 1, "body": "ours", "team": "hr"}))
    assert await worker.apply(event({"id": 1, "body": "ours still"}, {"body": "ours"})) == []
    assert await worker.readers() == [("hr",)]
    await worker.apply(event({"id": 2, "body": "another's, and open"}))
    assert await worker.apply(event({"id": 2, "body": "ours still"}, {"id": 1})) == [UNKNOWN]
    assert "ours" not in " ".join(await worker.texts())
    assert await worker.apply(event({"id": 3, "body": "ours", "team": "hr"}, {"id": 2})) == []
    assert await worker.readers() == [("hr",)]
