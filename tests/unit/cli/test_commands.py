"""What holds of every command."""

import re

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from streams.cli.app import app
from streams.errors import Misconfigured

UNTIL_INTERRUPTED = {"worker", "gateway"}
"""These print a log, whose form STREAMS_LOG_FORMAT says."""


def commands(group=None, path=()):
    for name, command in (group or typer.main.get_command(app)).commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, (*path, name))
        else:
            yield pytest.param((*path, name), command, id=" ".join((*path, name)))


@pytest.mark.parametrize(("path", "command"), list(commands()))
def test_its_help_says_what_it_does_and_has_an_example_of_itself(path, command):
    said, *_ = command.help.strip().splitlines()
    assert said.endswith((".", "!")) or len(said) > 60
    assert re.search(rf"Examples?: `?.*rag-streams {' '.join(path)}", command.help)
    assert all(param.help for param in command.params if param.name != "help")


@pytest.mark.parametrize(("path", "command"), list(commands()))
def test_it_can_print_json(path, command):
    options = {option for param in command.params for option in param.opts}
    assert "--json" in options or path[-1] in UNTIL_INTERRUPTED


def test_nothing_is_coloured_where_nobody_looks():
    assert "\x1b[" not in CliRunner().invoke(app, ["--help"]).output


@pytest.mark.parametrize(
    ("arguments", "setting"),
    [
        ("up", "STREAMS_STATE_DIR"),
        ("doctor", "STREAMS_SQLITE_PATH"),
        ("keys create --tenant acme --scope ask", "STREAMS_API_KEYS_FILE"),
        ("keys revoke somebody", "STREAMS_API_KEYS_FILE"),
    ],
)
def test_a_place_where_nothing_can_be_written_is_named_with_its_setting(
    arguments, setting, tmp_path, monkeypatch
):
    (tmp_path / "a-file").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(setting, "a-file/below" if setting == "STREAMS_STATE_DIR" else "a-file/below/it")
    if setting == "STREAMS_SQLITE_PATH":
        monkeypatch.setenv("STREAMS_STORE", "sqlite")
        monkeypatch.setenv("STREAMS_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
        monkeypatch.setenv("STREAMS_OLLAMA_URL", "http://127.0.0.1:1")
    done = CliRunner().invoke(app, arguments.split())
    said = str(done.exception) if isinstance(done.exception, Misconfigured) else done.output
    assert setting in said
    assert "a-file/below" in said
    assert not isinstance(done.exception, OSError)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_it_completes_in_a_shell(shell):
    # As the script that `--install-completion` writes asks; that option itself looks for the parent's shell.
    environ = {"_RAG_STREAMS_COMPLETE": f"source_{shell}"}
    done = CliRunner().invoke(app, [], prog_name="rag-streams", env=environ)
    assert "rag-streams" in done.output
