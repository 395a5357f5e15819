"""`schemas`: the messages' JSON Schemas and the AsyncAPI document, written or compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.output import FAILED, Json, Output
from streams.messages import schemas

app = typer.Typer(help="The schemas of all messages.", no_args_is_help=True)

Folder = Annotated[Path, typer.Option(help="Where the schemas lie.")]


@app.command()
def export(folder: Folder = Path("schemas"), as_json: Json = False) -> None:
    """Write a JSON Schema for each message, and the AsyncAPI document.

    Example: `rag-streams schemas export --folder schemas`
    """
    for path in schemas.export(folder):
        Output(as_json).row({"written": str(path)}, str(path))


@app.command()
def check(folder: Folder = Path("schemas"), as_json: Json = False) -> None:
    """Say which schemas differ from this version's; exit 1 if any does."""
    out = Output(as_json)
    drifts = schemas.check(folder)
    for drift in drifts:
        out.row({"drift": str(drift)}, str(drift))
    if drifts:
        raise typer.Exit(FAILED)
    out.line("no drift")
