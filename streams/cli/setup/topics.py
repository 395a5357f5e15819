"""`topics`: ours are made where they are missing, all are compared where they exist."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import typer

from streams.cli.output import FAILED, Json, Output
from streams.client.here import here
from streams.kafka import topics
from streams.kafka.topics import TopicReport
from streams.wiring import connection, topic_plan

app = typer.Typer(help="The topics that rag-streams reads and writes.", no_args_is_help=True)


@app.command()
def create(as_json: Json = False) -> None:
    """Make the topics that are missing; change none that exists, but say where it differs.

    Of the sources only `STREAMS_TOPIC_CHANGES` is made: the others are made by whoever writes to them, such
    as a connector at its first record, and workers wait for them.

    Example: `STREAMS_TOPIC_REPLICATION=3 rag-streams topics create`
    """
    settings = here()
    specs = topics.wanted(topic_plan(settings))
    reports = asyncio.run(topics.create(connection(settings), specs))
    _show(reports, Output(as_json))
    if not all(report.fits or report.awaited for report in reports):
        raise typer.Exit(FAILED)


@app.command()
def check(as_json: Json = False) -> None:
    """Say which topics are missing or differ from what is wanted; exit 1 if one is missing or can't be used.

    Example: `rag-streams topics check`
    """
    settings = here()
    specs = topics.wanted(topic_plan(settings))
    reports = asyncio.run(topics.check(connection(settings), specs))
    _show(reports, Output(as_json))
    if not all(report.fits for report in reports):
        raise typer.Exit(FAILED)


def described(report: TopicReport) -> str:
    """A report in words."""
    if report.awaited:
        return "missing: made by whoever writes to it; workers wait for it"
    found = [f"{one.what} is {one.found}, wanted {one.wanted}" for one in report.differences]
    return "; ".join([report.state, *found, *([report.stuck] if report.stuck else [])])


def _show(reports: Sequence[TopicReport], out: Output) -> None:
    for report in reports:
        row = {
            "topic": report.name,
            "state": report.state,
            "fits": report.fits,
            "differences": [
                {"what": one.what, "wanted": one.wanted, "found": one.found} for one in report.differences
            ],
            "note": report.note,
            "stuck": report.stuck,
        }
        out.row(row, f"{report.name}  {described(report)}")
    for note in dict.fromkeys(report.note for report in reports if report.note):
        out.line(f"note: {note}", style="dim")
