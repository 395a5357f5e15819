"""`reindex`: the next generation of the index built beside the live one, judged, switched to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from streams.cli.index.steps import Steps
from streams.cli.output import Json, Output
from streams.cli.quality.questions import read_questions
from streams.client.here import here
from streams.errors import StreamsError
from streams.evaluation.expected import Expected
from streams.indexing.generations.copying import Copied
from streams.indexing.generations.steps import shown
from streams.ollama.client import OllamaClient
from streams.ports import Generation, Generations, unobserved
from streams.settings import Settings
from streams.wiring import read_topics
from streams.worker import owner
from streams.worker.cutting import cutter_of
from streams.worker.evaluating import evaluation_of
from streams.worker.generations import chunking_named, described, right
from streams.worker.parts import answering_of, ollama_config, open_index
from streams.worker.reindex import Reindex
from streams.worker.replaying import replay_of
from streams.worker.verdict import not_switched, objection, refusals

LEFT = (
    "it stays, and each change is embedded for it, too: run this again to go on, or give it up with --abandon"
)

From = Literal["index", "topics"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the next generation is to be, and what it takes to switch to it."""

    model: str | None
    dimension: int | None
    characters: int | None
    source: From
    questions: Sequence[Expected] | None
    min_recall: float | None
    force: bool

    @property
    def names_none(self) -> bool:
        """Whether nothing is said of what the generation is to be."""
        return (self.model, self.dimension, self.characters) == (None, None, None)


def reindex(
    model: Annotated[str | None, typer.Option(help="The embedding model; else the setting's.")] = None,
    dimension: Annotated[
        int | None, typer.Option(min=1, help="What its vectors must have; else the model server is asked.")
    ] = None,
    chunk_characters: Annotated[
        int | None,
        typer.Option(min=100, max=20_000, help="Characters that a passage has about; else the setting's."),
    ] = None,
    source: Annotated[
        From, typer.Option("--from", help="Made from the index's own documents, or from the topics.")
    ] = "index",
    evaluate: Annotated[
        Path | None,
        typer.Option(
            "--eval", exists=True, dir_okay=False, help="Questions to compare by; else the index is sampled."
        ),
    ] = None,
    min_recall: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Switch if recall@5 is at least this, else if no worse."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Switch whatever speaks against it.")] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Back to the generation before, brought up to date first.")
    ] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Delete the generation before.")] = False,
    abandon: Annotated[bool, typer.Option("--abandon", help="Delete the one that is being built.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Say which generations there are.")] = False,
    take_over: Annotated[
        bool,
        typer.Option("--take-over", help="Make the index that of this Kafka cluster, and no more than that."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Build the index anew with another model or other passages, beside the live one, and switch to it.

    Workers go on meanwhile, and follow by themselves. Killed or interrupted, the same command goes on where
    it was. `--eval` takes JSON lines: `{"question": "…", "document_ids": ["kb/42"], "tenant": "default"}`.

    Example: `rag-streams reindex --model mxbai-embed-large --eval questions.jsonl`
    """
    if sum((rollback, drop, abandon, status, take_over)) > 1:
        raise typer.BadParameter("--rollback, --drop, --abandon, --status and --take-over are one at a time")
    if take_over:
        asyncio.run(_take_over(here(), Output(as_json)))
        return
    questions = None if evaluate is None else read_questions(evaluate)
    options = Options(model, dimension, chunk_characters, source, questions, min_recall, force)
    out = Output(as_json)
    try:
        asyncio.run(_run(here(), options, out, rollback, drop, abandon, status))
    except KeyboardInterrupt:
        out.line("interrupted: what is built stays, and the same command goes on from there")
        raise


async def _take_over(settings: Settings, out: Output) -> None:
    index = await open_index(settings)
    try:
        record = await owner.take_over(index, settings)
    finally:
        await index.close()
    whose = record.kafka or "whichever Kafka's worker is the first to start with it"
    out.row({"step": "taken over", "kafka": record.kafka}, f"the index is that of {whose}")


async def _run(
    settings: Settings, options: Options, out: Output, rollback: bool, drop: bool, abandon: bool, status: bool
) -> None:
    async with AsyncExitStack() as stack:
        index = await open_index(settings)
        stack.push_async_callback(index.close)
        if not status:
            await owner.refuse_others(index, settings)
        client = await stack.enter_async_context(OllamaClient(ollama_config(settings)))
        cutter = cutter_of(settings, unobserved)
        stack.push_async_callback(cutter.close)
        steps = stack.enter_context(Steps(out))
        work = Reindex(
            index, client, cutter, steps, alpha=answering_of(settings).alpha,
            evaluation=lambda generation: evaluation_of(generation, settings),
        )  # fmt: skip
        if status:
            _show(await work.record(), out)
        elif drop:
            _gone(await work.drop(), out)
        elif abandon:
            _gone(await work.abandon(), out)
        elif rollback:
            await _back(work, settings, options, steps)
        else:
            await _build(work, settings, options, steps)


async def _build(work: Reindex, settings: Settings, options: Options, steps: Steps) -> None:
    record = await work.record()
    wanted = record.building if options.names_none and record.building else None
    if wanted is None:
        wanted = await work.wanted(
            options.model or settings.embed_model,
            options.characters or settings.chunk_characters,
            options.dimension,
        )
    if wanted.made_as(record.live) and record.building is None and options.source == "index":
        steps.step("nothing to do", generation=shown(record.live))
        return
    # Whatever can be wrong with the topics is found before anything is begun.
    replay = await replay_of(settings, steps) if options.source == "topics" else None
    record = await work.begin(wanted)
    steps.step("build", live=shown(record.live), new=shown(wanted))
    async with _begun(steps, wanted):
        copied = await work.fill(replay)
        verdict = await work.judge(options.questions)
    steps.judged(verdict)
    if not options.force:
        _unobjected(objection(verdict, copied, min_recall=options.min_recall), copied, work)
    _switched(await work.switch(_sources(settings), force=options.force), settings, steps)


async def _back(work: Reindex, settings: Settings, options: Options, steps: Steps) -> None:
    record = await work.take_back()
    steps.step("roll back", live=shown(record.live), new=record.building and shown(record.building))
    async with _begun(steps, record.building or record.live):
        copied = await work.fill()
    if not options.force:
        _unobjected(refusals(copied), copied, work)
    _switched(await work.switch(_sources(settings), force=options.force), settings, steps)


@asynccontextmanager
async def _begun(steps: Steps, generation: Generation) -> AsyncIterator[None]:
    """Where this fails, says that a generation is left that is written beside the live one."""
    try:
        yield
    except StreamsError:
        steps.step("left", building=shown(generation), hint=LEFT)
        raise


def _unobjected(reason: str | None, copied: Copied, work: Reindex) -> None:
    """Raises `Rejected` where something speaks against a switch."""
    if reason is not None:
        work.refused(copied)
        raise not_switched(reason)


def _sources(settings: Settings) -> Sequence[str]:
    return [source.topic for source in read_topics(settings).sources]


def _switched(record: Generations, settings: Settings, steps: Steps) -> None:
    steps.step("switched", live=shown(record.live), kept=record.previous and shown(record.previous))
    if not described(record.live, settings):
        steps.step("set", settings=right(record.live))


def _show(record: Generations, out: Output) -> None:
    slots = {"live": record.live, "building": record.building, "previous": record.previous}
    for slot, generation in slots.items():
        if generation is not None:
            out.row(_row(slot, generation), f"{slot:<9} {generation.name:<4} {shown(generation)}")


def _row(slot: str, generation: Generation) -> dict[str, object]:
    return {
        "slot": slot,
        "name": generation.name,
        "embed_model": generation.embed_model,
        "dimension": generation.dimension,
        "chunking": generation.chunking,
        "chunk_characters": chunking_named(generation).target_chars,
    }


def _gone(generation: Generation, out: Output) -> None:
    out.row(_row("dropped", generation), f"dropped   {generation.name:<4} {shown(generation)}")
