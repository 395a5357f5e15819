import pytest

from streams.answering.evidence import (
    UNKNOWN_FAMILY,
    Weighing,
    alike,
    asked_words,
    matches_rare_word,
    threshold,
    without,
)
from tests.unit.answering.scripted import hit

PART = hit("The gasket of the pump is part XK4471.", similarity=0.2)


def matches(question, counts, total=1000, hits=(PART,)):
    return matches_rare_word(hits, asked_words(question), total, counts, Weighing())


def test_similarity_counts_from_the_threshold_on():
    assert alike([PART], 0.2)
    assert not alike([PART], 0.21)
    assert not alike([], -1)


def test_the_threshold_is_the_embedding_familys_unless_it_is_set():
    assert threshold("all-minilm:33m", "en", Weighing()) == 0.35
    assert threshold("library/all-minilm", "fr", Weighing()) == 0.52
    assert threshold("nomic-embed-text:v1.5", "en", Weighing()) == 0.55
    assert threshold("bge-m3", "fr", Weighing()) == 0.5
    assert threshold("something-else", "en", Weighing()) == UNKNOWN_FAMILY.english
    assert threshold("all-minilm", "fr", Weighing(similarity=0.7)) == 0.7


@pytest.mark.parametrize(
    ("question", "counts", "is_evidence"),
    [
        ("What is XK4471?", {"xk4471": 1}, True),
        ("What is part XK4471?", {"xk4471": 1, "part": 300}, True),
        ("What is XK4471?", {"xk4471": 300}, False),
        ("What is XK9999?", {}, False),
        ("Which gasket do tulip bulbs in autumn gardens want?", {"gasket": 2}, False),
        ("What is the part?", {"part": 300}, False),
        ("What is it?", {}, False),
    ],
)
def test_a_rare_word_counts_with_enough_of_the_others(question, counts, is_evidence):
    assert matches(question, counts) == is_evidence


def test_in_a_small_index_a_word_of_a_single_passage_is_rare():
    assert matches("XK4471?", {"xk4471": 1}, total=3)
    assert not matches("XK4471?", {"xk4471": 2}, total=3)


def test_a_title_counts_as_the_passages_own_words():
    assert matches("XK77?", {"xk77": 1}, hits=[hit("It is red.", title="XK77")])


def test_a_word_stays_rare_while_the_passages_that_an_edit_superseded_are_still_held():
    old, new = hit("the car park opens at six"), hit("the car park opens at seven")
    total, counts = without([old], 2, {"car": 2, "park": 2, "opens": 2})
    assert (total, counts) == (1, {"car": 1, "park": 1, "opens": 1})
    assert matches_rare_word([new], ["car", "park", "opens"], total, counts, Weighing())
    assert not matches_rare_word(
        [new], ["car", "park", "opens"], 2, {"car": 2, "park": 2, "opens": 2}, Weighing()
    )


def test_in_another_language_words_that_no_passage_holds_say_nothing():
    found = [hit("The field stale_index says that the deadline came first.", similarity=0.2)]
    asked = ("signifie", "stale", "deadline", "question")
    counts = {"signifie": 0, "stale": 1, "deadline": 3, "question": 0}
    assert not matches_rare_word(found, asked, 100, counts, Weighing())
    assert matches_rare_word(found, asked, 100, counts, Weighing(), foreign=True)
    assert not matches_rare_word(found, ("signifie",), 100, {"signifie": 0}, Weighing(), foreign=True)
