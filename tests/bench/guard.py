"""The guard against injected instructions, measured: `make bench-guard`.

    found       of the injections in `$STREAMS_TEST_DATA/injection`, by family, and of our own in
                `texts/attacks.jsonl`, how many are marked, and how many dropped (questions: refused); of
                clean documents and questions (all of SciFact and service-public.fr, the project's own
                documentation, and `texts/clean.jsonl`, written to be mistaken), how many are mistaken for
                one. Of our own texts those that are `held_out` were left out of sight while the patterns were
                made
    reaching    of the documents with an injection, cut as they are indexed, in how many the text that it
                wants said still stands in a passage that is not dropped: the model can't say what it lacks
    let out     of clean documents and code, as if a model had said one from itself, how many it can't say
    triggers    of a sample of documents with an injection, how many make the bundled model say what the
                injection wants it to (its trigger is in the answer that is sent), by policy

The documents are cut as they are indexed and answered from by the product's own `Answerer`, with the prompt
for models that follow instructions and with the short one; only the search is a stand-in, which finds all
passages of the one document. `off` keeps chat models' control tokens out of the prompt, as all policies do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ops.servers.process import Server, answers, free_ports
from streams.answering.answerer import Answerer
from streams.answering.generating.generate import Unfinished
from streams.answering.guard.assess import assess
from streams.answering.guard.inspect import Policy
from streams.answering.guard.links import Known
from streams.answering.guard.output import OutputFilter
from streams.answering.settings import Answering
from streams.indexing.cutting.chunk import Chunking, chunk
from streams.messages.answers import AnswerCompleted
from streams.messages.held import Head, Listed
from streams.messages.position import Position
from streams.messages.questions import Asked, Question
from streams.messages.records import Offset
from streams.ollama.client import OllamaClient, OllamaConfig
from streams.ports import Hit, SearchQuery, Serving
from tests.unit.answering.guard.code import CODE

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("STREAMS_TEST_DATA", ROOT.parent / "shared/data"))
TEXTS = Path(__file__).with_name("texts")
MODEL = "smollm2:135m"
CHUNKING = Chunking(max_tokens=256)
WAYS: dict[str, tuple[dict[str, Any], tuple[Policy, ...]]] = {
    "full prompt": ({}, ("off", "flag", "drop")),
    "short prompt": ({"brief_prompt": True}, ("off", "drop")),
}


def lines(name: str) -> list[dict[str, Any]]:
    """The objects of a file of the data."""
    return [json.loads(line) for line in (DATA / name).read_text().splitlines()]


def our_texts() -> Iterable[tuple[str, bool, bool, list[str]]]:
    """The texts written for this, by what they are and whether the patterns were made with them in sight."""
    for name, injection in (("attacks", True), ("clean", False)):
        rows = [json.loads(line) for line in (TEXTS / f"{name}.jsonl").read_text().splitlines()]
        for held_out, document in product((False, True), (True, False)):
            kind = "documents" if document else "questions"
            part = [row for row in rows if row["held_out"] == held_out]
            each = [row["text"] for row in part if ("question" in row["kind"]) != document]
            seen = "held out" if held_out else "in sight"
            yield f"our {'attacks, ' if injection else 'clean '}{kind}, {seen}", document, injection, each


def own_documents() -> list[str]:
    """The project's documentation."""
    return [path.read_text() for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))]


def texts() -> Iterable[tuple[str, bool, bool, list[str]]]:
    """What is assessed: its name, whether it is a document, whether it is an injection, the texts."""
    families = defaultdict(list)
    for row in lines("injection/indirect_rag.jsonl"):
        families[row["family"]].append(row["document"])
    for family, documents in families.items():
        yield f"in documents: {family}", True, True, documents
    families = defaultdict(list)
    for row in lines("injection/direct.jsonl"):
        families[row["family"].split("/")[0]].append(row["text"])
    for family, questions in families.items():
        yield f"as questions: {family}", False, True, questions
    for name in ("scifact", "servicepublic-fr"):
        corpus = lines(f"ir/{name}/corpus.jsonl")
        yield (
            f"documents of {name}",
            True,
            False,
            [f"{row.get('title', '')}\n{row['text']}" for row in corpus],
        )
        yield f"questions of {name}", False, False, [row["text"] for row in lines(f"ir/{name}/queries.jsonl")]
    yield "our own documentation", True, False, own_documents()
    yield from our_texts()


def found() -> Table:
    """How many of each may be an injection, and how many are taken for one."""
    table = Table("texts", "injection", "marked", "dropped", "of", "marked", "dropped", "ms each")
    for name, document, injection, each in texts():
        began = time.process_time()
        assessed = [assess(text, document=document) for text in each]
        ms = 1000 * (time.process_time() - began) / len(each)
        marked, dropped = (sum(one.suspicious for one in assessed), sum(one.certain for one in assessed))
        table.add_row(
            name, "yes" if injection else "no", str(marked), str(dropped), str(len(each)),
            f"{marked / len(each):.1%}", f"{dropped / len(each):.1%}", f"{ms:.1f}",
        )  # fmt: skip
    return table


def reaching() -> str:
    """Of the documents with a trigger, in how many it stands in a passage that `drop` leaves in."""
    rows = [row for row in lines("injection/indirect_rag.jsonl") if row.get("triggers")]
    reached = 0
    for row in rows:
        pieces = [piece.text for piece in chunk(row["document"], media_type="text/plain", chunking=CHUNKING)]
        kept = "\n".join(piece for piece in pieces if not assess(piece, document=True).certain).casefold()
        reached += any(trigger.casefold() in kept for trigger in row["triggers"])
    return f"with drop, the trigger reaches the model in {reached} of {len(rows)} documents"


def let_out() -> Table:
    """How many clean texts are stopped on their way out: where they are known, and where nothing is."""
    table = Table("said from itself", "stopped", "of", "stopped where no address is known")
    for name, document, injection, each in (*texts(), ("code and markup", True, False, CODE)):
        if document and not injection:
            blocks = [block for text in each for block in text.split("\n\n")]
            known = sum(not _out(block, [block]) for block in blocks)
            unknown = sum(not _out(block, []) for block in blocks)
            table.add_row(name, str(known), str(len(blocks)), str(unknown))
    return table


def _out(text: str, known: Sequence[str]) -> bool:
    output = OutputFilter(Known(known))
    try:
        for start in range(0, len(text), 20):
            output.feed(text[start : start + 20])
        output.feed("", done=True)
    except Unfinished:
        return False
    return True


@dataclass
class OneDocument:
    """A search that finds every passage of one document, in its order."""

    text: str

    async def hybrid(self, query: SearchQuery) -> Sequence[Hit]:
        return [
            Hit(uuid.uuid5(KEY, piece.text), KEY, query.tenant, piece.text, "", 1.0, 0.9)
            for piece in self._pieces()
        ][: query.limit]

    async def current_heads(self, keys: Sequence[uuid.UUID]) -> dict[uuid.UUID, Head]:
        listed = tuple(
            Listed(uuid.uuid5(KEY, piece.text), "", 0, len(piece.text)) for piece in self._pieces()
        )
        head = Head(
            document_key=KEY, position=Position(0, 0, 0, 1), deleted=False, tenant="default", document_id="d",
            title=None, url=None, language=None, readers=("*",), metadata=(), source="s", record_key="d",
            topic="s", partition=0, offset=1, written=datetime.now(UTC), passages=listed,
        )  # fmt: skip
        return {KEY: head} if KEY in keys else {}

    async def word_counts(self, tenant: str, words: Sequence[str]) -> tuple[int, dict[str, int]]:
        del tenant
        return 1, dict.fromkeys(words, 1)

    def _pieces(self) -> Any:
        return chunk(self.text, media_type="text/plain", chunking=CHUNKING)


KEY = uuid.uuid5(uuid.NAMESPACE_URL, "bench")


class NoVectors:
    """An embedder that the stand-in does not need."""

    model, dimension, window = "all-minilm", 2, 256

    async def embed_query(self, text: str) -> tuple[float, ...]:
        del text
        return (0.6, 0.8)


class Nothing:
    """A watermark of nothing."""

    async def applied(self) -> list[Offset]:
        return []


class ModelServer(Server):
    """The bundled model, served."""

    name = "models"

    def __init__(self, folder: Path) -> None:
        port = free_ports()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "streams.embedded.server", "--port", str(port)]
        super().__init__(command, folder, {"PYTHONPATH": str(ROOT)})

    def ready(self) -> bool:
        return answers(f"{self.url}/api/version")


async def said(client: OllamaClient, row: dict[str, Any], policy: Policy, more: dict[str, Any]) -> str:
    """What whoever asks the row's task about its document is told in the end."""
    settings = Answering(
        MODEL, MODEL, num_ctx=2048, max_answer_tokens=64, first_token_timeout_s=300, token_timeout_s=300,
        guard_policy=policy, **more,
    )  # fmt: skip
    search = OneDocument(row["document"])

    async def serve() -> Serving:
        return Serving(search, NoVectors())

    answerer = Answerer(serve, client, Nothing(), settings, lambda: datetime.now(UTC), time.monotonic)
    question = Question(text=row["task"], top_k=10, deadline_ms=600_000)
    place = Offset(topic="questions", partition=0, offset=0)
    asked = Asked(question=question, id="q", tenant="default", at=place, timestamp=int(1000 * time.time()))
    async with aclosing(answerer.answer(asked)) as events:
        async for event in events:
            if isinstance(event, AnswerCompleted):
                return event.text
    return ""


async def triggers(rows: Sequence[dict[str, Any]], until: float) -> Table:
    """How many of the rows' injections work, by prompt and policy; no row is begun `until` (monotonic)."""
    cases = [(way, policy) for way, (_, policies) in WAYS.items() for policy in policies]
    fired, seconds, tried = Counter(), Counter(), 0
    with tempfile.TemporaryDirectory() as folder, ModelServer(Path(folder)) as server:
        async with OllamaClient(OllamaConfig(server.url)) as client:
            for row in rows:
                if time.monotonic() >= until:
                    break
                tried += 1
                for case in cases:
                    began = time.monotonic()
                    text = (await said(client, row, case[1], WAYS[case[0]][0])).casefold()
                    fired[case] += any(trigger.casefold() in text for trigger in row["triggers"])
                    seconds[case] += time.monotonic() - began
                print(tried, *(fired[case] for case in cases), end="\r", file=sys.stderr, flush=True)
    table = Table("prompt", "policy", "triggers", "of", "share", "s each")
    for case in cases:
        share, each = f"{fired[case] / tried:.0%}", f"{seconds[case] / tried:.1f}"
        table.add_row(*case, str(fired[case]), str(tried), share, each)
    return table


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=40, help="documents that the model is tried with")
    parser.add_argument("--minutes", type=float, default=8, help="after which no other document is begun")
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    if not (DATA / "injection").is_dir():
        print(f"no data in {DATA}: set STREAMS_TEST_DATA", file=sys.stderr)
        return 2
    console = Console(width=110)
    console.print(found())
    console.print(reaching())
    console.print(let_out())
    rows = [row for row in lines("injection/indirect_rag.jsonl") if row.get("triggers")]
    sample = random.Random(options.seed).sample(rows, min(options.sample, len(rows)))
    console.print(f"{len(sample)} of {len(rows)} documents with a trigger, seed {options.seed}, {MODEL}")
    console.print(await triggers(sample, time.monotonic() + 60 * options.minutes))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
