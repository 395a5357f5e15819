"""Starts MariaDB, with its changes in the binary log as whole rows, for Debezium or Maxwell to follow.

with MariaDb(Path("/tmp/db")) as db:
    db.sql("CREATE DATABASE shop")
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from ops.servers.launch import servers_folder
from ops.servers.process import HOST, Server, ServerFailed, free_ports, listens
from ops.servers.unprivileged import handed_over, unprivileged

ADMIN = "root"
"""The database's superuser; it asks for no password."""


class MariaDb(Server):
    """A server of its own data, which is not the system's service.

    MariaDB refuses to run as root: where root starts it, it runs as the user `mysql`, else `nobody`, with
    its data in a folder that they can reach. `variables` overrides or adds to its system variables.
    """

    name = "mariadb"
    ends_by = signal.SIGTERM

    def __init__(self, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        self.port = free_ports()
        programs = servers_folder() / "mariadb" / "bin"
        # Not through the links: they lie where nobody but their owner may look.
        self.programs = {path.name: path.resolve() for path in programs.iterdir()}
        self.user = unprivileged("mysql")
        home = Path(tempfile.mkdtemp(prefix="mariadb-")) if self.user else folder
        if home != folder:
            weakref.finalize(self, shutil.rmtree, home, ignore_errors=True)
        self._data = home / "data"
        set_ = self._defaults() | dict(variables or {})
        options = [f"--{name.replace('_', '-')}={value}" for name, value in set_.items()]
        super().__init__([str(self.programs["mariadbd"]), "--no-defaults", *options], home, {})

    def _defaults(self) -> dict[str, str]:
        return {
            "datadir": str(self._data),
            "bind_address": HOST,
            "port": str(self.port),
            "socket": "",
            "pid_file": str(self._data / "server.pid"),
            "skip_name_resolve": "1",
            "server_id": "1",
            "log_bin": "binlog",
            "binlog_format": "ROW",
            "binlog_row_image": "FULL",
            "character_set_server": "utf8mb4",
            "innodb_buffer_pool_size": "32M",
        }

    def start(self) -> Self:
        """As any server; the first time, its system tables are made."""
        if not self._data.exists():
            self._make()
        return super().start()

    def _make(self) -> None:
        made = subprocess.run(  # noqa: S603 - the command is ours
            [self.programs["mariadb-install-db"], "--no-defaults", f"--datadir={self._data}",
             "--auth-root-authentication-method=normal", "--skip-test-db"],
            cwd=self.folder, capture_output=True, text=True, check=False,
            **handed_over(self.folder, self.user),
        )  # fmt: skip
        if made.returncode:
            raise ServerFailed(f"mariadb-install-db failed\n{made.stdout}{made.stderr}")

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

    def ready(self) -> bool:
        """It says so, and listens."""
        return "ready for connections" in self.printed() and listens(self.port)
