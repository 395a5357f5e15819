"""`reconcile`: what the change topics say against what the index holds."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from streams.cli.output import FAILED, Json, Output
from streams.client.here import here
from streams.ports import Generation
from streams.reconcile.clean import remember
from streams.reconcile.findings import Found
from streams.reconcile.reading import Advance
from streams.reconcile.reconciler import Asked
from streams.reconcile.report import Report, Row
from streams.reconcile.spool import Spool
from streams.reconcile.verdict import DIFFERENCES, NOTES, Kind
from streams.settings import Settings
from streams.worker.owner import refuse_others
from streams.worker.parts import Index, Store, first_generation, open_index, utc_now
from streams.worker.reconciling import applier, asked, reconciler, unswitched

KINDS: tuple[Kind, ...] = (*DIFFERENCES, *NOTES)

UNTOLD: Mapping[str, str] = {
    "no_source": "its topic is no source: see STREAMS_SOURCES",
    "says_nothing": "no record of the topic says anything of a document: see its entry in STREAMS_SOURCES"
    " (its table, say)",
    "no_beginning": "the topic has lost its beginning",
    "illegible": "a later record can't be read at all, and may be its own",
    "other_record": "another record stands where its own stood: the topic was made anew, or STREAMS_SOURCES"
    " reads it in another way than it did",
    "older": "it is older than every record of the topic, which was made anew or has lost its own",
    "beyond": "it was made of a record beyond the topic's end: the topic was made anew",
}
"""Why it can't be told whether there should be a document."""


def reconcile(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's documents.")] = None,
    source: Annotated[str | None, typer.Option(help="Only documents of this topic.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what differs.")] = False,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds that workers are given to consume what was read.")
    ] = 60.0,
    most_deletions: Annotated[
        float,
        typer.Option(min=0, max=1, help="The share of a source's documents that --repair may delete."),
    ] = 0.1,
    trust_topics: Annotated[
        bool,
        typer.Option(
            "--trust-topics",
            help="The topics and sources are right: all that they don't speak of is an orphan.",
        ),
    ] = False,
    limit: Annotated[int, typer.Option(min=0, help="Documents that are named of each kind.")] = 10,
    as_json: Json = False,
) -> None:
    """Compare what the change topics say with what the index holds, tenant by tenant.

    May run beside workers: what they have yet to consume is no difference. Exits with 1 where the index
    differs, or where it can't have come from the topics as they are read now. Example: `rag-streams reconcile
    --tenant acme --repair`
    """
    settings, share = here(), most_deletions if repair else None
    question = asked(settings, source=source, tenant=tenant, wait_s=wait, trusted=trust_topics)
    asyncio.run(_reconcile(settings, question, limit, Output(as_json), most_deletions=share))


async def _reconcile(
    settings: Settings, question: Asked, limit: int, out: Output, *, most_deletions: float | None
) -> None:
    """Compares, and mends where `most_deletions` says what share of a source's documents may be deleted."""
    began = utc_now()
    async with _opened(settings) as (index, live, store, spool):
        with _bars(out) as progress:
            stages = Stages(progress)
            async with reconciler(settings, store, question, spool, stages) as one:
                report = await one.compare()
                await unswitched(index, live)
                _show(report, spool, limit, out)
                if (
                    most_deletions is not None
                    and report.differs
                    and not _refused(report, most_deletions, out)
                ):
                    before = report.total(DIFFERENCES)
                    async with applier(settings, index) as apply:
                        report = await one.mend(apply)
                    await unswitched(index, live)
                    out.line(f"mended {before - report.total(DIFFERENCES)} of {before}")
                    if report.differs:
                        _show(report, spool, limit, out)
        if question.tenant is None:
            await remember(store, question.topics, began, report.differing, clean=report.clean)
    _conclude(report, out)
    if report.differs or report.foreign:
        raise typer.Exit(FAILED)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Index, Generation, Store, Spool]]:
    async with AsyncExitStack() as stack:
        index = await open_index(settings)
        stack.push_async_callback(index.close)
        await refuse_others(index, settings)
        record = await index.generations()
        live = record.live if record else first_generation(settings)
        store = await index.open(live)
        stack.push_async_callback(store.close)
        yield index, live, store, stack.enter_context(Spool())


class Stages:
    """What goes on, as bars on standard error."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def stage(self, name: str, total: int | None) -> Advance:
        """A new bar; the ones before have come to their end."""
        for task in self._progress.tasks:
            self._progress.update(task.id, total=task.completed)
        task_id = self._progress.add_task(name, total=total)
        return lambda count: self._progress.advance(task_id, count)


def _bars(out: Output) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=out.as_json,
    )


def _show(report: Report, spool: Spool, limit: int, out: Output) -> None:
    if out.as_json:
        for row in report.rows:
            out.row(_fields(row))
    else:
        out.console.print(_table(report.rows))
    for found in _examples(spool, limit):
        out.row(_example(found), _described(found))
    for topic, count in report.illegible.items():
        out.line(f"{count} records of {topic} can't be read at all: see `rag-streams dead list`")
    for topic, why in report.foreign.items():
        out.line(f"{topic} is not judged by what it lacks, as of one document or more {UNTOLD[why]}")


def _refused(report: Report, most: float, out: Output) -> bool:
    """Whether a repair would delete more than it may; says so."""
    excess = report.excess(most)
    for one in excess:
        out.row(
            {"refused": "too_many_deletions", "source": one.source, "deletions": one.documents, "of": one.of},
            f"nothing was mended: it would delete {one.documents} of {one.of} documents of {one.source}, more"
            f" than {most:.0%}. Look at the topic, and at its entry in STREAMS_SOURCES; where they are right,"
            f" say --most-deletions {min(1.0, math.ceil(100 * one.documents / one.of) / 100):g}",
        )
    return bool(excess)


def _fields(row: Row) -> dict[str, Any]:
    counts: dict[str, int] = {kind: row.counts.get(kind, 0) for kind in KINDS}
    return {"source": row.source, "tenant": row.tenant, "documents": row.documents, **counts}


def _table(rows: Sequence[Row]) -> Table:
    shown = [kind for kind in KINDS if kind in DIFFERENCES or any(row.counts.get(kind) for row in rows)]
    table = Table("source", "tenant", box=None, pad_edge=False)
    for name in ("documents", *shown):
        table.add_column(name, justify="right")
    for row in rows:
        counts = [str(row.counts.get(kind, 0)) for kind in shown]
        table.add_row(row.source, row.tenant or "?", str(row.documents), *counts)
    return table


def _examples(spool: Spool, limit: int) -> Iterator[Found]:
    for kind in KINDS:
        pages = spool.findings.pages([kind], max(limit, 1))
        yield from itertools.islice(itertools.chain.from_iterable(pages), limit)


def _example(found: Found) -> dict[str, Any]:
    return {
        "finding": found.kind, "tenant": found.tenant, "document_id": found.document_id,
        "document_key": str(found.key), "at": str(found.at), "note": found.note,
    }  # fmt: skip


def _described(found: Found) -> str:
    name = f"{found.tenant or '?'}/{found.document_id or found.key}"
    note = f"  not mended: {found.note}" if found.note else ""
    if found.kind == "untold":
        note = f"  {UNTOLD.get(found.note or '', '')}"
    return f"{found.kind:<11} {name}  {found.at}{note}"


def _conclude(report: Report, out: Output) -> None:
    counts: dict[str, int] = {kind: report.total([kind]) for kind in KINDS}
    if report.foreign:
        text = f"the index has documents that can't have come from {', '.join(report.foreign)}: see above"
    elif report.differs:
        text = f"{report.total(DIFFERENCES)} documents differ"
    elif counts["pending"]:
        text = f"nothing differs so far; {counts['pending']} documents wait for a worker"
    else:
        text = "clean: the index holds what the topics say"
    told = {"illegible": dict(report.illegible), "foreign": dict(report.foreign)}
    out.row({"clean": report.clean, **counts, **told}, text)
