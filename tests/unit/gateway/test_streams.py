"""A stream ends with the key that it was opened with; the description is made once."""

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx
import pytest

from streams.gateway import app as gateway
from streams.gateway import keys
from streams.gateway.events import EventStream
from streams.gateway.keyring import Keyring
from streams.gateway.keys import KeyFile
from streams.settings import Settings

NOW = datetime(2026, 11, 26, tzinfo=UTC)


class Quick(EventStream):
    alive_s = 0.01


CHANGES = [
    {"revoked_at": NOW}, {"scopes": ("read",)}, {"tenant": "other"}, {"principals": ()}, None,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("waiting", [False, True])
async def test_a_stream_ends_with_an_error_when_its_key_is_revoked_changed_or_gone(tmp_path, change, waiting):
    path = tmp_path / "keys.json"
    key, _ = keys.made(tenant="mine", principals=["group:a"], scopes=["ask", "read"], now=NOW)
    keys.write(path, KeyFile(keys=(key,)))
    ring, closed = Keyring(path, lambda _event: None), []

    async def chunks():
        try:
            yield b"first"
            while True:
                await asyncio.sleep(3600 if waiting else 0)
                yield b"more"
        finally:
            closed.append(True)

    sent = b""

    async def send(message):
        nonlocal sent
        before, sent = sent, sent + message.get("body", b"")
        if b"first" in sent and b"first" not in before:
            held = () if change is None else (key.model_copy(update=change),)
            keys.write(path, KeyFile(keys=held))
            ring.look()

    async def receive():
        await asyncio.Event().wait()

    scope = {"type": "http", "asgi": {"spec_version": "2.3"}}
    stream = Quick(chunks(), AsyncExitStack(), stands=lambda: ring.stands(key))
    async with asyncio.timeout(20):
        await stream(scope, receive, send)
    assert b"more" not in sent
    assert json.loads(sent.rpartition(b"data: ")[2])["code"] == "key_revoked"
    assert closed


async def test_a_key_that_has_another_name_or_rate_is_the_same(tmp_path):
    path = tmp_path / "keys.json"
    key, _ = keys.made(tenant="mine", principals=(), scopes=["ask"], now=NOW)
    keys.write(path, KeyFile(keys=(key.model_copy(update={"name": "new", "rate_limit": "1/hour"}),)))
    assert Keyring(path, lambda _event: None).stands(key)


async def test_the_description_is_not_made_anew_for_each_who_asks(monkeypatch):
    parts = SimpleNamespace(settings=Settings(), observe=lambda _event: None)
    app = gateway.application(parts)

    def never(**_given):
        raise AssertionError

    monkeypatch.setattr(gateway, "get_openapi", never)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        assert "/v1/questions" in (await client.get("/openapi.json")).json()["paths"]
