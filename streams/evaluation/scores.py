"""What an evaluation comes to: means over questions, by language, and the best threshold. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from streams.evaluation.expected import PASSAGES, Expected
from streams.evaluation.measures import capped_recall_at, ndcg_at, recall_at, reciprocal_rank


@dataclass(frozen=True, slots=True)
class Ranked:
    """What a question found.

    `documents`: ids, best first; `given`: those whose passages it would be answered from; `similarity`: the
    best cosine of these passages, -1 for none; `worded`: whether their words alone are evidence; `evidence`:
    whether words or cosine are, as set; `seconds`: embedding and retrieval together.
    """

    expected: Expected
    language: str
    documents: tuple[str, ...]
    given: tuple[str, ...]
    similarity: float
    worded: bool
    evidence: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Scores:
    """Means over questions, None where there is none of the kind.

    Of those with documents: recall, nDCG, MRR, `recall_given`, the (capped) recall@5 of what an answer is
    made from, and `abstained_wrongly`, the share that would not be answered; of those without:
    `abstained_rightly`.
    """

    questions: int
    unanswerable: int
    recall_1: float | None
    recall_5: float | None
    recall_10: float | None
    recall_given: float | None
    ndcg_10: float | None
    mrr: float | None
    abstained_rightly: float | None
    abstained_wrongly: float | None
    p50_ms: float
    p95_ms: float


def scores(ranked: Sequence[Ranked]) -> Scores:
    """The means of what questions found."""
    told = [(one.documents, one.expected.documents) for one in ranked if one.expected.documents]
    answerable = [float(not one.evidence) for one in ranked if one.expected.documents]
    unanswerable = [float(not one.evidence) for one in ranked if not one.expected.documents]
    took = sorted(1000 * one.seconds for one in ranked) or [0.0]
    return Scores(
        questions=len(ranked),
        unanswerable=len(unanswerable),
        recall_1=_mean(recall_at(1, found, relevant) for found, relevant in told),
        recall_5=_mean(recall_at(5, found, relevant) for found, relevant in told),
        recall_10=_mean(recall_at(10, found, relevant) for found, relevant in told),
        recall_given=_mean(
            capped_recall_at(PASSAGES, one.given, one.expected.documents)
            for one in ranked
            if one.expected.documents
        ),
        ndcg_10=_mean(ndcg_at(10, found, relevant) for found, relevant in told),
        mrr=_mean(reciprocal_rank(found, relevant) for found, relevant in told),
        abstained_rightly=_mean(unanswerable),
        abstained_wrongly=_mean(answerable),
        p50_ms=took[len(took) // 2],
        p95_ms=took[min(len(took) - 1, int(len(took) * 0.95))],
    )


def by_language(ranked: Sequence[Ranked]) -> Mapping[str, Scores]:
    """The scores of all, and of each language's questions where there are several languages."""
    languages = sorted({one.language for one in ranked})
    each = {name: scores([one for one in ranked if one.language == name]) for name in languages}
    return {"all": scores(ranked)} | (each if len(languages) > 1 else {})


def best_threshold(ranked: Sequence[Ranked]) -> float | None:
    """The cosine by which the worker would part questions with an answer from those without best.

    By balanced accuracy of what it decides, which is evidence by words, too, whatever the cosine. None where
    no threshold is better than what is set, or one of the two kinds is not there.
    """
    kinds = [
        [one for one in ranked if bool(one.expected.documents) is answerable] for answerable in (True, False)
    ]
    if not all(kinds):
        return None

    def accuracy(evidence: Callable[[Ranked], bool]) -> float:
        answered, refused = (fmean(evidence(one) for one in kind) for kind in kinds)
        return answered - refused

    def at_least(cosine: float) -> float:
        return accuracy(lambda one: one.worded or one.similarity >= cosine)

    edges = sorted({one.similarity for one in ranked})
    best = max([edges[0], *((low + high) / 2 for low, high in pairwise(edges))], key=at_least)
    return round(best, 3) if at_least(best) > accuracy(lambda one: one.evidence) else None


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return fmean(listed) if listed else None
