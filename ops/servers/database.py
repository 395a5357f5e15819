"""A database's server, on data of its own that is made at its first start; it is not the system's service."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import weakref
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from ops.servers.process import Server, ServerFailed, free_ports, listens
from ops.servers.unprivileged import handed_over, unprivileged


class Database(Server, ABC):
    """Listens on `port`, and asks its superuser for no password.

    Databases refuse to run as root: where root starts one, it runs as the user `account`, else `nobody`, with
    its data in a folder that they can reach.
    """

    account: str
    says_ready: str
    """What it writes once it takes connections."""

    def __init__(self, folder: Path) -> None:
        self.port = free_ports()
        self.user = unprivileged(self.account)
        home = Path(tempfile.mkdtemp(prefix=f"{self.name}-")) if self.user else folder
        if home != folder:
            weakref.finalize(self, shutil.rmtree, home, ignore_errors=True)
        self.data = home / "data"
        super().__init__(self.serving(), home, {})

    @abstractmethod
    def serving(self) -> list[str]:
        """The command that serves `data` on `port`."""

    @abstractmethod
    def making(self) -> list[str]:
        """The command that makes `data`."""

    def start(self) -> Self:
        """As any server; the first time, its data are made."""
        if not self.data.exists():
            self._make()
        return super().start()

    def _make(self) -> None:
        command = self.making()
        made = subprocess.run(  # noqa: S603 - the command is ours
            command, cwd=self.folder, capture_output=True, text=True, check=False,
            **handed_over(self.folder, self.user),
        )  # fmt: skip
        if made.returncode:
            raise ServerFailed(f"{Path(command[0]).name} failed\n{made.stdout}{made.stderr}")

    def ready(self) -> bool:
        """It says so, and listens."""
        return self.says_ready in self.printed() and listens(self.port)
