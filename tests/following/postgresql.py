"""A table of PostgreSQL that is followed, as compose has it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping

import psycopg

from ops.servers.capture import Postgres
from ops.servers.process import HOST
from tests.composed import compose
from tests.following.table import CDC, PAGE, PASSWORD, Following, document_of
from tests.pages import block


def new_database(server: Postgres, name: str) -> str:
    """Makes a database as compose's, by the same script; gives its DSN."""
    with psycopg.connect(server.dsn(), autocommit=True) as database:
        database.execute(f'CREATE DATABASE "{name}"')
    done = subprocess.run(
        [server.programs / "psql", server.dsn(name), "-qf", CDC / "init.sql"],
        env=os.environ | {"CDC_PASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return server.dsn(name)


def connector(server: Postgres, database: str, prefix: str, **changes: str) -> dict[str, str]:
    """`connector.json` for a database here, whose topics begin with `prefix`; names in `changes` have `_`."""
    here = {
        "database.hostname": HOST,
        "database.port": str(server.port),
        "database.dbname": database,
        "topic.prefix": prefix,
    }
    more = {name.replace("_", "."): value for name, value in changes.items()}
    return json.loads((CDC / "connector.json").read_text()) | here | more


def connect_properties(environment: Mapping[str, str]) -> dict[str, str]:
    """What the image of Kafka Connect makes of its environment, but where Kafka is."""
    plain = {"GROUP_ID", "CONFIG_STORAGE_TOPIC", "OFFSET_STORAGE_TOPIC", "STATUS_STORAGE_TOPIC"}
    named = {name: value for name, value in environment.items() if name in plain}
    named |= {
        name.removeprefix("CONNECT_"): value
        for name, value in environment.items()
        if name.startswith("CONNECT_")
    }
    return {name.lower().replace("_", "."): str(value) for name, value in named.items()}


def composed_connect() -> dict[str, str]:
    """The properties of compose's Kafka Connect."""
    return connect_properties(compose()["services"]["connect"]["environment"])


class FollowingPostgres(Following):
    """PostgreSQL's, in a database of its own."""

    KIND = "cms"
    UPSERT = "ON CONFLICT (id) DO UPDATE SET slug = excluded.slug"

    @property
    def topic(self) -> str:
        """The table's."""
        return f"{self.name}.public.articles"

    def make_database(self) -> None:
        """As said above."""
        self.dsn = new_database(self.server, self.name)

    def renamed(self, sources: str) -> str:
        """As said above."""
        return sources.replace('topic = "cms', f'topic = "{self.name}')

    def config(self, **changes: str) -> dict[str, str]:
        """As said above."""
        return connector(self.server, self.name, self.name, **({"slot_name": self.name} | changes))

    def connected(self) -> psycopg.Connection:
        """A connection to the database; leaving it commits, or rolls back where something was raised."""
        return psycopg.connect(self.dsn)

    def sql(self, *statements: str) -> list[tuple]:
        """Runs statements in one transaction; the rows of the last."""
        with self.connected() as database:
            for statement in statements:
                cursor = database.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def table(self) -> dict[str, dict]:
        """As said above."""
        rows = self.sql(
            "SELECT id, org, slug, title, summary, body, readers, author, updated_at FROM articles"
        )
        return {f"article-{row[0]}": document_of(*row[1:]) for row in rows}

    def readers(self, *names: str) -> str:
        """As said above."""
        return f"{{{','.join(names)}}}"

    def snapshot(self) -> None:
        """As said above."""
        self.sql(block(PAGE, "sql", "public.articles"))
