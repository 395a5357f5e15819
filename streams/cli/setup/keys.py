"""`keys`: who may use the gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.output import Json, Output
from streams.client.here import here
from streams.errors import Rejected
from streams.gateway.access import keys as file
from streams.gateway.access.keys import SCOPES, SETTING, Key, KeyFile, Scope
from streams.messages.changes import DEFAULT_TENANT
from streams.settings.names import misconfigured
from streams.worker.parts import utc_now

app = typer.Typer(
    help="API keys of the gateway, in the file that STREAMS_API_KEYS_FILE names.", no_args_is_help=True
)


@app.command()
def create(
    tenant: Annotated[str, typer.Option(help="The tenant that the key belongs to.")] = DEFAULT_TENANT,
    principal: Annotated[
        list[str] | None, typer.Option(help="Whom it speaks for, as in a document's readers; repeat.")
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help=f"What it may do: {', '.join(SCOPES)}; repeat. Else `ask`.")
    ] = None,
    name: Annotated[str, typer.Option(help="What it is for, for people.")] = "",
    rate_limit: Annotated[
        str | None,
        typer.Option(help="Requests that it may make, such as `60/minute`. Else STREAMS_RATE_LIMIT."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a key, and show it, once: the file holds its hash alone.

    Example: `rag-streams keys create --tenant acme --principal group:support --scope ask --scope read`
    """
    key, text = file.made(
        tenant=tenant, principals=principal or [], scopes=_scopes(scope or ["ask"]), now=utc_now(), name=name,
        rate_limit=rate_limit,
    )  # fmt: skip
    path = _path()
    with file.changing(path) as held:
        file.write(path, KeyFile(keys=(*held.keys, key)))
    out = Output(as_json)
    out.row({"key": text, **_row(key)}, text)
    out.line(f"this is shown once; {path} holds its hash", style="dim")


@app.command("list")
def list_keys(as_json: Json = False) -> None:
    """List the keys: who, what, since when; not the keys themselves.

    Example: `rag-streams keys list`
    """
    out = Output(as_json)
    for key in file.read(_path()).keys:
        what = f"{','.join(key.scopes)}  {','.join(key.principals) or '-'}  {key.rate_limit or '-'}"
        gone = f"  revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else ""
        out.row(
            _row(key), f"{key.id}  {key.tenant}  {what}  {key.created_at:%Y-%m-%d %H:%M}  {key.name}{gone}"
        )


@app.command()
def revoke(
    ids: Annotated[list[str], typer.Argument(help="Ids, as `keys list` shows them.")], as_json: Json = False
) -> None:
    """Revoke keys: gateways that run turn them away within seconds.

    Example: `rag-streams keys revoke 3f9a0c5e7b12`
    """
    path, out = _path(), Output(as_json)
    with file.changing(path) as held:
        if unknown := sorted(set(ids) - {key.id for key in held.keys}):
            raise Rejected(f"no such key: {', '.join(unknown)}; see `rag-streams keys list`", code="absent")
        now = utc_now()
        gone = {
            key.id: key.model_copy(update={"revoked_at": key.revoked_at or now})
            for key in held.keys
            if key.id in ids
        }
        file.write(path, KeyFile(keys=tuple(gone.get(key.id, key) for key in held.keys)))
    for key in gone.values():
        out.row(_row(key), f"{key.id}  revoked")


def _path() -> Path:
    path = here().api_keys_file
    if path is None:
        raise misconfigured(SETTING.removeprefix("STREAMS_").lower(), "is needed: it names the file of keys")
    return path


def _scopes(named: list[str]) -> tuple[Scope, ...]:
    chosen = tuple(scope for scope in SCOPES if scope in named)
    if len(chosen) != len(set(named)):
        raise typer.BadParameter(f"--scope takes {', '.join(SCOPES)}")
    return chosen


def _row(key: Key) -> dict[str, object]:
    return key.model_dump(mode="json", exclude={"sha256"})
