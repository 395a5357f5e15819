"""What the documentation tells its readers to type can be typed: commands, options, settings, formats."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer
import yaml
from typer.core import TyperGroup, TyperOption

from streams.cli.app import app
from streams.settings import Settings
from streams.settings.names import PREFIX
from streams.settings.secret_files import is_secret

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMED_ELSEWHERE = {"STREAMS_TEST_DATA"}
"""What the tests read, and no program."""


def blocks(*languages):
    """Each block in one of the languages: its page's name and its text, out of what it is indented by."""
    for page in PAGES:
        for indent, language, text in re.findall(
            r"^( *)```(\S*)[^\n]*\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE
        ):
            if language in languages:
                yield page.name, re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)


def lines():
    """Each line that a shell is given, joined where it goes on in the next, without its comment."""
    for page, text in blocks("", "bash", "sh", "console", "shell"):
        for line in text.replace("\\\n", " ").splitlines():
            yield page, re.sub(r"(^|\s)#.*", "", line).strip()


def commands():
    """Each call of `rag-streams` in a shell's line: the page, and the words after it."""
    for page, line in lines():
        for part in re.split(r"\||&&|;|\$\(", line):
            if found := re.match(
                r"(?:\w+=\S* +|docker compose (?:exec|run)\b.*? )*rag-streams +(.*)", part.strip()
            ):
                yield page, shlex.split(found[1].split(" > ")[0].rstrip(")&"))


def stray(words):
    """What of a call no command takes."""
    at = typer.main.get_command(app)
    rest = list(words)
    while isinstance(at, TyperGroup) and rest and not rest[0].startswith("-"):
        if rest[0] not in at.commands:
            return rest[0]
        at = at.commands[rest.pop(0)]
    known = {
        "--help",
        "-h",
        *(opt for param in at.params if isinstance(param, TyperOption) for opt in all_of(param)),
    }
    return next((word for word in rest if word.startswith("--") and word.split("=")[0] not in known), None)


def all_of(option):
    return (*option.opts, *option.secondary_opts)


def test_every_command_and_every_option_of_it_is_there():
    told = list(commands())
    assert len(told) > 30
    assert [(page, words) for page, words in told if stray(words)] == []


def test_every_task_is_in_the_makefile():
    tasks = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = [(page, found[1]) for page, line in lines() if (found := re.match(r"make ([a-z-]+)", line))]
    assert told != []
    assert [(page, task) for page, task in told if task not in tasks] == []


def test_every_setting_is_one():
    names = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    names |= {
        f"{PREFIX}{name.upper()}_FILE" for name, field in Settings.model_fields.items() if is_secret(field)
    }
    told = [
        (page.name, name)
        for page in PAGES
        for name in re.findall(r"\bSTREAMS_[A-Z_]*[A-Z]\b(?![_*])", page.read_text())
    ]
    assert [(page, name) for page, name in told if name not in names | NAMED_ELSEWHERE] == []


def test_json_can_be_read():
    reader = json.JSONDecoder()
    for page, text in blocks("json"):
        rest = text.strip()
        while rest:
            try:
                _, end = reader.raw_decode(rest)
            except ValueError as error:
                pytest.fail(f"{page}: {error}: {rest[:80]}")
            rest = rest[end:].strip()


def test_toml_yaml_and_python_can_be_read():
    read = {
        "toml": tomllib.loads,
        "yaml": yaml.safe_load,
        "python": lambda text: compile(text, "page", "exec", 0x2000),
    }
    for language, parse in read.items():
        for page, text in blocks(language):
            try:
                parse(text)
            except (ValueError, SyntaxError, yaml.YAMLError) as error:
                pytest.fail(f"{page}: {error}")
