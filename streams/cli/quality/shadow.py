"""`shadow`: how a shadow model's answers compare with those that were sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from streams.cli.output import FAILED, Json, Output
from streams.cli.quality.pairing import pairing
from streams.client.here import here
from streams.evaluation.shadowed import Comparison, Side, compare
from streams.kafka.consume import stretch
from streams.kafka.replies import event_of
from streams.messages.answers import AnswerCompleted, AnswerFailed, Terminal
from streams.settings import Settings
from streams.wiring import connection

app = typer.Typer(help="A model that answers on the side.", no_args_is_help=True)

ROWS = {
    "models": "model",
    "abstained": "abstained",
    "first_token_p50": "first token p50, ms",
    "first_token_p95": "first token p95, ms",
    "generated_p50": "whole answer p50, ms",
    "generated_p95": "whole answer p95, ms",
    "grounded": "grounded",
    "fallback": "not by the primary model",
    "cited": "citations in the text",
    "completion_tokens": "tokens an answer",
}


FAVOURED = (
    "The times are the models' own. The shadow answers only while no question of its worker needs a model, so"
    " that its times are of a model server with less to do than those that were sent: they favour it."
)


@app.callback()
def _group() -> None:
    """A model that answers on the side."""


@app.command()
def report(
    days: Annotated[float, typer.Option(help="How far back; answers are kept for 7 days.", min=0.01)] = 7.0,
    as_json: Json = False,
) -> None:
    """Compare a shadow model's answers with those that were sent: latency, abstention, grounding, agreement.

    Example: `rag-streams shadow report --days 3`
    """
    settings, out = here(), Output(as_json)
    found = asyncio.run(_compared(settings, datetime.now(UTC) - timedelta(days=days)))
    if as_json:
        out.row(asdict(found))
    else:
        _show(found, days, out)
    if not found.questions:
        raise typer.Exit(FAILED)


async def _compared(settings: Settings, since: datetime) -> Comparison:
    with pairing() as pairs:
        async for end in _ends(settings, settings.topic_shadow, since):
            if isinstance(end, AnswerCompleted):
                pairs.shadow(end)
        async for end in _ends(settings, settings.topic_answers, since):
            pairs.live(end)
        return compare(pairs, pairs.unmatched)


async def _ends(settings: Settings, topic: str, since: datetime) -> AsyncIterator[Terminal]:
    there = connection(settings)
    # The embedded broker can't look up a time.
    milliseconds = None if there.embedded else int(since.timestamp() * 1000)
    async for record in stretch(there, topic, since=milliseconds):
        event = event_of(record)
        if isinstance(event, AnswerCompleted | AnswerFailed) and event.at >= since:
            yield event


def _show(found: Comparison, days: float, out: Output) -> None:
    if not found.questions:
        out.line(
            f"no question of the last {days:g} days was answered by both, {found.unmatched} by the shadow"
            " alone: is STREAMS_SHADOW_MODEL set where the worker runs?"
        )
        return
    table = Table("", "sent", "shadow", title=f"{found.questions} questions of the last {days:g} days")
    for name, title in ROWS.items():
        table.add_row(title, _cell(found.live, name), _cell(found.shadow, name))
    out.console.print(table)
    out.line(
        f"both or neither abstained {_number(found.abstained_alike)}; where neither did, agreement of the"
        f" texts {_number(found.agreement)}, of the documents cited {_number(found.same_documents)}"
    )
    out.line(FAVOURED)
    if found.unmatched:
        out.line(f"{found.unmatched} more by the shadow, whose live answers are gone, or went elsewhere")


def _cell(side: Side, name: str) -> str:
    value = getattr(side, name)
    return ", ".join(value) if isinstance(value, tuple) else _number(value)


def _number(value: float | None) -> str:
    if value is None:
        return "–"  # noqa: RUF001 - a dash
    return f"{value:.0f}" if value >= 10 else f"{value:.2f}"  # noqa: PLR2004 - a matter of width
