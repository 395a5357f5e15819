"""The command groups, put together."""

from __future__ import annotations

import typer

from streams import __version__
from streams.cli.index import reconcile, reindex
from streams.cli.processes import doctor, gateway, status, up, worker
from streams.cli.quality import evaluate, shadow
from streams.cli.records import ask, dead, documents, watch
from streams.cli.setup import keys, models, schemas, topics

app = typer.Typer(
    name="rag-streams",
    help="Document changes and questions in, grounded answers out, over Kafka.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rag-streams {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    del version


app.command("up")(up.up)
app.command("worker")(worker.worker)
app.command("gateway")(gateway.gateway)
app.add_typer(keys.app, name="keys")
app.add_typer(topics.app, name="topics")
app.command("put")(documents.put)
app.command("delete")(documents.delete)
app.command("ask")(ask.ask)
app.command("watch")(watch.watch)
app.add_typer(dead.app, name="dead")
app.command("reconcile")(reconcile.reconcile)
app.command("reindex")(reindex.reindex)
app.add_typer(models.app, name="models")
app.add_typer(shadow.app, name="shadow")
app.command("eval")(evaluate.evaluate)
app.command("status")(status.status)
app.command("doctor")(doctor.doctor)
app.add_typer(schemas.app, name="schemas")
