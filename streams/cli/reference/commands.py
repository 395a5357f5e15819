"""The command line's page."""

from __future__ import annotations

from collections.abc import Iterator

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from streams.cli.app import app

HEAD = """# Command line

`rag-streams COMMAND --help` says the same. Every command that prints takes `--json`: one object a line.
Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 a service cannot be reached, 130 interrupted by
Ctrl-C. An error is one line that says what is wrong and what to do. `rag-streams --install-completion`
completes commands and options in your shell. What a command works on, and where, is said by the
[settings](settings.md).
"""


def page() -> str:
    """The page's Markdown, made from the commands themselves."""
    return HEAD + "".join(_section(path, command) for path, command in _commands("rag-streams", _root()))


def _root() -> TyperGroup:
    root = typer.main.get_command(app)
    if not isinstance(root, TyperGroup):
        raise TypeError("the command line has no commands")
    return root


def _commands(path: str, group: TyperGroup) -> Iterator[tuple[str, TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _commands(f"{path} {name}", command)
        elif isinstance(command, TyperCommand):
            yield f"{path} {name}", command


def _section(path: str, command: TyperCommand) -> str:
    rows = [_row(param) for param in command.params if isinstance(param, TyperArgument | TyperOption)]
    table = (
        "".join(["\n| argument or option | what it is | default |\n| --- | --- | --- |\n", *rows])
        if rows
        else ""
    )
    return f"\n## {path}\n\n{_help(command)}\n{table}"


def _help(command: TyperCommand) -> str:
    paragraphs = [" ".join(part.split()) for part in (command.help or "").split("\n\n")]
    return "\n\n".join(paragraphs)


def _row(param: TyperArgument | TyperOption) -> str:
    said = (param.help or "").replace("|", "\\|")
    return f"| `{_given(param)}` | {said} | {'required' if param.required else _default(param.default)} |\n"


def _given(param: TyperArgument | TyperOption) -> str:
    if isinstance(param, TyperArgument):
        return f"{(param.name or '').upper()}{'…' if param.nargs == -1 else ''}"
    return " ".join([*param.opts, *param.secondary_opts])


def _default(value: object) -> str:
    return (
        f"`{value}`"
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""
        else ""
    )
