"""A topic that would be read from its beginning, when the index has forgotten what was deleted since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from streams.indexing.vacuum.vacuum import remembered_since
from streams.worker.anew import read_anew
from tests.unit.reconcile.world import MemoryLog

NOW = datetime(2026, 11, 26, tzinfo=UTC)
LONG_AGO, LATELY = NOW - timedelta(days=50), NOW - timedelta(days=40)


async def found(written, *, committed=(), held=True):
    log = MemoryLog("docs", "empty")
    log.append("docs", b"k", b"{}", partition=1, timestamp=int(written.timestamp() * 1000))

    async def offsets(partitions):
        return {one: 1 for one in partitions if one in committed}

    async def holds(_topic):
        return held

    return await read_anew(["docs", "empty", "away"], log, offsets, holds, remembered_since(NOW))


async def test_it_is_named_where_its_group_has_no_offset_and_its_records_are_old():
    assert await found(LONG_AGO) == ["docs"]
    assert await found(LONG_AGO, committed=[("docs", 0)]) == ["docs"]


@pytest.mark.parametrize("why_not", [{"committed": [("docs", 1)]}, {"held": False}, {"written": LATELY}])
async def test_it_is_not_where_it_is_read_on_or_for_the_first_time_or_nothing_is_forgotten(why_not):
    assert await found(**{"written": LONG_AGO} | why_not) == []
