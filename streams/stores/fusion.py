"""Two rankings made one: what vectors found and what words found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Key = TypeVar("Key", int, str)

ARM = 60
"""The results of an arm by which passages are ranked; it may bring more, which come after those."""
ARM_FACTOR = 3


def depth(limit: int) -> int:
    """How many results each arm should bring, so that what both find is seen by both."""
    return max(ARM_FACTOR * limit, ARM)


def fuse(
    by_vector: Mapping[Key, float], by_words: Mapping[Key, float], *, alpha: float
) -> Mapping[Key, float]:
    """Scores from 0 to 1, best first: `alpha` of an arm's relative score, 1 - `alpha` of the other's.

    `by_vector` has cosines, of which only the differences say something: the arm's best counts 1, its
    last 0. `by_words` has BM25 scores, for which 0 means that no word matched: they are divided by the
    best. Relative scores are alike in all stores, which scale BM25 differently, and keep how far apart
    two results are, which ranks don't: where the tenant is small, every passage has a rank. Ties go by
    the key, so that a result does not change from one call to the next.

    They are those of each arm's best `ARM`, however many it brings: else what comes first, and what a
    vector weighs against words, would depend on how much is asked for. The others follow, in the order of
    such scores of their own, with none.
    """
    if max(len(by_vector), len(by_words)) <= ARM:
        return _ranked(_fused(by_vector, by_words, alpha))
    head = _fused(_best(by_vector), _best(by_words), alpha)
    rest = _fused(by_vector, by_words, alpha)
    return _ranked(head) | _ranked({key: score for key, score in rest.items() if key not in head}, told=0.0)


def _best(scores: Mapping[Key, float]) -> Mapping[Key, float]:
    # Among equals those that the store gives first, as it would if it were asked for fewer.
    return dict(sorted(scores.items(), key=lambda item: -item[1])[:ARM])


def _fused(
    by_vector: Mapping[Key, float], by_words: Mapping[Key, float], alpha: float
) -> Mapping[Key, float]:
    near, worded = _between_ends(by_vector), _of_the_best(by_words)
    return {
        key: alpha * near.get(key, 0.0) + (1 - alpha) * worded.get(key, 0.0) for key in {**near, **worded}
    }


def _ranked(scores: Mapping[Key, float], *, told: float | None = None) -> dict[Key, float]:
    return {key: score if told is None else told for key, score in _in_order(scores)}


def _in_order(scores: Mapping[Key, float]) -> list[tuple[Key, float]]:
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def _between_ends(scores: Mapping[Key, float]) -> dict[Key, float]:
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    if low == high:
        return dict.fromkeys(scores, 1.0)
    return {key: (score - low) / (high - low) for key, score in scores.items()}


def _of_the_best(scores: Mapping[Key, float]) -> dict[Key, float]:
    best = max(scores.values(), default=0.0)
    if best <= 0:
        return dict.fromkeys(scores, 1.0)
    return {key: score / best for key, score in scores.items()}
