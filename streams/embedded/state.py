"""The state file: what `up` runs here, for the other commands to find.

Beside it lies a lock that the writer holds for as long as it lives. The kernel lets go of it however the
writer ends, so that a state file is stale exactly where its lock is free: process ids are used again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from streams.errors import Misconfigured

STATE = "state.json"
LOCK = "up.lock"
SETTING = "STREAMS_STATE_DIR"


class State(BaseModel):
    """What runs. `settings` are those by which other commands reach it; `pids` by service.

    `health`: where the worker has its `/readyz` and `/metrics`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    pid: int
    started_at: datetime
    settings: Mapping[str, JsonValue] = {}
    pids: Mapping[str, int] = {}
    health: str | None = None


class StateFile:
    """The state file of this process, while it holds the lock."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / STATE

    def write(self, state: State) -> None:
        """Replaces the file at once: a reader sees the old or the new, never a part."""
        part = self._path.with_suffix(".part")
        part.write_text(state.model_dump_json(indent=2) + "\n")
        part.replace(self._path)

    def remove(self) -> None:
        """Removes it, where it is there."""
        self._path.unlink(missing_ok=True)


@contextmanager
def claim(folder: Path) -> Iterator[StateFile]:
    """The state file of `folder`, removed at the end.

    Raises Misconfigured where another process has it, or nothing can be written there.
    """
    with _opened(folder) as lock:
        if not _locked(lock, fcntl.LOCK_EX):
            raise Misconfigured(
                f"`rag-streams up` runs already with {folder}: stop it, or set {SETTING} to another folder",
                setting=SETTING,
            )
        file = StateFile(folder)
        # What a killed process left is nobody's any more.
        file.remove()
        try:
            yield file
        finally:
            file.remove()


def _opened(folder: Path) -> IO[str]:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return (folder / LOCK).open("a")
    except OSError as error:
        raise Misconfigured(
            f"{SETTING} names a folder in which nothing can be written ({error.strerror}): {folder};"
            " name another",
            setting=SETTING,
        ) from None


def read_state(folder: Path) -> State | None:
    """What runs with this folder, or None: no file, none that can be read, or its writer is gone."""
    with contextlib.suppress(OSError, ValidationError):
        state = State.model_validate_json((folder / STATE).read_bytes())
        # The lock alone would tell; but to look at a dead process's lock is to have it for a moment.
        return state if _alive(state.pid) and _held(folder) else None
    return None


def _held(folder: Path) -> bool:
    with (folder / LOCK).open() as lock:
        # Shared: readers don't see each other. Let go of on return.
        return not _locked(lock, fcntl.LOCK_SH)


def _locked(lock: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _alive(pid: int) -> bool:
    # PermissionError: it lives, and is somebody else's.
    with contextlib.suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True
