"""A stream goes on after the last event that was seen, and ends with the key that it was opened with."""

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from streams.gateway.access import keys
from streams.gateway.access.keyring import Keyring
from streams.gateway.access.keys import KeyFile
from streams.gateway.http.events import EventStream, after, last_seen
from tests.unit.messages.events import completed, delta

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


def test_what_follows_the_last_event_is_sent_and_a_terminal_one_unless_it_was_that():
    assert after(delta(1, 3, "x"), (1, 2), terminal=False)
    assert not after(delta(1, 2, "x"), (1, 2), terminal=False)
    assert after(delta(2, 0, "x"), (1, 9), terminal=False)
    assert after(completed(1, 3, "x"), (2, 1), terminal=True)
    assert not after(completed(1, 3, "x"), (1, 3), terminal=True)


@pytest.mark.parametrize("text", ["", "1", "1.", ".1", "a.b", "1.2.3", "-1.2", "1.²", "1 .2"])
def test_what_names_no_event_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - it says no more than what it was given
        last_seen(text)
