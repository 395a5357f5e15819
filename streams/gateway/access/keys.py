"""API keys: what a key may do, and the file that holds their hashes. Pure, but for reading and writing it.

A key is `rs_ID_SECRET`: the id names it in the file and in logs, the secret has 256 random bits. Only the
secret's SHA-256 is kept: what nobody could guess needs no slow hash.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streams.errors import Misconfigured, Rejected
from streams.messages.changes import DEFAULT_TENANT, Tenant
from streams.messages.decode import described
from streams.messages.questions import Principal

SETTING = "STREAMS_API_KEYS_FILE"
PREFIX = "rs"

Scope = Literal["ask", "write", "read", "admin"]
SCOPES: tuple[Scope, ...] = ("ask", "write", "read", "admin")
RATE = r"^[1-9][0-9]{0,8}/(second|minute|hour|day)$"
KEY = re.compile(rf"{PREFIX}_(?P<id>[0-9a-f]{{12}})_(?P<secret>[A-Za-z0-9_-]{{43}})")


class Key(BaseModel):
    """A key as the file has it: everything but the secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    name: Annotated[str, Field(max_length=200)] = ""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", repr=False)]
    tenant: Tenant
    principals: tuple[Principal, ...] = ()
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    rate_limit: Annotated[str | None, Field(pattern=RATE)] = None
    created_at: datetime
    revoked_at: datetime | None = None

    def fits(self, secret: str) -> bool:
        """Whether `secret` is this key's."""
        return hmac.compare_digest(self.sha256, digest(secret))


class KeyFile(BaseModel):
    """The file: JSON, for `rag-streams keys` to write."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: tuple[Key, ...] = ()


def digest(secret: str) -> str:
    """What is kept of a secret: its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def made(
    *,
    tenant: str,
    principals: Sequence[str],
    scopes: Sequence[Scope],
    now: datetime,
    name: str = "",
    rate_limit: str | None = None,
) -> tuple[Key, str]:
    """A new key, and the text that it is used by, which is nowhere else.

    Raises `Rejected` (`invalid_key`) where it can't be so.
    """
    id_, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    try:
        key = Key(
            id=id_, name=name, sha256=digest(secret), tenant=tenant, principals=tuple(principals),
            scopes=tuple(scopes), rate_limit=rate_limit, created_at=now,
        )  # fmt: skip
    except ValidationError as error:
        raise Rejected(described(error), code="invalid_key") from None
    return key, f"{PREFIX}_{id_}_{secret}"


def read(path: Path) -> KeyFile:
    """The keys in the file. Raises `Misconfigured` where it can't be read, or is none; names no content."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise _wrong(path, "does not exist; `rag-streams keys create` makes it") from None
    except OSError as error:
        raise _wrong(path, f"can't be read ({type(error).__name__})") from None
    try:
        file = KeyFile.model_validate_json(text)
    except ValidationError as error:
        raise _wrong(path, f"is no file of keys: {described(error).removeprefix(': ')}") from None
    if len({key.id for key in file.keys}) < len(file.keys):
        raise _wrong(path, "is no file of keys: an id stands there twice")
    return file


@contextmanager
def changing(path: Path) -> Iterator[KeyFile]:
    """The file as it is now (none: no keys), with others who would change it kept waiting.

    Raises `Misconfigured` where it can't be read, or nothing can be written beside it.
    """
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = path.with_name(path.name + ".lock").open("a")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield read(path) if path.exists() else KeyFile()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _wrong(path, f"can't be written in that folder ({error.strerror}); name another") from None


def write(path: Path, file: KeyFile) -> None:
    """Replaces the file in one step: a reader sees the old or the new. Only its owner may read it.

    Raises `Misconfigured` where it can't be written.
    """
    with _writing(path):
        _replace(path, file.model_dump_json(indent=2) + "\n")


def _replace(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)


def renewed(path: Path, name: str, now: datetime) -> str:
    """The text of a new key for all scopes of the default tenant, in place of those of this name in the file.

    Raises `Misconfigured` where the file can't be read.
    """
    key, text = made(tenant=DEFAULT_TENANT, principals=(), scopes=SCOPES, now=now, name=name)
    with changing(path) as held:
        write(path, KeyFile(keys=(*(one for one in held.keys if one.name != name), key)))
    return text


def write_secret(path: Path, text: str) -> None:
    """Writes a key's text to a file of its own, in one step, for its owner alone."""
    _replace(path, text + "\n")


def _wrong(path: Path, what: str) -> Misconfigured:
    return Misconfigured(f"{SETTING}: {path} {what}", setting=SETTING)
