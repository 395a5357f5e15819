"""What became of questions that were really asked: grounding, routes, abstention, latency."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from streams.answering.text.language import language_of
from streams.errors import Rejected, Retryable
from streams.evaluation.expected import Expected
from streams.messages.answers import AnswerCompleted
from streams.messages.questions import Question

AT_ONCE = 4
DEADLINE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Answered:
    """Shares from 0 to 1, None where there is nothing to tell; milliseconds from the question's record on.

    `grounded`: the mean share of sentences that what they cite supports, by words. `cites_expected`: of
    answers to questions with documents, those that cite one of these.
    """

    questions: int
    failed: int
    grounded: float | None
    cites_expected: float | None
    abstained_rightly: float | None
    abstained_wrongly: float | None
    routes: Mapping[str, float]
    p50_ms: float
    p95_ms: float


Pair = tuple[Expected, AnswerCompleted | None]
"""A question and its answer; None where it failed."""


async def ask_all(
    ask: Callable[[Question], Awaitable[AnswerCompleted]], questions: Sequence[Expected]
) -> Mapping[str, Answered]:
    """Asks all, a few at a time. What came of all, and of each language's where there are several."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(asked: Expected) -> AnswerCompleted | None:
        question = Question(
            text=asked.question,
            tenant=asked.tenant,
            principals=list(asked.principals),
            language=asked.language,
            deadline_ms=DEADLINE_MS,
            stream=False,
        )
        async with free:
            try:
                return await ask(question)
            except (Retryable, Rejected):
                return None

    pairs = list(zip(questions, await asyncio.gather(*map(one, questions)), strict=True))
    by_language: dict[str, list[Pair]] = {}
    for asked, answer in pairs:
        by_language.setdefault(language_of(asked.question, asked.language), []).append((asked, answer))
    each = {name: _summary(some) for name, some in sorted(by_language.items())}
    return {"all": _summary(pairs)} | (each if len(each) > 1 else {})


def _summary(asked_all: Sequence[Pair]) -> Answered:
    pairs = [(asked, answer) for asked, answer in asked_all if answer is not None]
    took = sorted(answer.timings.total or 0.0 for _, answer in pairs) or [0.0]
    routes = Counter(answer.route for _, answer in pairs)
    return Answered(
        questions=len(asked_all),
        failed=len(asked_all) - len(pairs),
        grounded=_mean([answer.grounded for _, answer in pairs if answer.grounded is not None]),
        cites_expected=_mean(
            [
                float(any(one.document_id in asked.documents for one in answer.citations if one.cited))
                for asked, answer in pairs
                if asked.documents and not answer.abstained
            ]
        ),
        abstained_rightly=_mean([float(answer.abstained) for asked, answer in pairs if not asked.documents]),
        abstained_wrongly=_mean([float(answer.abstained) for asked, answer in pairs if asked.documents]),
        routes={route: count / len(pairs) for route, count in sorted(routes.items())},
        p50_ms=took[len(took) // 2],
        p95_ms=took[min(len(took) - 1, int(len(took) * 0.95))],
    )


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
