"""A table of MariaDB that is followed: what `ops/cdc` has for it, given to servers of the tests' own."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from subprocess import Popen

from ops.servers.process import HOST
from tests.following.table import CDC, PAGE, PASSWORD, Following, document_of
from tests.pages import block

COLUMNS = "id, org, slug, title, summary, body, readers, author, updated_at"


class FollowingMariaDb(Following):
    """MariaDB's, in a database of its own."""

    KIND = "shop"
    UPSERT = "ON DUPLICATE KEY UPDATE slug = VALUES(slug)"

    @property
    def topic(self) -> str:
        """The table's."""
        return f"{self.name}.{self.name}.articles"

    def make_database(self) -> None:
        """As said above."""
        self.server.sql(f"CREATE DATABASE {self.name}")
        self.server.sql((CDC / "mariadb.sql").read_text(), database=self.name)
        self.server.sql(f"SET PASSWORD FOR debezium = PASSWORD('{PASSWORD}')")

    def renamed(self, sources: str) -> str:
        """As said above."""
        return sources.replace("cms.public.articles", "shop.shop.articles").replace("shop", self.name)

    def config(
        self, *, prefix: str | None = None, tables: Sequence[str] = ("articles",), **changes: str
    ) -> dict[str, str]:
        """As said above: of a connector whose topics begin with `prefix`, else with `name`."""
        prefix = prefix or self.name
        here = {
            "database.hostname": HOST,
            "database.port": str(self.server.port),
            "database.server.id": str(uuid.uuid4().int % 10**9 + 1),
            "topic.prefix": prefix,
            "database.include.list": self.name,
            "table.include.list": ",".join(f"{self.name}.{table}" for table in tables),
            "schema.history.internal.kafka.bootstrap.servers": self.kafka,
            "schema.history.internal.kafka.topic": f"{prefix}.schema-history",
            "signal.data.collection": f"{self.name}.debezium_signal",
        }
        more = {name.replace("_", "."): value for name, value in changes.items()}
        return json.loads((CDC / "mariadb.json").read_text()) | here | more

    def sql(self, *statements: str) -> list[str]:
        """Runs statements in one transaction; a line for each row that they give."""
        return self.server.sql("BEGIN", *statements, "COMMIT", database=self.name)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A connection that stays open."""
        with self.server.client(self.name) as client:
            yield Session(client)

    def table(self) -> dict[str, dict]:
        """As said above."""
        rows = self.sql("SET time_zone = '+00:00'", f"SELECT JSON_ARRAY({COLUMNS}) FROM articles")
        return dict(map(_documented, rows))

    def readers(self, *names: str) -> str:
        """As said above."""
        return json.dumps(names)

    def snapshot(self) -> None:
        """As said above."""
        self.sql(block(PAGE, "sql", "shop.articles").replace("shop", self.name))


class Session:
    """One connection: a call runs statements, and returns when they are done."""

    def __init__(self, client: Popen[str]) -> None:
        self._client, self._asked = client, 0

    def begin(self, *statements: str) -> None:
        """Sends statements, and does not wait for them."""
        self._client.stdin.write("".join(f"{one};\n" for one in statements))
        self._client.stdin.flush()

    def __call__(self, *statements: str) -> None:
        self._asked += 1
        self.begin(*statements, f"SELECT 'done {self._asked}'")
        while (line := self._client.stdout.readline()).strip() != f"done {self._asked}":
            assert line, "the database's client has ended"


def _documented(row: str) -> tuple[str, dict]:
    number, org, slug, title, summary, body, readers, author, updated_at = json.loads(row)
    changed = datetime.fromisoformat(updated_at).replace(tzinfo=UTC)
    listed = json.loads(readers) if isinstance(readers, str) else readers
    return f"article-{number}", document_of(org, slug, title, summary, body, listed, author, changed)
