"""Follow-up questions: what the question itself finds, and what is made of it. Part of `make eval`.

`as asked`: the question alone; `prepended`: always with the one before it; `by program`: with those that it
leans on, where it leans on any; `by a model`: as a worker does it, with a real model, and how often what
that wrote was taken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from streams.answering.retrieval.followup import combined, earlier, leans
from streams.answering.retrieval.rewrite import Rewriter, Rewriting
from streams.client.here import here
from streams.evaluation.expected import Expected
from streams.evaluation.retrieval import Evaluation
from streams.evaluation.scores import scores
from streams.messages.questions import Turn
from streams.ollama.client import OllamaClient
from streams.ports import Observed, Serving
from streams.settings import Settings
from streams.worker.generations import opened
from streams.worker.parts import answering_of, ollama_config, open_index

SET = Path(__file__).parents[1] / "evaluation" / "follow_ups.jsonl"
LEFT_S = 60.0
"""What each question has left: a small model on a processor is slow."""

Made = Callable[["FollowUp"], Awaitable[str]]


@dataclass(frozen=True)
class FollowUp:
    """A question in its conversation, and the documents that answer it."""

    question: str
    history: tuple[Turn, ...]
    documents: frozenset[str]
    language: str

    @classmethod
    def read(cls, line: str) -> FollowUp:
        found = json.loads(line)
        turns = tuple(Turn(**turn) for turn in found["history"])
        return cls(found["question"], turns, frozenset(found["document_ids"]), found["language"])


async def _as_asked(one: FollowUp) -> str:
    return one.question


async def _prepended(one: FollowUp) -> str:
    return "\n".join([*earlier(one.history)[:1], one.question])


async def _by_program(one: FollowUp) -> str:
    return combined(one.question, one.history)


def _by_model(rewriter: Rewriter) -> Made:
    async def made(one: FollowUp) -> str:
        return await rewriter.standalone(one.question, one.history, LEFT_S)

    return made


async def measured(settings: Settings, *, shown: bool = False) -> Mapping[str, Mapping[str, float]]:
    """Recall@5 by what is searched for: of all, of those that lean on what was before, of the French ones."""
    asked = [FollowUp.read(line) for line in SET.read_text(encoding="utf-8").splitlines()]
    answering = answering_of(settings)
    taken: list[Observed] = []
    async with AsyncExitStack() as stack:
        index = await open_index(settings)
        stack.push_async_callback(index.close)
        models = await stack.enter_async_context(OllamaClient(ollama_config(settings)))
        live = await opened(index, models, (await index.generations()).live)
        stack.push_async_callback(live.store.close)
        evaluation = Evaluation(
            Serving(live.store, live.embedder), answering.retrieval, monotonic=time.monotonic
        )
        rewriting = Rewriting(settings.fallback_model, settings.num_ctx)
        rewriter = Rewriter(models, rewriting, lambda _model: 0.0, time.monotonic, taken.append)
        ways: dict[str, Made] = {
            "as asked": _as_asked,
            "prepended": _prepended,
            "by program": _by_program,
            "by a model": _by_model(rewriter),
        }
        found = {}
        for name, made in ways.items():
            texts = [await made(one) for one in asked]
            expected = [
                Expected(text, one.documents, language=one.language)
                for text, one in zip(texts, asked, strict=True)
            ]
            ranked = await evaluation.rank(expected, weight=answering.alpha)
            kinds = {
                "all": ranked,
                "leaning": [r for r, one in zip(ranked, asked, strict=True) if leans(one.question)],
                "alone": [r for r, one in zip(ranked, asked, strict=True) if not leans(one.question)],
                "fr": [r for r, one in zip(ranked, asked, strict=True) if one.language == "fr"],
            }
            found[name] = {kind: round(scores(some).recall_5 or 0.0, 3) for kind, some in kinds.items()}
            if shown:
                print("\n".join(f"  {name}: {text!r}" for text in texts))
        found["by a model"] |= {"taken": sum(one.labels["by"] == "model" for one in taken) / len(taken)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--texts", action="store_true", help="print what is searched for")
    given = parser.parse_args()
    found = asyncio.run(measured(here(), shown=given.texts))
    if given.json:
        print(json.dumps({"what": "follow-ups", **found}))
    else:
        print("follow-up questions: recall@5")
        for name, row in found.items():
            print(f"  {name:<12}" + "  ".join(f"{kind} {value:.3f}" for kind, value in row.items()))


if __name__ == "__main__":
    main()
