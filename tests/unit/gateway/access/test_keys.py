"""Keys: shown once, kept as hashes, read anew when their file changes."""

import asyncio
import stat
import time
from datetime import UTC, datetime

import pytest

from streams.errors import Misconfigured, Rejected
from streams.gateway.access import keys
from streams.gateway.access.keyring import Keyring, Refused
from streams.gateway.access.keys import KeyFile

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def made(**given):
    return keys.made(**{"tenant": "acme", "principals": ["group:a"], "scopes": ["ask"], "now": NOW, **given})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys.json"


@pytest.fixture
def seen():
    return []


@pytest.fixture
def ring(path, seen):
    def opened(*held):
        keys.write(path, KeyFile(keys=held))
        return Keyring(path, seen.append)

    return opened


def test_a_key_is_known_by_its_text_and_by_nothing_else(ring):
    key, text = made()
    keyring = ring(key)
    assert keyring.key(text) == key
    for wrong in (text[:-1], text + "x", text.upper(), key.id, "", None, f"rs_{key.id}_{'A' * 43}"):
        with pytest.raises(Refused):
            keyring.key(wrong)


def test_the_file_holds_no_key_and_only_its_owner_may_read_it(ring, path):
    key, text = made()
    ring(key)
    assert text.split("_", 2)[2] not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_that_is_added_counts_and_one_that_is_revoked_does_not_without_a_restart(ring, path):
    (old, old_text), (new, new_text) = made(), made()
    keyring = ring(old)
    keys.write(path, KeyFile(keys=(old.model_copy(update={"revoked_at": NOW}), new)))
    keyring.look()
    assert keyring.key(new_text) == new
    with pytest.raises(Refused) as caught:
        keyring.key(old_text)
    assert caught.value.code == "key_revoked"


@pytest.mark.parametrize("broken", [b"", b"{", b'{"keys": [{"id": "x"}]}', b'{"keys": 1}', b"\xff", None])
def test_a_file_that_is_broken_leaves_the_keys_as_they_were_and_that_is_said(ring, path, seen, broken):
    key, text = made()
    keyring = ring(key)
    path.unlink() if broken is None else path.write_bytes(broken)
    keyring.look()
    assert keyring.key(text) == key
    assert "kept" in keyring.problem
    assert seen[-1].labels == {"outcome": "broken"}
    keys.write(path, KeyFile(keys=()))
    keyring.look()
    assert keyring.problem is None
    with pytest.raises(Refused):
        keyring.key(text)


def test_a_gateway_does_not_start_with_a_file_that_is_broken(path):
    for content in (None, "{", '{"keys": [], "more": 1}'):
        if content is not None:
            path.write_text(content)
        with pytest.raises(Misconfigured) as caught:
            Keyring(path, lambda _event: None)
        assert caught.value.setting == "STREAMS_API_KEYS_FILE"


def test_what_is_wrong_with_a_file_is_said_without_what_stands_in_it(path):
    path.write_text('{"keys": [{"id": "hunter2-canary", "sha256": "hunter2-canary"}]}')
    with pytest.raises(Misconfigured) as caught:
        keys.read(path)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong", [{"tenant": "a b"}, {"scopes": []}, {"rate_limit": "often"}, {"principals": [""]}]
)
def test_a_key_that_can_not_be_is_refused(wrong):
    with pytest.raises(Rejected):
        made(**wrong)


async def test_two_who_change_the_file_at_once_do_not_lose_a_key(path):
    def add(key):
        with keys.changing(path) as held:
            time.sleep(0.01)
            keys.write(path, KeyFile(keys=(*held.keys, key)))

    every = [made()[0] for _ in range(8)]
    await asyncio.gather(*(asyncio.to_thread(add, key) for key in every))
    assert {key.id for key in keys.read(path).keys} == {key.id for key in every}


async def test_a_file_that_can_not_be_looked_at_for_once_is_looked_at_again(ring, path, monkeypatch):
    key, _ = made()
    told, read = asyncio.Event(), asyncio.Event()
    keyring = ring(key)

    def observe(event):
        if event.labels == {"outcome": "read"}:
            read.set()
        if not told.is_set():
            told.set()
            raise RuntimeError

    monkeypatch.setattr("streams.gateway.access.keyring.LOOK_S", 0.01)
    keyring._observe = observe
    watching = asyncio.create_task(keyring.watch())
    path.write_bytes(b"{")
    async with asyncio.timeout(20):
        await told.wait()
        keys.write(path, KeyFile(keys=()))
        await read.wait()
    assert not keyring.stands(key)
    watching.cancel()


def test_what_is_wrong_with_a_file_is_said_after_one_colon(path):
    path.write_text("{")
    with pytest.raises(Misconfigured, match="is no file of keys: Invalid JSON"):
        keys.read(path)


async def test_a_key_that_has_another_name_or_rate_is_the_same(tmp_path):
    path = tmp_path / "keys.json"
    key, _ = keys.made(tenant="mine", principals=(), scopes=["ask"], now=NOW)
    keys.write(path, KeyFile(keys=(key.model_copy(update={"name": "new", "rate_limit": "1/hour"}),)))
    assert Keyring(path, lambda _event: None).stands(key)
