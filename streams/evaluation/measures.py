"""Measures of a ranking of documents against those that answer a question. All from 0 to 1, 1 the best.

As in TREC's and BEIR's evaluations, with binary relevance.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from math import log2


def recall_at(k: int, ranked: Sequence[str], relevant: AbstractSet[str]) -> float:
    """Share of all relevant documents that are among the first `k`: `recall_k` of trec_eval, as BEIR has it.

    Where more than `k` are relevant, that is less than 1 at best.
    """
    return len(set(ranked[:k]) & relevant) / len(relevant)


def capped_recall_at(k: int, ranked: Sequence[str], relevant: AbstractSet[str]) -> float:
    """As `recall_at`, of as many as can be among `k`: R_cap@k (Thakur et al., BEIR, 2021)."""
    return len(set(ranked[:k]) & relevant) / min(len(relevant), k)


def ndcg_at(k: int, ranked: Sequence[str], relevant: AbstractSet[str]) -> float:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen, 2002): rank r counts 1/log2(r+1)."""
    gain = sum(1 / log2(rank + 1) for rank, one in enumerate(ranked[:k], 1) if one in relevant)
    return gain / sum(1 / log2(rank + 1) for rank in range(1, min(len(relevant), k) + 1))


def reciprocal_rank(ranked: Sequence[str], relevant: AbstractSet[str]) -> float:
    """One over the rank of the first relevant document, 0 where there is none."""
    return next((1 / rank for rank, one in enumerate(ranked, 1) if one in relevant), 0.0)
