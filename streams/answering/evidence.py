"""Evidence: whether what was found can answer the question at all, by absolute measures.

A fused rank score is none: it is as high for the best of many unrelated passages. Two things are: how alike
question and passage are (cosine), and that a passage holds a rare word of the question along with enough of
what else it asks (a part number, a name; embeddings are poor at both).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

from streams.answering.language import Language
from streams.answering.words import content_words, words
from streams.ports import Hit


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which cosine on a passage is evidence: for a question in English, and in another language.

    Models that were trained on English alone find texts in any other language more alike.
    """

    english: float
    other: float


_THRESHOLDS: tuple[tuple[str, Threshold], ...] = (
    # Measured with the bundled model, five passages found: of 80 SciFact claims (best cosine of 95 %: .48 and
    # more) one is abstained from, of 40 questions on other matters (.13-.38) two are answered; 50 French
    # questions have .52-.76, 15 unanswerable ones .12-.59.
    ("all-minilm", Threshold(0.35, 0.52)),
    # Those below are from the models' published ranges: nomic's cosines of unrelated texts are about .4.
    ("nomic-embed", Threshold(0.55, 0.6)),
    ("mxbai-embed", Threshold(0.5, 0.55)),
    ("bge-m3", Threshold(0.5, 0.5)),
    ("bge", Threshold(0.55, 0.6)),
    ("snowflake-arctic-embed", Threshold(0.35, 0.35)),
)
UNKNOWN_FAMILY = Threshold(0.5, 0.55)
"""For an embedding model that the table does not know."""


@dataclass(frozen=True, slots=True)
class Weighing:
    """What is evidence. `similarity` None: by the embedding model's family.

    A word is rare where at most `rare_share` of the tenant's passages hold it (one always may); a passage
    with such a word is evidence where the question's words that it holds are `coverage` of what the question
    asks, each counted by how rare it is.
    """

    similarity: float | None = None
    rare_share: float = 0.01
    coverage: float = 0.5


def threshold(embed_model: str, language: Language, weighing: Weighing) -> float:
    """The cosine from which a passage is evidence, -1 to 1: the setting, else the family's."""
    if weighing.similarity is not None:
        return weighing.similarity
    name = embed_model.rsplit("/", 1)[-1].lower()
    family = next((value for prefix, value in _THRESHOLDS if name.startswith(prefix)), UNKNOWN_FAMILY)
    return family.english if language == "en" else family.other


def alike(hits: Sequence[Hit], at_least: float) -> bool:
    """Whether any passage is as similar to the question as that."""
    return any(hit.similarity >= at_least for hit in hits)


def asked_words(question: str) -> tuple[str, ...]:
    """The words of the question to look up in the index, each once."""
    return tuple(dict.fromkeys(content_words(question)))


def without(superseded: Sequence[Hit], total: int, counts: Mapping[str, int]) -> tuple[int, dict[str, int]]:
    """`total` and `counts`, which the store gives over everything it holds, less what is known not to count.

    Else a word of a small index would be rare no more as soon as its only document was edited. A word that
    is held at all stays held by one: a store may count titles or not.
    """
    held = [set(words(f"{hit.title} {hit.text}")) for hit in superseded]
    return max(0, total - len(held)), {
        word: max(min(1, count), count - sum(word in one for one in held)) for word, count in counts.items()
    }


def matches_rare_word(
    hits: Sequence[Hit],
    asked: Sequence[str],
    total: int,
    counts: Mapping[str, int],
    weighing: Weighing,
    *,
    foreign: bool = False,
) -> bool:
    """Whether a passage holds a rare word of the question and enough of its other words.

    `total` and `counts` are as `Search.word_counts` gives them. A word that no passage holds weighs most;
    where the question is in another language than the passages (`foreign`), such words say nothing.
    """
    telling = [word for word in asked if counts.get(word, 0) > 0] if foreign else asked
    weights = {word: log(1 + total / (counts.get(word, 0) + 0.5)) for word in telling}
    rare = {word for word in asked if 0 < counts.get(word, 0) <= max(1, weighing.rare_share * total)}
    needed = weighing.coverage * sum(weights.values())
    for hit in hits:
        held = weights.keys() & set(words(f"{hit.title} {hit.text}"))
        if held & rare and sum(weights[word] for word in held) >= needed:
            return True
    return False
