"""What became of questions that were really asked: grounding, routes, abstention, latency."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from streams.errors import Rejected, Retryable
from streams.evaluation.recall import Expected
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


async def ask_all(
    ask: Callable[[Question], Awaitable[AnswerCompleted]], questions: Sequence[Expected]
) -> Answered:
    """Asks all of them, a few at a time, and says what came of it."""
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

    answers = await asyncio.gather(*map(one, questions))
    pairs = [(asked, answer) for asked, answer in zip(questions, answers, strict=True) if answer is not None]
    return _summary(pairs, failed=len(questions) - len(pairs))


def _summary(pairs: Sequence[tuple[Expected, AnswerCompleted]], *, failed: int) -> Answered:
    took = sorted(answer.timings.total or 0.0 for _, answer in pairs) or [0.0]
    routes = Counter(answer.route for _, answer in pairs)
    return Answered(
        questions=len(pairs) + failed,
        failed=failed,
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
