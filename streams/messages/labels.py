"""What each passage of a document carries a copy of, to be found by: how much of it a document may have.

Without a bound a record of 1 MB, half text and half metadata, would be hundreds of MB in the index, and a
legal one of 8 MiB more than a worker has memory for.
"""

from __future__ import annotations

from collections.abc import Collection

METADATA_VALUES = 1000
METADATA_BYTES = 16 * 1024
"""UTF-8, of all `name=value` together."""
READERS = 1000
READER_CHARACTERS = 256
READERS_BYTES = 64 * 1024
"""UTF-8, of all names together."""


def metadata_excess(pairs: Collection[str]) -> str | None:
    """What is too much about a document's metadata, as it is held; None where nothing is."""
    if len(pairs) <= METADATA_VALUES and _bytes(pairs) <= METADATA_BYTES:
        return None
    return (
        f"{len(pairs)} values, {_bytes(pairs)} bytes in all as name=value; a document may have "
        f"{METADATA_VALUES} values of {METADATA_BYTES} bytes in all, as each passage carries a copy"
    )


def readers_excess(readers: Collection[str]) -> str | None:
    """What is too much about a document's readers, and what to do; None where nothing is."""
    if len(readers) > READERS or any(len(reader) > READER_CHARACTERS for reader in readers):
        return f"more than {READERS} readers, or one of more than {READER_CHARACTERS} characters"
    if _bytes(readers) <= READERS_BYTES:
        return None
    return (
        f"{len(readers)} readers, {_bytes(readers)} bytes in all; a document may have {READERS_BYTES} bytes "
        "in all, as each passage carries a copy: name groups, or shorter ids"
    )


def _bytes(texts: Collection[str]) -> int:
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
