"""A shadow's answers beside those that were sent, for the same questions. Pure.

Each pair is looked at once and let go of: what is left of it is numbers, some hundred bytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean, quantiles

from streams.answering.text.words import stems
from streams.messages.answers import AnswerCompleted


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two. Latencies in milliseconds, of generating alone; shares 0 to 1; None: nothing to tell.

    `abstained`: see `abstains`. The others are of answers for which a model, or passages, were asked at all:
    `cited` is the mean number of citations that the text points at.
    """

    models: tuple[str, ...]
    abstained: float | None
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

    `abstained_alike`: share of the questions that both or neither abstained from. Of those that neither did,
    `agreement`: mean F1 of the content words of the two texts, 0 to 1; `same_documents`: mean share of the
    documents cited by either that are cited by both. `unmatched`: answers of the shadow whose live one is
    not there (any more).
    """

    questions: int
    unmatched: int
    live: Side
    shadow: Side
    abstained_alike: float | None
    agreement: float | None
    same_documents: float | None


def compare(pairs: Iterable[tuple[AnswerCompleted, AnswerCompleted]], unmatched: int = 0) -> Comparison:
    """The comparison of what was sent and what the shadow said, for each question that both have answered."""
    live, shadow, alike, agreement, same = _Told(), _Told(), _numbers(), _numbers(), _numbers()
    for one, other in pairs:
        live.add(one)
        shadow.add(other)
        alike.append(abstains(one) == abstains(other))
        if not (abstains(one) or abstains(other)):
            agreement.append(_f1(stems(one.text), stems(other.text)))
            same.append(_overlap(_documents(one), _documents(other)))
    return Comparison(
        questions=len(alike),
        unmatched=unmatched,
        live=live.side(),
        shadow=shadow.side(),
        abstained_alike=_mean(alike),
        agreement=_mean(agreement),
        same_documents=_mean(same),
    )


def abstains(answer: AnswerCompleted) -> bool:
    """Whether the program abstained, or a model cites nothing and says nothing that its passages say.

    That is how a model looks that says that the documents don't answer the question; one that makes something
    up looks the same.
    """
    return answer.abstained or (not answer.grounded and answer.model is not None and not _documents(answer))


def _numbers() -> array[float]:
    return array("d")


@dataclass(slots=True)
class _Told:
    """What is kept of one side's answers."""

    models: set[str] = field(default_factory=set)
    abstained: array[float] = field(default_factory=_numbers)
    first: array[float] = field(default_factory=_numbers)
    whole: array[float] = field(default_factory=_numbers)
    grounded: array[float] = field(default_factory=_numbers)
    fallback: array[float] = field(default_factory=_numbers)
    cited: array[float] = field(default_factory=_numbers)
    tokens: array[float] = field(default_factory=_numbers)

    def add(self, one: AnswerCompleted) -> None:
        """One more answer."""
        self.abstained.append(abstains(one))
        if one.abstained:
            return
        if one.model is not None:
            self.models.add(one.model)
        for known, values in (
            (one.timings.first_token, self.first),
            (one.timings.generated, self.whole),
            (one.grounded, self.grounded),
        ):
            if known is not None:
                values.append(known)
        self.fallback.append(one.route != "primary")
        self.cited.append(sum(citation.cited for citation in one.citations))
        self.tokens.append(one.usage.completion_tokens)

    def side(self) -> Side:
        """What all of them come to."""
        return Side(
            models=tuple(sorted(self.models)),
            abstained=_mean(self.abstained),
            first_token_p50=_quantile(self.first, 50),
            first_token_p95=_quantile(self.first, 95),
            generated_p50=_quantile(self.whole, 50),
            generated_p95=_quantile(self.whole, 95),
            grounded=_mean(self.grounded),
            fallback=_mean(self.fallback),
            cited=_mean(self.cited),
            completion_tokens=_mean(self.tokens),
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
