"""`make demo`: the main job on this machine, with the project's own documentation as documents.

Documents go in through a topic, questions go in through a topic, answers come out of one; then a document is
edited and deleted, and the answers follow.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.rule import Rule

from streams.cli.output import Output, exit_code, report
from streams.cli.processes.up import running
from streams.cli.records import files
from streams.cli.records.ask import Display
from streams.cli.records.documents import applied, record
from streams.cli.records.watch import described
from streams.client import Client
from streams.errors import StreamsError
from streams.kafka.connection import started
from streams.kafka.consume import tail
from streams.kafka.produce import Producer
from streams.messages.changes import DEFAULT_TENANT, DocumentChange
from streams.messages.questions import Question
from streams.messages.receipts import IndexReceipt
from streams.messages.records import Offset
from streams.settings import Settings, load
from streams.settings.names import PREFIX
from streams.wiring import connection

QUESTIONS = (
    "What does the vacuum do, and how long is its grace period?",
    "What happens to a record that can never be processed?",
    "What happens when the primary model stalls?",
)
EDITED = "docs/versioning.md"
BEFORE, AFTER = "12 months", "18 months"
ASKED_OF_EDITED = "For how many months does a minor version receive security fixes?"


async def apply(settings: Settings, changes: Sequence[DocumentChange]) -> list[tuple[Offset, IndexReceipt]]:
    """Produces the changes and waits for their receipts, in their order."""
    there = connection(settings)
    producer = Producer(there, max_bytes=settings.topic_max_message_bytes, timeout_s=30)
    async with tail(there, settings.topic_indexed) as receipts, started(there, producer):
        outgoing = [record(change, topic=settings.topic_changes, tenant=DEFAULT_TENANT) for change in changes]
        places = [await producer.send(one) for one in outgoing]
        found = {
            str(receipt.source): receipt async for receipt in applied(receipts, {str(at) for at in places})
        }
    return [(at, found[str(at)]) for at in places]


async def ask(settings: Settings, text: str, after: Sequence[Offset], out: Output) -> None:
    """One question and its streamed answer, from an index that has dealt with `after`."""
    out.line()
    out.line(f"? {text}", style="bold")
    question = Question(text=text, after=list(after), top_k=3, deadline_ms=60_000)
    display = Display(out)
    async with Client(settings) as client:
        async for event in client.answer(question).events():
            display.show(event)


async def demo(folder: Path, state: Path) -> None:
    """The whole demonstration of the documents in `folder`, with everything it starts in `state`."""
    out = Output(console=Console(highlight=False, soft_wrap=False, emoji=False))
    out.console.print(Rule("[bold]rag-streams: answers that follow your data"))
    async with running(load(env_file=None, state_dir=state), out, env_file=None) as (settings, _):
        pages = [
            files.document(found, tenant=None, readers=[], metadata={}) for found in files.find([folder])
        ]
        out.console.print(
            Rule(f"1  {len(pages)} pages of documentation go in through {settings.topic_changes}")
        )
        began = time.monotonic()
        done = await apply(settings, pages)
        embedded = sum(receipt.passages.embedded for _, receipt in done)
        out.line(f"indexed {len(done)} pages, {embedded} passages, in {time.monotonic() - began:.1f} s")

        out.console.print(Rule("2  Questions go in, answers come out, token by token"))
        for text in QUESTIONS:
            await ask(settings, text, [at for at, _ in done], out)

        out.console.print(Rule(f"3  {EDITED} is edited: “{BEFORE}” becomes “{AFTER}”"))
        page = next(page for page in pages if page.id == EDITED)
        await ask(settings, ASKED_OF_EDITED, [], out)
        changed = page.model_copy(update={"text": (page.text or "").replace(BEFORE, AFTER)})
        ((at, receipt),) = await apply(settings, [changed])
        out.line()
        out.line(f"receipt: {described(receipt)}", style="green")
        await ask(settings, ASKED_OF_EDITED, [at], out)

        out.console.print(Rule(f"4  {EDITED} is deleted"))
        ((at, receipt),) = await apply(settings, [DocumentChange(id=EDITED, op="delete")])
        out.line(f"receipt: {described(receipt)}", style="green")
        await ask(settings, ASKED_OF_EDITED, [at], out)
        out.console.print(Rule("that was all of it; `.venv/bin/rag-streams up` keeps it running"))


def main() -> int:
    """Runs the demonstration; gives the exit code."""
    # It must reach nobody's real servers, whatever is exported here.
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    try:
        with tempfile.TemporaryDirectory(prefix="rag-streams-", ignore_cleanup_errors=True) as state:
            asyncio.run(demo(Path("docs"), Path(state)))
    except StreamsError as error:
        report(error, as_json=False)
        return exit_code(error)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
