"""The keys that count now: read anew when their file changes, kept as they were where it is broken."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import structlog

from streams.errors import Misconfigured
from streams.gateway.access import keys
from streams.gateway.access.keys import Key
from streams.ports import Observed, Observer

LOOK_S = 1.0
"""Between two looks at the file: so long a revoked key may still be let in."""

log = structlog.get_logger("streams.gateway")

Stamp = tuple[int, int, int] | None


class Refused(Exception):
    """No such key, or none any more; `code` says which."""

    def __init__(self, code: str, key_id: str | None = None) -> None:
        super().__init__(code)
        self.code, self.key_id = code, key_id


class Keyring:
    """The keys of a file. Raises `Misconfigured` where it can't be read at the start."""

    def __init__(self, path: Path, observe: Observer) -> None:
        self._path, self._observe = path, observe
        self._stamp = _stamp(path)
        self._keys = _by_id(keys.read(path))
        self.problem: str | None = None
        """What is wrong with the file now, while the keys from before are kept; None: nothing."""

    def key(self, text: str | None) -> Key:
        """The key whose text this is. Raises `Refused`."""
        if not text:
            raise Refused("key_missing")
        found = keys.KEY.fullmatch(text)
        key = self._keys.get(found["id"]) if found else None
        if found is None or key is None or not key.fits(found["secret"]):
            raise Refused("key_unknown")
        if key.revoked_at is not None:
            raise Refused("key_revoked", key.id)
        return key

    def stands(self, key: Key) -> bool:
        """Whether the key that was let in is what it was then: one that is for others now is another key."""
        now = self._keys.get(key.id)
        return now is not None and now.revoked_at is None and _rights(now) == _rights(key)

    def look(self) -> None:
        """Reads the file again where it is another one now."""
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys = _by_id(keys.read(self._path))
        except Misconfigured as error:
            self.problem = f"{error}; the keys read before are kept"
            self._observe(Observed("gateway_key_files", labels={"outcome": "broken"}))
            log.error(  # noqa: TRY400 - the message says it all
                "the file of keys is broken; the keys read before are kept", problem=str(error)
            )
        else:
            self.problem = None
            self._observe(Observed("gateway_key_files", labels={"outcome": "read"}))
            log.info("keys read anew", keys=len(self._keys))

    async def watch(self) -> None:
        """Looks again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                self.look()
            except Exception:  # whatever it was, keys must go on being revoked
                log.exception("the file of keys could not be looked at; it is looked at again")


def _rights(key: Key) -> tuple[object, ...]:
    return key.sha256, key.tenant, frozenset(key.principals), frozenset(key.scopes)


def _by_id(file: keys.KeyFile) -> Mapping[str, Key]:
    return {key.id: key for key in file.keys}


def _stamp(path: Path) -> Stamp:
    with suppress(OSError):
        held = path.stat()
        return held.st_ino, held.st_mtime_ns, held.st_size
    return None
