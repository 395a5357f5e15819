"""Starts MariaDB, with its changes in the binary log as whole rows, for Debezium or Maxwell to follow.

with MariaDb(Path("/tmp/db")) as db:
    db.sql("CREATE DATABASE shop")
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from ops.servers.database import Database
from ops.servers.launch import servers_folder
from ops.servers.process import HOST, ServerFailed

ADMIN = "root"
"""The database's superuser; it asks for no password."""


class MariaDb(Database):
    """`variables` overrides or adds to its system variables."""

    name = "mariadb"
    account = "mysql"
    says_ready = "ready for connections"

    def __init__(self, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        programs = servers_folder() / "mariadb" / "bin"
        # Not through the links: they lie where nobody but their owner may look.
        self.programs = {path.name: path.resolve() for path in programs.iterdir()}
        self._variables = dict(variables or {})
        super().__init__(folder)

    def serving(self) -> list[str]:
        """As said above."""
        set_ = self._defaults() | self._variables
        options = [f"--{name.replace('_', '-')}={value}" for name, value in set_.items()]
        return [str(self.programs["mariadbd"]), "--no-defaults", *options]

    def making(self) -> list[str]:
        """As said above."""
        return [
            str(self.programs["mariadb-install-db"]), "--no-defaults", f"--datadir={self.data}",
            "--auth-root-authentication-method=normal", "--skip-test-db",
        ]  # fmt: skip

    def _defaults(self) -> dict[str, str]:
        return {
            "datadir": str(self.data),
            "bind_address": HOST,
            "port": str(self.port),
            "socket": "",
            "pid_file": str(self.data / "server.pid"),
            "skip_name_resolve": "1",
            "server_id": "1",
            "log_bin": "binlog",
            "binlog_format": "ROW",
            "binlog_row_image": "FULL",
            "character_set_server": "utf8mb4",
            "innodb_buffer_pool_size": "32M",
        }

    def sql(self, *statements: str, database: str = "") -> list[str]:
        """What statements give, run one after another in one connection: a line for each row.

        Select one value, such as `JSON_ARRAY(a, b)`, which has no line break. Raises ServerFailed with
        what the database says.
        """
        script = ";\n".join((*statements, ""))
        done = subprocess.run(  # noqa: S603 - the command is ours
            self._client(database), input=script, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ServerFailed(done.stderr.strip())
        return done.stdout.splitlines()

    def client(self, database: str = "") -> subprocess.Popen[str]:
        """The database's own client in one connection, which runs what is written to it, line by line."""
        pipe = subprocess.PIPE
        return subprocess.Popen(self._client(database), stdin=pipe, stdout=pipe, text=True)  # noqa: S603 - ours

    def _client(self, database: str) -> list[str]:
        program = str(self.programs["mariadb"])
        where = [f"--host={HOST}", f"--port={self.port}", f"--user={ADMIN}", f"--database={database}"]
        plain = ["--batch", "--raw", "--skip-column-names", "--unbuffered"]
        return [program, "--no-defaults", *where, "--default-character-set=utf8mb4", *plain]
