"""A document is found by its id whatever its source; of several none is chosen; nobody else's is found."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx
import pytest

from streams.errors import Rejected
from streams.gateway.access import keys
from streams.gateway.access.keys import KeyFile
from streams.gateway.app import application
from streams.gateway.parts import parts
from streams.gateway.reading.index import LiveIndex
from streams.messages.changes import document_key
from streams.messages.receipts import IndexReceipt
from streams.messages.records import Offset
from streams.ports import Generation, Generations, unobserved
from streams.settings import Settings
from streams.stores.sqlite import open_sqlite_index
from tests.contract.held import DIMENSION, at, head, listing, passage

SOURCES = """
[[sources]]
topic = "documents.changes"
format = "native"

[[sources]]
topic = "cms"
format = "json"
key = ["id"]
id = "page/{slug}"
text = "{body}"
"""
WHO = {
    "acme": ("acme", ["group:a"]),
    "staff": ("acme", ["group:staff"]),
    "bolt": ("bolt", ["group:a", "group:staff"]),
}


def row(number, slug, **given):
    """A head of a row of a table: its key is the row's, its id what a template made of another column."""
    record_key = f'{{"id":{number}}}'
    fields = {
        "document_key": document_key("cms", record_key), "source": "cms", "topic": "cms",
        "record_key": record_key, "document_id": f"page/{slug}",
    }  # fmt: skip
    return head(f"row{number}", **(fields | given))


def native(id_, **given):
    return head(id_, document_key=document_key("documents.changes", f"acme/{id_}"), **given)


@pytest.fixture
async def house(tmp_path):
    """A gateway over an index in SQLite, with no Kafka; `get` asks as somebody, `write` writes heads."""
    made = {
        name: keys.made(tenant=tenant, principals=who, scopes=["read"], now=datetime.now(UTC))
        for name, (tenant, who) in WHO.items()
    }
    keys.write(tmp_path / "keys.json", KeyFile(keys=tuple(key for key, _ in made.values())))
    (tmp_path / "sources.toml").write_text(SOURCES)
    settings = Settings(
        api_keys_file=tmp_path / "keys.json", store="sqlite", sqlite_path=tmp_path / "index.db",
        sources=tmp_path / "sources.toml", kafka_bootstrap_servers="127.0.0.1:1",
    )  # fmt: skip
    generation = Generation("m", DIMENSION, "c")
    index = await open_sqlite_index(settings.sqlite_path)
    await index.replace_generations(None, Generations(generation))
    store = await index.open(generation)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(index.close)
        stack.push_async_callback(store.close)
        app = application(await stack.enter_async_context(parts(settings, unobserved)))
        transport = httpx.ASGITransport(app)
        client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://g"))

        async def get(path, who="acme", **query):
            headers = {"Authorization": f"Bearer {made[who][1]}", "X-API-Version": "1"}
            answer = await client.get(f"/v1/documents/{path}", headers=headers, params=query)
            return answer.status_code, answer.json()

        async def write(*heads):
            await store.write_heads(heads)

        yield SimpleNamespace(get=get, write=write, store=store, lookup=app.state.parts.lookup)


async def test_a_row_is_found_by_the_id_that_its_template_made(house):
    one = passage("The museum opens at ten.", document="row7")
    await house.store.write_passages([one])
    await house.write(
        row(7, "museum", position=at(1)),
        row(7, "museum", position=at(2), title="Museum", offset=5, passages=listing(one)),
    )
    status, held = await house.get("page/museum", passages="true")
    assert (status, held["title"], held["tenant"], held["writable"]) == (200, "Museum", "acme", False)
    assert held["source"] == {"topic": "cms", "partition": 0, "offset": 5}
    assert [passage["text"] for passage in held["passages"]] == ["The museum opens at ten."]


async def test_what_is_another_tenants_restricted_deleted_or_not_there_is_all_the_same(house):
    await house.write(
        row(1, "theirs", tenant="bolt"), row(2, "staff", readers=("group:staff",)),
        row(3, "gone", position=at(1)), row(3, "gone", position=at(2), deleted=True),
        row(4, "old-name", position=at(1)), row(4, "new-name", position=at(2)),
        row(5, "moved", position=at(1)), row(5, "moved", position=at(2), tenant="bolt"),
    )  # fmt: skip
    absent = await house.get("page/never")
    assert absent[0] == 404
    for slug in ("theirs", "staff", "gone", "old-name", "moved"):
        assert await house.get(f"page/{slug}") == absent, slug
        assert await house.get(f"page/{slug}", source="cms") == absent, slug
    assert (await house.get("page/new-name"))[0] == 200
    assert (await house.get("page/staff", "staff"))[0] == 200
    for slug in ("theirs", "moved"):
        assert (await house.get(f"page/{slug}", "bolt"))[0] == 200


async def test_of_several_documents_of_an_id_none_is_chosen(house):
    await house.write(row(1, "x", offset=8), native("page/x", title="Native"))
    status, problem = await house.get("page/x")
    assert (status, problem["code"]) == (409, "ambiguous")
    assert problem["sources"] == ["cms", "documents.changes"]
    assert (await house.get("page/x", source="documents.changes"))[1]["title"] == "Native"
    assert (await house.get("page/x", source="cms"))[1]["source"]["offset"] == 8
    assert (await house.get("page/x", source="elsewhere"))[0] == 404


async def test_a_document_that_a_key_may_not_read_makes_no_other_ambiguous(house):
    await house.write(row(1, "x", readers=("group:staff",)), native("page/x", readers=("group:a",)))
    status, held = await house.get("page/x")
    assert (status, held["source"]["topic"]) == (200, "documents.changes")
    status, held = await house.get("page/x", "staff")
    assert (status, held["source"]["topic"]) == (200, "cms")
    assert (await house.get("page/x", source="cms"))[0] == 404


async def test_rows_of_one_source_that_have_the_same_id_are_said_to(house):
    await house.write(row(1, "x", offset=3), row(2, "x", offset=4))
    status, problem = await house.get("page/x", source="cms")
    assert (status, problem["code"]) == (409, "ambiguous")
    assert problem["records"] == ["cms-0-3", "cms-0-4"]
    assert "sources file" in problem["detail"]


async def test_an_index_that_can_not_look_up_ids_says_so_and_still_finds_what_is_native(house, monkeypatch):
    async def too_old(_index, _tenant, _ids):
        raise Rejected("made before", code="index_too_old")

    monkeypatch.setattr(LiveIndex, "named", too_old)
    await house.write(row(1, "x"), native("kb/42"))
    status, held = await house.get("kb/42")
    assert (status, held["writable"]) == (200, True)
    status, problem = await house.get("page/x")
    assert (status, problem["code"]) == (409, "index_too_old")
    assert "reindex" in problem["detail"]
    unknown = await house.get("page/never")
    assert unknown == (status, problem)


def receipt(id_, second):
    return IndexReceipt(
        document_id=id_, tenant="acme", outcome="indexed", reason=None, embed_model=None, changed_at=None,
        source=Offset(topic="cms", partition=0, offset=1), position=None,
        indexed_at=datetime(2026, 11, 26, 12, 0, second, tzinfo=UTC),
    )  # fmt: skip


async def test_who_may_see_receipts_is_looked_up_once_for_all_who_got_the_same(house, monkeypatch):
    looked, named = [], LiveIndex.named

    async def counted(index, tenant, ids):
        looked.append(ids)
        return await named(index, tenant, ids)

    monkeypatch.setattr(LiveIndex, "named", counted)
    await house.write(native("x"))
    first, later = [receipt("x", 1)], [receipt("x", 1), receipt("x", 2)]
    found = await asyncio.gather(*(house.lookup.standing_of("acme", first) for _ in range(1000)))
    assert len(looked) == 1
    assert all(len(one["x"]) == 1 for one in found)
    await asyncio.gather(*(house.lookup.standing_of("acme", got) for got in (first, later) * 10))
    assert len(looked) == 3


async def test_who_goes_away_takes_a_lookup_from_nobody(house, monkeypatch):
    begun, go_on, named = asyncio.Event(), asyncio.Event(), LiveIndex.named

    async def slow(index, tenant, ids):
        begun.set()
        await go_on.wait()
        return await named(index, tenant, ids)

    monkeypatch.setattr(LiveIndex, "named", slow)
    await house.write(native("x"))
    first, second = (
        asyncio.create_task(house.lookup.standing_of("acme", [receipt("x", 1)])) for _ in range(2)
    )
    await begun.wait()
    first.cancel()
    await asyncio.wait({first})
    go_on.set()
    assert "x" in await second
