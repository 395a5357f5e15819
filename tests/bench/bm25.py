"""BM25 as textbooks have it, over whole documents: the baseline of the retrieval bench.

Its tokenizer: runs of letters, digits and underscores in lower case; accents stay, no stems, no stop words.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from heapq import nlargest
from math import log

K1, B = 1.2, 0.75
TOKENIZER = "\\w+ in lower case, no stemming, no stop words"


class Bm25:
    """An index of texts, whose numbers in their order are what it ranks."""

    def __init__(self, texts: Sequence[str]) -> None:
        counted = [Counter(tokens(text)) for text in texts]
        lengths = [sum(counts.values()) for counts in counted]
        mean = sum(lengths) / max(1, len(lengths))
        postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, counts in enumerate(counted):
            damped = K1 * (1 - B + B * lengths[number] / mean)
            for token, count in counts.items():
                postings[token].append((number, count * (K1 + 1) / (count + damped)))
        self._postings, self._size = dict(postings), len(texts)

    def ranked(self, question: str, depth: int) -> list[int]:
        """The `depth` best texts for the question, best first."""
        scores: dict[int, float] = defaultdict(float)
        for token in tokens(question):
            found = self._postings.get(token, ())
            weight = log(1 + (self._size - len(found) + 0.5) / (len(found) + 0.5))
            for number, value in found:
                scores[number] += weight * value
        return nlargest(depth, scores, key=lambda number: (scores[number], -number))


def tokens(text: str) -> list[str]:
    """The tokens of `text`, in order."""
    return re.findall(r"\w+", text.lower())
