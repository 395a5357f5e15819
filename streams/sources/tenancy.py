"""Whose a record is: the topic's tenant, else the one that it names, else its key's."""

from __future__ import annotations

import re
from typing import NamedTuple

from streams.errors import Rejected
from streams.messages.changes import DEFAULT_TENANT, TENANT

_TENANT = re.compile(TENANT)


class Key(NamedTuple):
    """A record key `TENANT/ID`, taken apart at its first slash."""

    tenant: str
    id: str


def is_tenant(text: str) -> bool:
    """Whether `text` can name a tenant: 1 to 64 of A-Z, a-z, 0-9, `_` and `-`."""
    return _TENANT.fullmatch(text) is not None


def key_of(data: bytes | None) -> Key | None:
    """The tenant and id that a record key names, or None where it is not `TENANT/ID`."""
    try:
        tenant, slash, name = (data or b"").decode().partition("/")
    except UnicodeDecodeError:
        return None
    return Key(tenant, name) if slash and name and is_tenant(tenant) else None


def tenant_of(*, bound: str | None, named: str | None, key: Key | None) -> str:
    """The tenant of a record on a topic that is bound to `bound` (None: to none).

    Raises `Rejected` (`refused`) where the record names another tenant than the topic's.
    """
    if bound is not None and named is not None and named != bound:
        raise Rejected(
            f"this topic is bound to the tenant {bound}: leave `tenant` out, or write to another topic",
            code="refused",
        )
    return bound or named or (key.tenant if key else DEFAULT_TENANT)
