"""What holds of every command."""

import re

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from streams.cli.app import app

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


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_it_completes_in_a_shell(shell):
    done = CliRunner().invoke(app, ["--show-completion", shell], prog_name="rag-streams")
    assert "rag-streams" in done.output
