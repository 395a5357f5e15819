"""Keys are made, listed and revoked; a key itself is shown once."""

import json

import pytest
from typer.testing import CliRunner

from streams.cli.app import app
from streams.gateway.access import keys


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs `rag-streams keys …`; gives what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STREAMS_API_KEYS_FILE", "keys.json")

    def run(*arguments):
        done = CliRunner().invoke(app, ["keys", *arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    return run


def test_a_list_says_whose_keys_there_are_and_shows_neither_a_key_nor_its_hash(run, tmp_path):
    wanted = {"scope": "read", "tenant": "acme", "principal": "group:a", "name": "portal"}
    options = [part for name, value in wanted.items() for part in (f"--{name}", value)]
    made = json.loads(run("create", "--json", *options))
    other = json.loads(run("create", "--json"))
    run("revoke", other["id"])
    held = keys.read(tmp_path / "keys.json").keys
    plain, as_json = run("list"), run("list", "--json")
    for said in (plain, as_json):
        for one in (made, other):
            assert one["id"] in said
            assert one["key"].split("_", 2)[2] not in said
        assert not [key for key in held if key.sha256 in said]
    first, second = plain.splitlines()
    assert all(value in first for value in wanted.values())
    assert "revoked" in second
    assert "revoked" not in first
    assert [json.loads(line)["id"] for line in as_json.splitlines()] == [made["id"], other["id"]]
