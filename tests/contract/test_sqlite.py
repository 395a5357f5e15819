from __future__ import annotations

import asyncio
import json
import sys

import apsw
import pytest

from streams.errors import Misconfigured, Retryable
from streams.ports import Generation, Generations
from streams.stores.sqlite import open_sqlite, open_sqlite_index, schema
from tests.contract.held import DIMENSION, head, ids, key, passage
from tests.contract.stores import IndexContract, StoreContract, opening, query


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "index.db"


@pytest.fixture
async def open_store(path):
    async with opening(lambda: open_sqlite(path, dimension=DIMENSION)) as open_one:
        yield open_one


@pytest.fixture
async def store(open_store):
    return await open_store()


class TestSqlite(StoreContract):
    pass


@pytest.fixture
async def open_index(path):
    async with opening(lambda: open_sqlite_index(path)) as open_one:
        yield open_one


class TestSqliteIndex(IndexContract):
    pass


async def test_an_index_that_had_one_generation_gets_a_record_of_several(store, path):
    made_with = {"embed_model": "m", "dimension": DIMENSION, "chunking": "c", "name": "g1"}
    with apsw.Connection(str(path)) as db:
        db.execute("INSERT INTO facts VALUES ('generation', ?)", (json.dumps(made_with),))
    index = await open_sqlite_index(path)
    assert await index.generations() == Generations(Generation(**made_with))
    await index.close()


async def test_a_file_shrinks_when_its_generation_is_dropped(path):
    store = await open_sqlite(path, dimension=DIMENSION)
    await store.write_heads([head(row={"body": "x" * 1_000_000})])
    await store.close()
    index = await open_sqlite_index(path)
    await index.drop(Generation("m", DIMENSION, "c"))
    await index.close()
    assert path.stat().st_size < 100_000


async def test_what_was_written_is_there_when_the_file_is_opened_again(path):
    store = await open_sqlite(path, dimension=DIMENSION)
    await store.write_passages([passage()])
    await store.write_heads([head()])
    await store.close()
    store = await open_sqlite(path, dimension=DIMENSION)
    assert (await store.heads([key("doc")]))[key("doc")] == [head()]
    assert ids(await store.hybrid(query("text"))) == {passage().id}
    await store.close()


async def test_without_a_path_nothing_is_shared_and_nothing_stays():
    one, other = [await open_sqlite(None, dimension=DIMENSION) for _ in range(2)]
    await one.write_heads([head()])
    assert await other.heads([key("doc")]) == {}
    await one.close()
    await other.close()


async def test_a_closed_store_says_so(open_store):
    store = await open_store()
    await store.close()
    with pytest.raises(Retryable, match="closed"):
        await store.heads([key("doc")])


async def test_an_index_of_another_dimension_names_the_setting_and_what_would_be_right(store, path):
    with pytest.raises(Misconfigured, match=f"set it to {DIMENSION}.*docs/how-to/reindex.md") as refused:
        await open_sqlite(path, dimension=DIMENSION + 1)
    assert refused.value.setting == "STREAMS_EMBED_DIMENSION"


async def test_an_index_of_another_version_is_left_alone(open_store, path):
    await (await open_store()).close()
    with apsw.Connection(str(path)) as db:
        db.execute("UPDATE facts SET value = '0' WHERE name = 'version'")
    with pytest.raises(Misconfigured) as refused:
        await open_store()
    assert refused.value.setting == "STREAMS_SQLITE_PATH"


async def test_a_file_that_is_no_index_is_left_alone(open_store, path):
    path.parent.mkdir()
    path.write_text("these are notes, not an index\n" * 100)
    with pytest.raises(Misconfigured) as refused:
        await open_store()
    assert refused.value.setting == "STREAMS_SQLITE_PATH"
    assert path.read_text().startswith("these are notes")


async def test_a_folder_where_the_file_should_be_is_told(tmp_path):
    with pytest.raises(Retryable, match="STREAMS_SQLITE_PATH"):
        await open_sqlite(tmp_path, dimension=DIMENSION)


async def test_a_full_disk_loses_nothing_and_is_over_when_there_is_room_again(store):
    await store.write_heads([head("before")])
    store._handle.db.pragma("max_page_count", store._handle.db.pragma("page_count") + 2)
    large = head("large", row={"body": "x" * 200_000})
    with pytest.raises(Retryable) as full:
        await store.write_heads([large])
    assert full.value.code == "disk_full"
    assert set(await store.heads([key("before"), key("large")])) == {key("before")}
    store._handle.db.pragma("max_page_count", 2**31)
    await store.write_heads([large])
    assert (await store.heads([key("large")]))[key("large")] == [large]


async def test_a_lock_that_another_holds_for_long_is_waited_for_then_told(store, path, monkeypatch):
    monkeypatch.setattr(schema, "BUSY_SECONDS", 0.2)
    with apsw.Connection(str(path)) as other:
        other.execute("INSERT INTO facts VALUES ('locked', '')")
        with pytest.raises(Retryable) as locked:
            await store.canary()
        assert locked.value.code == "locked"
        assert await store.heads([key("doc")]) == {}
    await store.canary()


async def test_the_loop_goes_on_while_the_file_is_written(store):
    turns = 0

    async def turn():
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    turning = asyncio.create_task(turn())
    await store.write_passages([passage(f"passage {n}") for n in range(400)])
    turning.cancel()
    assert turns > 20


PROCESS = """
import asyncio, sys
from pathlib import Path
from streams.stores.sqlite import open_sqlite
from tests.contract.held import DIMENSION, at, head, passage

async def main(path, name):
    store = await open_sqlite(path, dimension=DIMENSION)
    for n in range(25):
        await store.write_passages([passage(f"{name} {n}")])
        await store.write_heads([head(name, at(n))])
    await store.close()

asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""


async def test_several_processes_make_and_write_one_file_at_once(path, open_store):
    names = ["one", "two", "three"]
    running = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", PROCESS, str(path), name) for name in names
    ]
    assert [await process.wait() for process in running] == [0, 0, 0]
    store = await open_store()
    heads = await store.heads([key(name) for name in names])
    assert {name: len(heads[key(name)]) for name in names} == dict.fromkeys(names, 25)
    assert (await store.word_counts("acme", names))[0] == 75


async def test_a_process_that_is_killed_leaves_what_it_acknowledged(path, open_store):
    script = PROCESS.replace("await store.close()", "print('written', flush=True); await asyncio.sleep(60)")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(path), "one", stdout=asyncio.subprocess.PIPE
    )
    assert await process.stdout.readline() == b"written\n"
    process.kill()
    await process.wait()
    store = await open_store()
    assert len((await store.heads([key("one")]))[key("one")]) == 25
    assert (await store.word_counts("acme", ["one"])) == (25, {"one": 25})


async def test_an_index_from_before_heads_named_their_source_is_taken_over(path):
    store = await open_sqlite(path, dimension=DIMENSION)
    await store.write_heads([head("mine", source="cms"), head("other")])
    await store.close()
    with apsw.Connection(str(path)) as db:
        db.execute("DROP INDEX heads_of")
        db.execute("ALTER TABLE heads DROP COLUMN source")
    store = await open_sqlite(path, dimension=DIMENSION)
    assert [one async for one in store.document_keys("cms")] == [key("mine")]
    await store.write_heads([head("second", source="cms")])
    assert [one async for one in store.document_keys("cms")] == sorted([key("mine"), key("second")])
    await store.close()


async def test_an_index_from_before_documents_had_names_is_given_them(open_store, path):
    store = await open_store()
    await store.write_heads([head("doc", document_id="kb/42"), head("gone", tenant=None, document_id=None)])
    await store.close()
    with apsw.Connection(str(path)) as db:
        db.execute("DROP INDEX heads_named")
        db.execute("DROP INDEX heads_of")
        for column in ("name", "source"):
            db.execute(f"ALTER TABLE heads DROP COLUMN {column}")
    store = await open_store()
    assert set(await store.named("acme", ["kb/42"])) == {key("doc")}
    assert [one async for one in store.document_keys("documents.changes")] == sorted(
        [key("doc"), key("gone")]
    )


async def test_an_index_to_which_a_later_version_added_columns_is_read_and_written(open_store, path):
    store = await open_store()
    await store.close()
    with apsw.Connection(str(path)) as db:
        for table in ("heads", "passages", "labels", "facts"):
            db.execute(f"ALTER TABLE {table} ADD COLUMN later TEXT")
    store = await open_store()
    held = passage(metadata=("colour=red",))
    await store.write_passages([held])
    await store.write_heads([head()])
    await store.set_note("n", "text")
    assert await store.passages("acme", [held.id]) == [held]
    assert await store.heads([key("doc")]) == {key("doc"): [head()]}
    assert await store.note("n") == "text"
    assert [hit.id for hit in await store.hybrid(query(filters=("colour=red",)))] == [held.id]
    await store.canary()
