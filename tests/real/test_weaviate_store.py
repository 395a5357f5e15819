from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ops.servers.launch import Weaviate
from streams.answering.retrieval.retrieve import retrieve
from streams.errors import Misconfigured, Rejected, Retryable
from streams.ports import SearchQuery
from streams.stores.vectors import cosine
from streams.stores.weaviate import (
    WeaviateConfig,
    catalogue,
    counting,
    current,
    maintenance,
    open_weaviate,
    open_weaviate_index,
    passages,
    schema,
    search,
)
from streams.stores.weaviate import heads as reading
from streams.worker.clock import Clock
from tests.contract.held import DIMENSION, MINUTE, NOON, at, head, ids, key, passage
from tests.contract.stores import IndexContract, StoreContract, collect, opening, query
from tests.unit.indexing.shelf import Shelf, row, truncation


@pytest.fixture
async def config(weaviate):
    """Collections of the test's own, gone when it ends."""
    config = WeaviateConfig(
        weaviate.url, weaviate.grpc_port, dimension=DIMENSION, prefix=f"T{uuid.uuid4().hex[:12]}"
    )
    yield config
    store = await open_weaviate(config)
    for name in await store._session.client.collections.list_all():
        if name.startswith(config.prefix):
            await store._session.client.collections.delete(name)
    await store.close()


@pytest.fixture
async def open_store(config):
    async with opening(lambda **changes: open_weaviate(replace(config, **changes))) as open_one:
        yield open_one


@pytest.fixture
async def store(open_store):
    return await open_store()


class TestWeaviate(StoreContract):
    pass


async def test_several_that_open_at_once_make_the_collections_once(open_store):
    stores = await asyncio.gather(*(open_store() for _ in range(4)))
    await stores[0].write_heads([head()])
    for store in stores:
        assert (await store.heads([key("doc")]))[key("doc")] == [head()]


@pytest.fixture
async def open_index(config):
    async with opening(lambda: open_weaviate_index(config)) as open_one:
        yield open_one


class TestWeaviateIndex(IndexContract):
    pass


async def test_a_worker_whose_clock_is_not_weaviates_is_refused(open_index):
    index = await open_index()
    assert "as Weaviate's within" in await Clock(index.clock).check()
    for off in (timedelta(days=-46), timedelta(hours=2)):
        clock = Clock(index.clock, wall=lambda off=off: datetime.now(UTC) + off)
        with pytest.raises(Misconfigured, match="set whichever is wrong"):
            await clock.check()
        assert not await clock.agrees()


async def test_an_index_is_made_with_the_graph_that_is_asked_for(open_store):
    store = await open_store(ef_construction=40, max_connections=8)
    made = await store._session.all_passages.config.get()
    graph = made.vector_config["default"].vector_index_config
    assert (graph.ef_construction, graph.max_connections) == (40, 8)


async def test_an_object_that_can_never_be_stored_is_rejected_and_the_log_holds_none_of_it(store, caplog):
    broken = replace(passage("a secret text"), title=5)
    for batch in ([passage("fine"), broken, passage("fine too")], [broken]):
        with caplog.at_level(logging.DEBUG), pytest.raises(Rejected) as rejected:
            await passages.write(store._session, batch)
        assert "secret" not in str(rejected.value) + caplog.text
    await store.write_passages([passage("fine"), passage("fine too")])
    assert {hit.text for hit in await store.hybrid(query("fine"))} == {"fine", "fine too"}


async def test_what_is_too_large_for_one_message_is_sent_and_read_in_parts_or_rejected(tmp_path):
    with Weaviate(tmp_path, {"GRPC_MAX_MESSAGE_SIZE": "1000000"}) as server:
        store = await open_weaviate(WeaviateConfig(server.url, server.grpc_port, dimension=DIMENSION))
        large = [passage(f"{n} " + "x" * 400_000) for n in range(5)]
        await store.write_passages(large)
        assert ids(await store.passages("acme", [one.id for one in large])) == ids(large)
        with pytest.raises(Rejected) as rejected:
            await store.write_passages([passage("fine"), passage("x" * 1_000_000)])
        assert rejected.value.code == "too_large"
        heads = [head("doc", at(n), row={"body": "x" * 400_000}) for n in range(5)]
        heads += [head("other", row={"body": "x" * 800_000})]
        await store.write_heads(heads)
        read = await store.heads([key("doc"), key("other")])
        assert ids(read[key("doc")]) | ids(read[key("other")]) == ids(heads)
        assert ids((await store.current_heads([key("doc"), key("other")])).values()) == ids(heads[4:])
        await store.close()


async def test_vectors_of_another_dimension_than_the_index_holds_name_the_setting(store, open_store):
    await store.write_passages([passage()])
    other = await open_store(dimension=2)
    for attempt in (
        other.write_passages([passage("short", vector=[1.0, 0.0])]),
        other.hybrid(query("text", [1.0, 0.0])),
    ):
        with pytest.raises(Misconfigured, match=r"docs/how-to/reindex.md") as refused:
            await attempt
        assert refused.value.setting == "STREAMS_EMBED_DIMENSION"


async def test_a_tenant_that_somebody_deleted_is_made_again(store):
    await store.write_passages([passage()])
    await store._session.all_passages.tenants.remove(["acme"])
    assert list(await store.hybrid(query("text"))) == []
    await store.write_passages([passage("again")])
    assert [hit.text for hit in await store.hybrid(query("text"))] == ["again"]


async def test_pages_that_are_full_are_split_until_they_are_not(store, monkeypatch):
    monkeypatch.setattr(maintenance, "PAGE", 7)
    monkeypatch.setattr(reading, "PAGE", 10)
    many = [passage(f"passage {n}") for n in range(60)]
    await store.write_passages(many)
    assert ids(await store.passages_of([key("doc")], "acme")) == ids(many)
    refs = await collect(store.passages_written_before(NOON + MINUTE))
    assert ids(refs) == ids(many)
    heads = [head(f"doc{n}", at(time)) for n in range(25) for time in range(12 if n % 5 == 0 else 2)]
    await store.write_heads(heads)
    read = await store.heads([key(f"doc{n}") for n in range(25)])
    assert sorted(str(one.id) for some in read.values() for one in some) == sorted(
        str(one.id) for one in heads
    )
    assert set(await collect(store.unsettled(NOON + MINUTE))) == {one.document_key for one in heads}
    keys = sorted({one.document_key for one in heads})
    assert await collect(store.document_keys()) == keys
    assert await collect(store.document_keys("documents.changes", keys[7])) == keys[8:]


@pytest.fixture
def pages(monkeypatch):
    """The heads that each query gives, while heads are looked up."""
    asked, given = [], current.page

    async def noted(*args):
        asked.append(await given(*args))
        return asked[-1]

    monkeypatch.setattr(current, "page", noted)
    return asked


async def test_of_a_document_with_many_large_heads_one_body_is_read_at_each_look(store, pages):
    others = [head(f"other{n}", at(n % 2)) for n in range(10)]
    await store.write_heads(others)
    for n in range(120):
        await store.write_heads([head("doc", at(n), row={"body": "x" * 20_000})])
    keys = [key("doc"), *(one.document_key for one in others)]
    for _ in range(3):
        assert {one.position for one in (await store.current_heads(keys)).values()} == {at(119), at(0), at(1)}
    assert sum(len(page) for page in pages[:1]) < 80
    assert [len(page) for page in pages[1:]] == [11, 11, 11]
    await store.write_heads([head("doc", at(120))])
    assert (await store.current_heads(keys))[key("doc")].position == at(120)
    assert len(pages[-1]) == 12


async def test_a_document_with_one_head_or_two_is_read_at_once(store, pages):
    await store.write_heads([head(f"doc{n}", at(time)) for n in range(150) for time in range(1 + n % 2)])
    keys = [key(f"doc{n}") for n in range(150)]
    for _ in range(2):
        assert len(await store.current_heads(keys)) == 150
    assert [len(page) for page in pages] == [225, 225]


async def test_a_head_that_is_superseded_and_gone_before_it_is_read_is_looked_for_again(store, monkeypatch):
    await store.write_heads([head("doc", at(n)) for n in range(100)])
    by_id, came = current._by_id, []

    async def late(session, ids):
        if not came:
            came.append(await store.write_heads([head("doc", at(100))]))
            await store.delete_heads({key("doc"): [at(99)]})
        return await by_id(session, ids)

    monkeypatch.setattr(current, "_by_id", late)
    assert (await store.current_heads([key("doc")]))[key("doc")].position == at(100)
    assert came


def test_a_beginning_of_a_documents_key_is_written_as_the_key_is():
    whole = key("doc")
    for digits in range(1, 33):
        assert str(whole).startswith(catalogue.dashed(whole.hex[:digits]))
    assert catalogue.dashed(whole.hex) == str(whole)


async def test_what_is_replaced_while_it_is_searched_for_is_found_as_it_is_now(store, monkeypatch):
    before, now, other = (
        passage("quetzal", vector=[0.0] * DIMENSION),
        passage("quetzal now"),
        passage("other"),
    )
    await store.write_passages([before, other])
    near, replaced = search._near, []

    async def replaced_before_texts(session, asked, limit, among, properties):
        if properties and not replaced:
            replaced.append(now)
            await store.write_passages([now])
            await store.delete_passages("acme", [before.id])
        return await near(session, asked, limit, among, properties)

    monkeypatch.setattr(search, "_near", replaced_before_texts)
    assert ids(await store.hybrid(query("quetzal", alpha=0.5))) == {now.id, other.id}


async def test_frequent_words_of_a_large_tenant_are_counted_in_a_part_of_it(store, monkeypatch):
    monkeypatch.setattr(counting, "SAMPLE", 500)
    many = [
        passage(f"all{' third' if n % 3 == 0 else ''}{' rare' if n % 40 == 0 else ''} {n}")
        for n in range(3000)
    ]
    await store.write_passages(many)
    total, counts = await store.word_counts("acme", ["all", "third", "rare", "7", "none"])
    assert total == 3000
    assert counts["all"] == pytest.approx(3000, rel=0.25)
    assert counts["third"] == pytest.approx(1000, rel=0.4)
    assert (counts["rare"], counts["7"], counts["none"]) == (75, 1, 0)


async def test_settling_brings_nothing_back_that_was_deleted(store):
    await store.write_heads([head()])
    found = {"document_key": str(key("doc")), "position": str(at())}
    await store.delete_heads({key("doc"): [at()]})
    await maintenance._settle(store._session, found)
    assert not await store.heads([key("doc")])


async def is_unreachable(config, attempt):
    with pytest.raises(Retryable, match=f"{config.url}.*STREAMS_WEAVIATE_URL"):
        await attempt


async def test_nobody_at_the_url_is_retryable_and_names_the_setting():
    config = WeaviateConfig("http://127.0.0.1:9", 10, dimension=DIMENSION)
    await is_unreachable(config, open_weaviate(config))


async def test_a_url_that_is_none_names_the_setting():
    for url in ("weaviate:8080", "ftp://host:1", "http://host:port"):
        with pytest.raises(Misconfigured) as refused:
            await open_weaviate(WeaviateConfig(url, dimension=DIMENSION))
        assert refused.value.setting == "STREAMS_WEAVIATE_URL"


async def test_the_port_of_http_is_not_taken_for_that_of_grpc():
    with pytest.raises(Misconfigured) as refused:
        await open_weaviate(WeaviateConfig("http://127.0.0.1:8080/", 8080, dimension=DIMENSION))
    assert refused.value.setting == "STREAMS_WEAVIATE_GRPC_PORT"


async def test_a_server_that_dies_is_retryable_and_found_again_when_it_is_back(weaviate_server):
    config = WeaviateConfig(
        weaviate_server.url, weaviate_server.grpc_port, dimension=DIMENSION, query_timeout=3, write_timeout=3
    )
    store = await open_weaviate(config)
    await store.write_passages([passage()])
    await store.write_heads([head()])
    weaviate_server.kill()
    attempts = (
        store.write_passages([passage("lost")]),
        store.write_heads([head("lost")]),
        store.heads([key("doc")]),
        store.passages("acme", [passage().id]),
        store.hybrid(query("text")),
        store.word_counts("acme", ["text"]),
        store.passages_of([key("doc")], "acme"),
        store.delete_passages("acme", [passage().id]),
        store.delete_heads({key("doc"): [at()]}),
        store.ready(),
        store.canary(),
        store.version(),
        collect(store.unsettled(NOON)),
        collect(store.passages_written_before(NOON)),
    )
    await asyncio.gather(*(is_unreachable(config, attempt) for attempt in attempts))
    await asyncio.to_thread(weaviate_server.start)
    async with asyncio.timeout(15):
        while True:
            try:
                await store.canary()
                break
            except Retryable:
                continue
    assert (await store.heads([key("doc")]))[key("doc")] == [head()]
    assert ids(await store.hybrid(query("text"))) == {passage().id}
    await store.write_passages([passage("lost")])
    weaviate_server.freeze()
    await asyncio.gather(
        *(is_unreachable(config, attempt) for attempt in (store.hybrid(query()), store.ready()))
    )
    weaviate_server.thaw()
    await store.ready()
    await store.close()


@pytest.fixture
def guarded(tmp_path):
    """A Weaviate that wants a key."""
    env = {
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
        "AUTHENTICATION_APIKEY_ENABLED": "true",
        "AUTHENTICATION_APIKEY_ALLOWED_KEYS": "right-key",
        "AUTHENTICATION_APIKEY_USERS": "worker",
    }
    with Weaviate(tmp_path, env) as server:
        yield WeaviateConfig(server.url, server.grpc_port, dimension=DIMENSION)


async def test_a_passage_whose_vector_is_not_indexed_yet_is_found_by_its_words(tmp_path):
    environ = {"ASYNC_INDEXING": "true", "ASYNC_INDEXING_INTERVAL": "1h", "QUEUE_SCHEDULER_INTERVAL": "1h"}
    with Weaviate(tmp_path, environ) as server:
        store = await open_weaviate(WeaviateConfig(server.url, server.grpc_port, dimension=DIMENSION))
        await store.write_passages([passage()])
        (hit,) = await store.hybrid(query("text"))
        await store.close()
    assert hit.id == passage().id
    assert hit.text == passage().text
    assert hit.similarity == pytest.approx(cosine(query("text").vector, passage().vector), abs=1e-6)


async def test_only_the_right_key_opens_and_no_message_holds_one(guarded):
    store = await open_weaviate(replace(guarded, api_key="right-key"))
    await store.canary()
    await store.close()
    for wrong in (None, "wrong-key"):
        with pytest.raises(Misconfigured) as refused:
            await open_weaviate(replace(guarded, api_key=wrong))
        assert refused.value.setting == "STREAMS_WEAVIATE_API_KEY"
        assert "-key" not in str(refused.value)
    assert "right-key" not in repr(replace(guarded, api_key="right-key"))


async def test_a_key_that_is_taken_back_is_named_by_every_call(guarded):
    store = await open_weaviate(replace(guarded, api_key="right-key"))
    connection = store._session.client._connection
    connection._headers["authorization"] = "Bearer wrong-key"
    connection._prepare_grpc_headers()
    connection._ConnectionBase__grpc_headers = (("authorization", "Bearer wrong-key"),)
    for attempt in (
        store.hybrid(query("text")),
        store.heads([key("doc")]),
        store.write_heads([head()]),
        store.delete_heads({key("doc"): [at()]}),
        store.version(),
    ):
        with pytest.raises(Misconfigured):
            await attempt
    await store.close()


async def test_a_read_only_server_is_retryable_and_named_as_such(weaviate_server):
    store = await open_weaviate(
        WeaviateConfig(weaviate_server.url, weaviate_server.grpc_port, dimension=DIMENSION)
    )
    await store.write_heads([head()])
    heads = store._session.heads
    await heads.config.update_shards("READONLY")
    with pytest.raises(Retryable) as refused:
        await store.write_heads([head("other")])
    assert refused.value.code == "disk_full"
    with pytest.raises(Retryable):
        await store.canary()
    assert (await store.heads([key("doc")]))[key("doc")] == [head()]
    await heads.config.update_shards("READY")
    await store.canary()
    await store.close()


async def test_a_truncation_hides_a_sources_documents_at_once_and_they_are_swept(open_store, monkeypatch):
    monkeypatch.setattr(maintenance, "PAGE", 20)
    store = await open_store(dimension=2)
    shelf = Shelf(store)
    await shelf.apply(*(row(f"k{n}", n, f"quetzal {n}") for n in range(60)))
    await shelf.apply(truncation(100), row("k1", 101, "quetzal 1"), row("new", 102, "quetzal"))
    question = SearchQuery("t", "quetzal", (0.6, 0.8))
    found = await retrieve(store, question, wanted=5, overfetch=2, rounds=6)
    assert {one.head.record_key for one in found.found} == {"k1", "new"}
    assert (await shelf.apply(row("k2", 99, "late"))).reason == "stale"
    await shelf.tidy()
    assert await shelf.shown() == {"k1": ("t", "quetzal 1"), "new": ("t", "quetzal")}
    assert await shelf.on_disk() == 2


async def test_an_index_from_before_ids_were_indexed_says_so(config, monkeypatch):
    made = schema.heads

    def before(session):
        definition = made(session)
        rest = [one for one in definition["properties"] if one.name != "document_id"]
        return definition | {"properties": [*rest, schema._unindexed("document_id")]}

    monkeypatch.setattr(schema, "heads", before)
    store = await open_weaviate(config)
    await store.write_heads([head()])
    assert (await store.heads([key("doc")]))[key("doc")] == [head()]
    with pytest.raises(Rejected, match="reindex") as old:
        await store.named("acme", ["doc"])
    assert old.value.code == "index_too_old"
    await store.close()
