"""What is made once for all who ask."""

from types import SimpleNamespace

import httpx

from streams.gateway import app as gateway
from streams.settings import Settings


async def test_the_description_is_not_made_anew_for_each_who_asks(monkeypatch):
    parts = SimpleNamespace(settings=Settings(), observe=lambda _event: None)
    app = gateway.application(parts)

    def never(**_given):
        raise AssertionError

    monkeypatch.setattr(gateway, "get_openapi", never)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        assert "/v1/questions" in (await client.get("/openapi.json")).json()["paths"]
