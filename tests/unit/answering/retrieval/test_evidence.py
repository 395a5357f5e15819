import pytest

from streams.answering.retrieval.evidence import (
    UNKNOWN_FAMILY,
    Weighing,
    alike,
    asked_words,
    matches_rare_word,
    share_telling_words,
    threshold,
    without,
)
from tests.unit.answering.scripted import hit

PART = hit("The gasket of the pump is part XK4471.", similarity=0.2)


def matches(question, counts, total=1000, hits=(PART,)):
    return matches_rare_word(hits, asked_words(question), total, counts, Weighing())


def test_similarity_counts_from_the_threshold_on():
    def alike_from(similarity, hits=(PART,)):
        return alike(
            hits, ["en"] * len(hits), ["en"] * len(hits), "all-minilm", Weighing(similarity=similarity)
        )

    assert alike_from(0.2)
    assert not alike_from(0.21)
    assert not alike_from(-1, hits=())


def test_the_threshold_is_the_embedding_familys_unless_it_is_set():
    assert threshold("all-minilm:33m", "en", "en", Weighing()) == 0.35
    assert threshold("library/all-minilm", "fr", "fr", Weighing()) == 0.52
    assert threshold("nomic-embed-text:v1.5", "en", "en", Weighing()) == 0.55
    assert threshold("bge-m3", "fr", "fr", Weighing()) == 0.5
    assert threshold("something-else", "en", "en", Weighing()) == UNKNOWN_FAMILY.english
    assert threshold("all-minilm", "fr", "fr", Weighing(similarity=0.7)) == 0.7


def test_two_languages_are_no_more_alike_to_a_model_than_what_has_nothing_to_do_with_each_other():
    assert threshold("all-minilm", "fr", "en", Weighing()) == 0.35
    near = hit("Wählen Sie ein neues Passwort, und dann melden Sie sich an.", similarity=0.4)
    assert alike([near], ["de"], ["fr"], "all-minilm", Weighing())
    assert not alike([near], ["de"], ["de"], "all-minilm", Weighing())


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


def shares(question, counts, passage="The watermark of the terminal event", total=1000):
    found = [hit(passage, similarity=0.2)]
    return share_telling_words(found, asked_words(question), total, counts, Weighing())


QUESTION = "Que contient le watermark de l'événement terminal ?"


def test_in_another_language_words_that_are_rare_together_are_evidence():
    assert shares(QUESTION, {"watermark": 20, "terminal": 80})
    assert not shares(QUESTION, {"watermark": 300, "terminal": 400}), "common ones"
    assert not shares("Combien coûte une licence ?", {"licence": 1}, "The licence is free"), "one"
    assert not shares(QUESTION, {"watermark": 0, "terminal": 1}), "one alone may be so by chance"
    assert not shares("Tests à l'école : si je refuse le test ?", {"test": 2, "tests": 2}, "A test of tests")
    assert not shares(QUESTION, {"watermark": 20, "terminal": 80}, passage="Unrelated")
    more = {"watermark": 20, "terminal": 80, "contient": 1, "evenement": 1}
    assert not shares(QUESTION, more), "passages in its own language hold more of the question"
