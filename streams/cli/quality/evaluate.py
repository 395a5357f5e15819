"""`eval`: how well the index answers a set of questions, and with which settings it would do better."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from streams.cli.output import FAILED, Json, Output
from streams.cli.quality.questions import read_questions
from streams.client import Client
from streams.client.here import here
from streams.errors import Misconfigured
from streams.evaluation.asked import Answered, ask_all
from streams.evaluation.expected import Expected
from streams.evaluation.retrieval import Tuned
from streams.evaluation.scores import Scores, by_language
from streams.ollama.client import OllamaClient
from streams.settings import Settings
from streams.worker.evaluating import evaluation_of
from streams.worker.generations import opened
from streams.worker.parts import answering_of, ollama_config, open_index

COLUMNS = {
    "questions": "n",
    "recall_1": "R@1",
    "recall_5": "R@5",
    "recall_10": "R@10",
    "recall_given": "given",
    "ndcg_10": "nDCG@10",
    "mrr": "MRR",
    "abstained_rightly": "right",
    "abstained_wrongly": "wrong",
    "p50_ms": "p50",
    "p95_ms": "p95",
}
"""`given`: recall of what an answer is made from; `right` and `wrong`: shares of abstaining; times in
milliseconds."""


def evaluate(
    questions: Annotated[
        Path, typer.Argument(metavar="SET", exists=True, dir_okay=False, help="Questions, as JSON lines.")
    ],
    tune: Annotated[
        bool, typer.Option("--tune", help="Find the best weight and threshold on one half; try the other.")
    ] = False,
    answers: Annotated[
        bool, typer.Option("--answers", help="Ask the workers too: grounding, routes, abstention, latency.")
    ] = False,
    min_recall: Annotated[
        float, typer.Option(min=0, max=1, help="Fail where recall@5 of all is less than this.")
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Measure how well the index finds the documents that answer questions, by language.

    A line of SET: `{"question": "…", "document_ids": ["kb/42"], "tenant": "acme", "language": "en"}`, with no
    document ids where nothing in the index answers it.

    Example: `rag-streams eval questions.jsonl --tune`
    """
    out, asked = Output(as_json), read_questions(questions)
    found = asyncio.run(_evaluated(here(), asked, out, tune=tune, answers=answers))
    if (found.recall_5 or 0.0) < min_recall:
        out.line(f"recall@5 is {found.recall_5 or 0.0:.3f}, less than {min_recall:g}", style="red")
        raise typer.Exit(FAILED)


async def _evaluated(
    settings: Settings, asked: Sequence[Expected], out: Output, *, tune: bool, answers: bool
) -> Scores:
    answering = answering_of(settings)
    async with AsyncExitStack() as stack:
        index = await open_index(settings)
        stack.push_async_callback(index.close)
        record = await index.generations()
        if record is None:
            raise Misconfigured("there is no index yet: start a worker first", setting="STREAMS_STORE")
        models = await stack.enter_async_context(OllamaClient(ollama_config(settings)))
        live = await opened(index, models, record.live)
        stack.push_async_callback(live.store.close)
        evaluation = evaluation_of(live, settings)
        whole = by_language(await evaluation.rank(asked, weight=answering.alpha))
        arms = {
            name: by_language(await evaluation.rank(asked, weight=weight))["all"]
            for name, weight in (("words", 0.0), ("vectors", 1.0))
        }
        _show(
            "retrieval (given: to answer from; right, wrong: abstaining; p50, p95: ms)",
            {**whole, **arms},
            out,
        )
        if tune:
            _show_tuned(await evaluation.tune(asked, weight=answering.alpha), answering.alpha, out)
        if answers:
            client = await stack.enter_async_context(Client(settings))
            _show_answers(await ask_all(client.answer, asked), out)
    return whole["all"]


def _show(what: str, rows: Mapping[str, Scores], out: Output) -> None:
    table = Table("", *COLUMNS.values(), title=what, padding=(0, 0))
    for name, row in rows.items():
        if out.as_json:
            out.row({"what": what.partition(" ")[0], "name": name, **asdict(row)})
        table.add_row(name, *(_number(getattr(row, column)) for column in COLUMNS))
    if not out.as_json:
        out.console.print(table)


def _show_tuned(tuned: Tuned, weight: float, out: Output) -> None:
    tried = {f"weight {candidate:g}": found for candidate, found in tuned.tried.items()}
    _show("tried on one half, for nDCG@10", tried, out)
    _show("tested on the half that was not looked at", {"as set": tuned.before, "tuned": tuned.after}, out)
    facts = {
        "STREAMS_VECTOR_WEIGHT": tuned.weight,
        "STREAMS_SIMILARITY_THRESHOLD": tuned.similarity,
    }
    out.row(
        {"what": "tuned", "weight_before": weight, **facts}, "best on the other half: " + _settings(facts)
    )


def _settings(facts: Mapping[str, float | None]) -> str:
    return "  ".join(f"{name}={value:g}" for name, value in facts.items() if value is not None)


def _show_answers(answered: Mapping[str, Answered], out: Output) -> None:
    rows = {name: asdict(one) for name, one in answered.items()}
    for name, row in rows.items():
        text = "\n".join(f"{field.replace('_', ' '):<18} {_shown(value)}" for field, value in row.items())
        out.row({"what": "answers", "name": name, **row}, f"answers, {name}\n{text}\n")


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "  ".join(f"{name} {share:.2f}" for name, share in value.items())
    return _number(value if isinstance(value, int | float) else None)


def _number(value: float | None) -> str:
    if value is None:
        return "–"  # noqa: RUF001 - a dash
    return str(value) if isinstance(value, int) else f"{value:.0f}" if value >= 10 else f"{value:.3f}"  # noqa: PLR2004 - a matter of width
