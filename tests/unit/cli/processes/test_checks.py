"""What `doctor` says of an index."""

from streams.cli.processes import checks
from streams.errors import Rejected
from streams.settings import Settings
from streams.stores.sqlite import SqliteStore


async def test_an_index_that_can_not_look_up_ids_is_noted_and_another_is_not(tmp_path, monkeypatch):
    settings = Settings(store="sqlite", sqlite_path=tmp_path / "index.db")
    assert "note" not in await checks.store(settings)

    async def too_old(_store, _tenant, _ids):
        raise Rejected("make it anew", code="index_too_old")

    monkeypatch.setattr(SqliteStore, "named", too_old)
    assert (await checks.store(settings)).endswith("; note: make it anew")
