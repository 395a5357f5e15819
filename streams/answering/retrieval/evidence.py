"""Evidence: whether what was found can answer the question at all, by absolute measures.

A fused rank score is none: it is as high for the best of many unrelated passages. Two things are: how alike
question and passage are (cosine), and that a passage holds a rare word of the question along with enough of
what else it asks (a part number, a name; embeddings are poor at both). Where question and passage are in two
languages, most words say nothing, and those that both have say the more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

from streams.answering.text.words import content_words, numbers, stem, words
from streams.ports import Hit


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which cosine on a passage is evidence.

    `same`: where question and passage are in the same language, and that is not English: models that were
    trained on English find any two texts in French alike. `english`: else, two languages included: those are
    no more alike to such models than what has nothing to do with each other.
    """

    english: float
    same: float


_THRESHOLDS: tuple[tuple[str, Threshold], ...] = (
    # Measured with the bundled model, five passages found: of 80 SciFact claims (best cosine of 95 %: .48 and
    # more) one is abstained from, of 40 questions on other matters (.13-.38) two are answered; 50 French
    # questions have .52-.76, 15 unanswerable ones .12-.59. Of 396 French questions on other matters four have
    # more on English pages, .38 at most.
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

    `shared`: how rare the words must be together that a passage in another language shares with the question,
    in nats: 6 is as rare as one word that a passage in 400 has. Of 396 French questions on other matters none
    has that on English pages, of 23 on those pages' matters 14.
    """

    similarity: float | None = None
    rare_share: float = 0.01
    coverage: float = 0.5
    shared: float = 6.0


def threshold(embed_model: str, asked: str, written: str, weighing: Weighing) -> float:
    """The cosine from which a passage is evidence, -1 to 1: the setting, else the family's.

    `asked` and `written` are the languages of question and passage.
    """
    if weighing.similarity is not None:
        return weighing.similarity
    name = embed_model.rsplit("/", 1)[-1].lower()
    family = next((value for prefix, value in _THRESHOLDS if name.startswith(prefix)), UNKNOWN_FAMILY)
    return family.same if asked == written != "en" else family.english


def alike(
    hits: Sequence[Hit],
    written: Sequence[str],
    asked: Sequence[str],
    embed_model: str,
    weighing: Weighing,
) -> bool:
    """Whether any passage is as similar to the question as the languages of the two demand (one a hit)."""
    return any(
        hit.similarity >= threshold(embed_model, mine, other, weighing)
        for hit, mine, other in zip(hits, asked, written, strict=True)
    )


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
    codes: bool = False,
) -> bool:
    """Whether a passage holds a rare word of the question and enough of its other words.

    `total` and `counts` are as `Search.word_counts` gives them. A word that no passage holds weighs most.
    With `codes` the rare word must have a digit in it, as part numbers have, which are the same in every
    language: for passages in another one than the question.
    """
    weights, most = _rarity(asked, total, counts), max(1, weighing.rare_share * total)
    told = [word for word in asked if numbers(word)] if codes else asked
    rare = {word for word in told if 0 < counts.get(word, 0) <= most}
    needed = weighing.coverage * sum(weights.values())
    for hit in hits:
        held = weights.keys() & set(words(f"{hit.title} {hit.text}"))
        if held & rare and sum(weights[word] for word in held) >= needed:
            return True
    return False


def share_telling_words(
    hits: Sequence[Hit], asked: Sequence[str], total: int, counts: Mapping[str, int], weighing: Weighing
) -> bool:
    """Whether a passage in another language shares several words with the question that are rare together.

    Words that no passage holds say nothing. The others must be `coverage` of those that any holds, and
    one alone says nothing either, in several forms neither (`test`, `tests`): two languages have words in
    common by chance (`licence`, `exporter`).
    """
    weights = _rarity([word for word in asked if counts.get(word, 0) > 0], total, counts)
    needed = max(weighing.shared, weighing.coverage * sum(weights.values()))
    for hit in hits:
        held = weights.keys() & set(words(f"{hit.title} {hit.text}"))
        if len({stem(word) for word in held}) > 1 and sum(weights[word] for word in held) >= needed:
            return True
    return False


def _rarity(asked: Sequence[str], total: int, counts: Mapping[str, int]) -> dict[str, float]:
    """How rare each word is, in nats: the more, the fewer passages hold it."""
    return {word: log(1 + total / (counts.get(word, 0) + 0.5)) for word in asked}
