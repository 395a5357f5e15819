"""SQLite's exceptions, named by what is done about them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from streams.errors import Misconfigured, Rejected, Retryable, StreamsError

SETTING = "STREAMS_SQLITE_PATH"


@contextmanager
def named(path: Path | None) -> Iterator[None]:
    """Raises what SQLite raises inside as `Retryable`, `Rejected` or `Misconfigured`."""
    try:
        yield
    except (apsw.Error, OSError) as error:
        raise fault(error, path) from error


def fault(error: Exception, path: Path | None) -> StreamsError:
    """What is done about an exception of SQLite's, or of the file system, at `path`."""
    place = str(path or "in memory")
    match error:
        case apsw.TooBigError():
            return Rejected("a text is larger than SQLite can hold (1 GB)", code="too_large")
        case apsw.NotADBError() | apsw.CorruptError() | apsw.FormatError():
            message = (
                f"{place} is no SQLite file, or a damaged one: move it away and index anew, or set {SETTING}"
            )
            return Misconfigured(message, setting=SETTING)
        case apsw.CantOpenError() | apsw.ReadOnlyError() | PermissionError():
            return Retryable(
                f"the index {place} can't be written: check {SETTING} and its folder's permissions"
            )
        case apsw.FullError():
            return Retryable(f"the disk under the index {place} is full: free some space", code="disk_full")
        case apsw.BusyError() | apsw.LockedError():
            return Retryable(
                f"the index {place} is locked by another process that writes for long", code="locked"
            )
        case _:
            return Retryable(f"the index {place} failed: {type(error).__name__}: {error}")
