"""A shadow's answers beside those that were sent, for the same questions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles

from streams.answering.text.words import stems
from streams.messages.answers import AnswerCompleted


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two. Latencies in milliseconds, of generating alone; shares 0 to 1; None: nothing to tell.

    `cited`: mean number of citations that the text points at.
    """

    models: tuple[str, ...]
    first_token_p50: float | None
    first_token_p95: float | None
    generated_p50: float | None
    generated_p95: float | None
    grounded: float | None
    fallback: float | None
    cited: float | None
    completion_tokens: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two sets of answers to the same questions compare.

    `agreement`: mean F1 of the content words of the two texts, 0 to 1. `same_documents`: mean share of the
    documents cited by either that are cited by both. `unmatched`: answers of the shadow whose live one is
    not there (any more).
    """

    questions: int
    unmatched: int
    live: Side
    shadow: Side
    agreement: float | None
    same_documents: float | None


def compare(live: Iterable[AnswerCompleted], shadow: Iterable[AnswerCompleted]) -> Comparison:
    """The comparison of those questions that both have answered; of several answers the last one counts."""
    sent = {answer.question: answer for answer in live}
    shadows = {answer.question: answer for answer in shadow}
    pairs = [(sent[name], answer) for name, answer in shadows.items() if name in sent]
    return Comparison(
        questions=len(pairs),
        unmatched=len(shadows) - len(pairs),
        live=_side([one for one, _ in pairs]),
        shadow=_side([other for _, other in pairs]),
        agreement=_mean([_f1(stems(one.text), stems(other.text)) for one, other in pairs]),
        same_documents=_mean([_overlap(_documents(one), _documents(other)) for one, other in pairs]),
    )


def _side(answers: Sequence[AnswerCompleted]) -> Side:
    first = [one.timings.first_token for one in answers if one.timings.first_token is not None]
    whole = [one.timings.generated for one in answers if one.timings.generated is not None]
    return Side(
        models=tuple(sorted({one.model for one in answers if one.model is not None})),
        first_token_p50=_quantile(first, 50),
        first_token_p95=_quantile(first, 95),
        generated_p50=_quantile(whole, 50),
        generated_p95=_quantile(whole, 95),
        grounded=_mean([one.grounded for one in answers if one.grounded is not None]),
        fallback=_mean([float(one.route != "primary") for one in answers]),
        cited=_mean([float(sum(citation.cited for citation in one.citations)) for one in answers]),
        completion_tokens=_mean([float(one.usage.completion_tokens) for one in answers]),
    )


def _documents(answer: AnswerCompleted) -> frozenset[str]:
    return frozenset(citation.document_id for citation in answer.citations if citation.cited)


def _f1(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 1.0


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 1.0


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _quantile(values: Sequence[float], percent: int) -> float | None:
    if len(values) < 2:  # noqa: PLR2004 - of one value there are no quantiles
        return values[0] if values else None
    return quantiles(values, n=100, method="inclusive")[percent - 1]
