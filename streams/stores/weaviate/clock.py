"""What time it is where the index is."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from streams.stores.weaviate.connect import Session

LIVE = "/v1/.well-known/live"


async def clock(session: Session) -> datetime | None:
    """What time Weaviate has, to the second below; None where it does not say.

    It is the `Date` of its reply (RFC 9110, section 6.6.1), which it gives whatever it says otherwise.
    """
    config = session.config
    async with session.querying(), httpx.AsyncClient(timeout=config.query_timeout, trust_env=False) as http:
        reply = await http.get(config.url.rstrip("/") + LIVE, headers={"Cache-Control": "no-cache"})
    try:
        return parsedate_to_datetime(reply.headers.get("date", "")).astimezone(UTC)
    except ValueError:
        return None
