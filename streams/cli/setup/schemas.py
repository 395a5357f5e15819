"""`schemas`: the messages' JSON Schemas, the AsyncAPI and the OpenAPI document, written or compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from streams.cli.output import FAILED, Json, Output
from streams.errors import Misconfigured
from streams.messages import schemas

app = typer.Typer(help="The schemas of all messages.", no_args_is_help=True)

Folder = Annotated[Path, typer.Option(help="Where the schemas lie.")]


@app.command()
def export(folder: Folder = Path("schemas"), as_json: Json = False) -> None:
    """Write a JSON Schema for each message, and the AsyncAPI and the OpenAPI document.

    Example: `rag-streams schemas export --folder schemas`
    """
    for path in schemas.export(folder, _openapi()):
        Output(as_json).row({"written": str(path)}, str(path))


@app.command()
def check(folder: Folder = Path("schemas"), as_json: Json = False) -> None:
    """Say which schemas differ from this version's; exit 1 if any does.

    Example: `rag-streams schemas check schemas/`
    """
    out = Output(as_json)
    drifts = schemas.check(folder, _openapi())
    for drift in drifts:
        out.row({"drift": str(drift)}, str(drift))
    if drifts:
        raise typer.Exit(FAILED)
    out.line("no drift")


def _openapi() -> Mapping[str, Any]:
    try:
        from streams.gateway.app import openapi  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise Misconfigured(
            f"the OpenAPI document is made by {error.name}: pip install 'rag-streams[gateway]'",
            setting="schemas",
        ) from error
    return {"openapi.json": openapi()}
