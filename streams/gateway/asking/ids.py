"""Ids of questions: UUIDs that say when they were made, so that a question can be found by its id alone."""

from __future__ import annotations

import secrets
import uuid

VERSION = 7


def new(now: float) -> str:
    """A UUIDv7 (RFC 9562, section 5.7) of this time (seconds since the epoch), with 74 random bits."""
    bits = (int(now * 1000) & (1 << 48) - 1) << 80 | VERSION << 76 | 0b10 << 62
    return str(uuid.UUID(int=bits | secrets.randbits(12) << 64 | secrets.randbits(62)))


def made_ms(id_: str) -> int | None:
    """When the id was made, in milliseconds since the epoch; None where it is none of ours."""
    try:
        found = uuid.UUID(id_)
    except ValueError:
        return None
    if str(found) != id_ or found.version != VERSION:
        return None
    return found.int >> 80
