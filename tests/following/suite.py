"""What an index must do that follows a table, whichever database has it.

Subclassed where there is one: a fixture `followed` is the table, with all that `running` starts. What only
one database has, or says in its own way, is tested before it: its last two tests empty the table, and look at
all that came of everything.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.following.table import MARK, Following


@asynccontextmanager
async def running(following: Following, **connector) -> AsyncIterator[Following]:
    """With a worker, and a connector of that configuration; three rows were there before it."""
    with pytest.MonkeyPatch.context() as patch:
        await following.open(patch.setenv)
        following.worker.start()
        early = {number: f"Was there before the connector: early{number}." for number in (1, 2, 3)}
        following.sql(*(insert(number, body=body) for number, body in early.items()))
        following.connect.put(following.name, following.config(**connector))
        yield following
        code = await asyncio.to_thread(following.worker.stop)
        await following.close()
        assert code == 0


def quoted(value):
    return "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"


def insert(number, **columns):
    """A row; what is not given is made up."""
    row = {"org": "acme", "slug": f"s{number}", "title": f"Row {number}", "body": f"Text of {number}."}
    row = {"id": number} | row | columns
    return f"INSERT INTO articles ({', '.join(row)}) VALUES ({', '.join(map(quoted, row.values()))})"


def sent_again(records, place):
    """The records that are on the topic already, by the `place` of each in the database's log, or none."""
    seen, again = set(), []
    for record in sorted(records, key=lambda one: (one.partition, one.offset)):
        if at := place(json.loads(record.value)) if record.value else None:
            again += [record] if at in seen else []
            seen.add(at)
    return again


async def change_nothing(followed, records):
    """The worker looked at these, and none of them made a difference."""
    outcomes = Counter(receipt.outcome for receipt in (await followed.receipts(records)).values())
    assert set(outcomes) <= {"ignored", "unchanged"}, outcomes


def read_again(records, since):
    """Those that a snapshot read, since there were so many."""
    return [one for one in records[since:] if b'"op":"r"' in (one.value or b"")]


class FollowingSuite:
    async def test_the_rows_that_were_there_before_the_connector_are_found(self, followed):
        await followed.follows()
        assert "early2" in (await followed.found("early2", "acme"))["article-2"]

    async def test_inserts_updates_and_deletes_are_followed_and_what_is_gone_is_not_found(self, followed):
        staff = followed.readers("group:staff", "user:7")
        followed.sql(
            insert(
                10, title="It's a title: ünïcödé 🥝", summary="In short", body="The first kiwi.", author="Ada"
            ),
            insert(11, body="The second kiwi.", readers=staff),
            insert(12, body="The third kiwi: zanzibar."),
            insert(13, body="Never committed alone: quetzal."),
        )
        await followed.follows()
        followed.sql(
            "UPDATE articles SET body = 'A mango now.', summary = NULL WHERE id = 10",
            "DELETE FROM articles WHERE id IN (12, 13)",
            insert(13, body="Deleted and made again in one transaction: phoenix."),
        )
        await followed.follows()
        assert "zanzibar" not in str(await followed.found("zanzibar third kiwi", "acme"))
        assert "kiwi" not in (await followed.found("mango", "acme"))["article-10"]
        found = str(await followed.found("phoenix quetzal", "acme"))
        assert "phoenix" in found
        assert "quetzal" not in found

    async def test_a_row_that_gets_another_key_leaves_nothing_behind(self, followed):
        followed.sql(
            insert(30, body="Of the old key."), insert(31, body="Swaps with the one after it: thirtyone.")
        )
        followed.sql(insert(32, body="Swaps with the one before it: thirtytwo."))
        await followed.follows()
        followed.sql("UPDATE articles SET id = 33, body = 'Of the new key.' WHERE id = 30")
        followed.sql(
            "UPDATE articles SET id = -31 WHERE id = 31",
            "UPDATE articles SET id = 31 WHERE id = 32",
            "UPDATE articles SET id = 32 WHERE id = -31",
        )
        await followed.follows()
        assert "Of the old key" not in str(await followed.found("old key", "acme"))
        assert "thirtytwo" in (await followed.found("thirtytwo", "acme"))["article-31"]

    async def test_a_snapshot_on_demand_while_changes_go_on_changes_nothing(self, followed):
        followed.snapshot()
        org = f"during-{followed.KIND}"
        for number in range(200, 230):
            followed.sql(
                insert(number, org=org, body=f"Written during a snapshot: gamma{number}."),
                f"DELETE FROM articles WHERE id = {number - 2} AND org = '{org}'",
                f"UPDATE articles SET title = concat(title, '!') WHERE id = {number - 1} AND org = '{org}'",
            )
            await asyncio.sleep(0.02)
        async with asyncio.timeout(120):
            while not any(
                b'"snapshot":"incremental"' in (one.value or b"") for one in await followed.records()
            ):
                pass
        await followed.follows()
        assert "gamma205" not in str(await followed.found("gamma205", org))

    async def test_a_new_snapshot_of_everything_changes_nothing(self, followed):
        before = len(await followed.captured())
        followed.connect.forget(followed.name)
        followed.sql("UPDATE articles SET title = 'Between two snapshots' WHERE id = 10")
        followed.connect.resume(followed.name)
        async with asyncio.timeout(120):
            while len(read_again(await followed.records(), before)) < len(followed.table()):
                pass
        await followed.follows()

    async def test_a_transaction_of_a_thousand_rows_is_followed(self, followed):
        rows = (f"({n}, 'many', 's{n}', 'Row {n}', 'Text number {n}')" for n in range(1001, 2001))
        followed.sql(
            f"INSERT INTO articles (id, org, slug, title, body) VALUES {', '.join(rows)}",
            "UPDATE articles SET body = concat(body, ' again') WHERE org = 'many' AND id % 2 = 0",
            "DELETE FROM articles WHERE org = 'many' AND id % 5 = 0",
            "UPDATE articles SET id = id + 1000 WHERE org = 'many' AND id % 100 = 1",
        )
        await followed.follows()
        assert len([one for one in (await followed.index()).values() if one["tenant"] == "many"]) == 800

    async def test_a_truncated_table_is_an_empty_index_until_rows_come_again(self, followed):
        org = f"truncated-{followed.KIND}"
        followed.sql(insert(300, org=org, body="Before the truncate: delta300."))
        await followed.follows()
        followed.sql("TRUNCATE articles")
        await followed.follows()
        assert set(await followed.index()) == {f"article-{MARK}"}
        assert await followed.found("delta300", org) == {}
        followed.sql(insert(300, org=org, body="After the truncate: epsilon300."), "TRUNCATE articles")
        # PostgreSQL does both in one transaction, MariaDB one right behind the other.
        followed.sql("TRUNCATE articles", insert(301, org=org, body="With the truncate: zeta301."))
        followed.sql(insert(302, org=org, body="After it: eta302."))
        await followed.follows()
        assert set(await followed.found("epsilon300 zeta301 eta302", org)) == {"article-301", "article-302"}

    async def test_every_record_has_one_outcome_and_none_is_dead(self, followed):
        receipts = await followed.receipts(await followed.captured())
        outcomes = Counter((receipt.outcome, receipt.reason) for receipt in receipts.values())
        assert not [outcome for outcome in outcomes if outcome[0] == "dead"], outcomes
