"""Evaluation: measures by hand-counted examples, and the whole on an index in memory."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.answering.retrieval.searching import Retrieval
from streams.evaluation.expected import Expected
from streams.evaluation.measures import capped_recall_at, ndcg_at, recall_at, reciprocal_rank
from streams.evaluation.retrieval import WEIGHTS, Evaluation, halves
from streams.evaluation.scores import Ranked, best_threshold, by_language, scores
from streams.messages.questions import DEFAULT_TOP_K
from streams.ports import Serving
from tests.unit.answering.scripted import Index, Words, hit
from tests.unit.answering.virtual import monotonic, run

RANKED = ["a", "b", "c", "d", "e", "f"]


def test_the_measures_are_those_of_the_field():
    assert recall_at(1, RANKED, {"b"}) == 0
    assert recall_at(5, RANKED, {"b", "e", "z"}) == pytest.approx(2 / 3)
    assert recall_at(1, RANKED, {"a", "b"}) == 0.5
    assert capped_recall_at(1, RANKED, {"a", "b"}) == 1
    assert capped_recall_at(5, RANKED, {"b", "e", "z"}) == pytest.approx(2 / 3)
    assert reciprocal_rank(RANKED, {"c", "f"}) == pytest.approx(1 / 3)
    assert reciprocal_rank(RANKED, {"z"}) == 0
    # 1/log2(3) + 1/log2(6), over 1/log2(2) + 1/log2(3).
    assert ndcg_at(10, RANKED, {"b", "e"}) == pytest.approx((0.63093 + 0.38685) / (1 + 0.63093), abs=1e-4)


@given(st.lists(st.sampled_from("abcdefgh"), unique=True), st.sets(st.sampled_from("abcdefgh"), min_size=1))
def test_measures_are_shares_and_a_perfect_ranking_has_one(ranked, relevant):
    for measure in (lambda one: capped_recall_at(5, one, relevant), lambda one: ndcg_at(10, one, relevant)):
        assert 0 <= measure(ranked) <= 1 + 1e-9
        assert measure(sorted(relevant)) == pytest.approx(1)
    assert recall_at(5, ranked, relevant) == len(set(ranked[:5]) & relevant) / len(relevant)


def ranked(*, answerable=True, similarity=0.6, worded=False, evidence=True, language="en", given=("a",)):
    expected = Expected("q", frozenset({"a"} if answerable else ()))
    return Ranked(expected, language, ("a", "b"), given, similarity, worded, evidence, seconds=0.01)


def test_questions_without_an_answer_count_for_abstaining_alone():
    found = scores([ranked(), ranked(evidence=False), ranked(answerable=False, evidence=False)])
    assert (found.questions, found.unanswerable) == (3, 1)
    assert (found.recall_1, found.abstained_wrongly, found.abstained_rightly) == (1.0, 0.5, 1.0)
    assert scores([ranked(answerable=False)]).recall_5 is None


def test_languages_are_told_apart_where_there_are_several():
    assert set(by_language([ranked(), ranked(language="fr")])) == {"all", "en", "fr"}
    assert set(by_language([ranked()])) == {"all"}


def test_the_threshold_parts_questions_with_an_answer_from_those_without():
    some = [ranked(similarity=value) for value in (0.5, 0.6, 0.9)]
    none = [ranked(answerable=False, similarity=value) for value in (0.1, 0.3, 0.55)]
    assert best_threshold([*some, *none]) == pytest.approx(0.4)
    assert best_threshold(some) is None


def test_what_words_are_evidence_for_needs_no_cosine():
    """The worker answers those whatever the threshold: it must not sink for their sake."""
    some = [ranked(similarity=0.8), *(ranked(similarity=value, worded=True) for value in (0.1, 0.2, 0.3))]
    none = [ranked(answerable=False, similarity=value) for value in (0.25, 0.35, 0.45)]
    assert best_threshold([*some, *none]) == pytest.approx(0.625)


def test_a_threshold_that_is_no_better_than_what_is_set_is_none():
    some = [ranked(similarity=value) for value in (0.5, 0.6, 0.9)]
    none = [ranked(answerable=False, similarity=value, evidence=False) for value in (0.1, 0.3, 0.4)]
    assert best_threshold([*some, *none]) is None


def test_what_an_answer_is_made_from_is_measured_beside_the_ranking():
    found = scores([ranked(), ranked(given=("b",))])
    assert (found.recall_5, found.recall_given) == (1.0, 0.5)


def test_the_halves_are_the_same_in_every_run_and_share_nothing():
    questions = [Expected(f"question {number}", frozenset({"a"})) for number in range(21)]
    learn, test = halves(questions)
    assert (list(learn), list(test)) == tuple(map(list, halves(list(reversed(questions)))))
    assert not {one.question for one in learn} & {one.question for one in test}
    assert len(learn) + len(test) == 21


def test_a_text_that_several_ask_with_their_own_rights_is_in_one_half():
    questions = [
        Expected(f"question {number}", frozenset({reader}), principals=(reader,))
        for reader in ("a", "b")
        for number in range(20)
    ]
    learn, test = halves(questions)
    assert not {one.question for one in learn} & {one.question for one in test}
    assert len(learn) == len(test) == 20


def test_each_half_has_as_many_of_each_language_that_are_answered_and_that_are_not():
    questions = [
        Expected(f"question {number} {answered}", frozenset({"a"} if answered else ()), language=language)
        for language, answered, count in (
            ("en", True, 9),
            ("en", False, 4),
            ("fr", True, 6),
            ("fr", False, 3),
        )
        for number in range(count)
    ]
    one, other = (Counter((q.language, bool(q.documents)) for q in half) for half in halves(questions))
    assert all(abs(one[kind] - other[kind]) <= 1 for kind in one | other)
    assert abs(one.total() - other.total()) <= 1


PASSWORD = hit("Open the portal and reset your password under Security.", name="a")
LUNCH = hit("Lunch is served at noon.", name="b", similarity=0.1)
QUESTIONS = [
    Expected("How do I reset my password?", frozenset({"kb/1"}), "acme"),
    Expected("When is lunch?", frozenset({"kb/2"}), "acme"),
    Expected("Who won the match?", frozenset(), "acme"),
]


def evaluation(index):
    return Evaluation(Serving(index, Words()), Retrieval(), monotonic=monotonic)


def test_a_question_is_ranked_as_the_answering_worker_would_find_it():
    found = run(evaluation(Index.of(PASSWORD, LUNCH)).rank(QUESTIONS, weight=0.3))
    assert [one.documents for one in found] == [("kb/1", "kb/2")] * 3
    assert (found[0].similarity, found[0].evidence) == (0.7, True)
    assert scores(found).mrr == pytest.approx(0.75)
    assert not run(evaluation(Index.of(LUNCH)).rank(QUESTIONS[2:], weight=0.3))[0].evidence


class Fickle(Index):
    """An index that finds other passages first the more it is asked for."""

    async def hybrid(self, query):
        hits = await super().hybrid(query)
        return hits if query.limit <= FIRST else hits[::-1]


FIRST = Retrieval().overfetch * DEFAULT_TOP_K


def test_the_first_ranks_are_of_the_passages_that_the_worker_would_answer_from_however_deep_the_ranking():
    many = [hit(f"Passage {number}", name=str(number), similarity=0.2) for number in range(30)]
    index = Fickle.of(*many)
    (found,) = run(evaluation(index).rank(QUESTIONS[:1], weight=0.3))
    assert [query.limit for query in index.queries] == [FIRST, 80]
    assert found.given == found.documents[:5] == tuple(f"kb/{number}" for number in range(1, 6))
    assert len(found.documents) == 25


def test_what_the_guard_drops_is_not_found():
    index = Index.of(PASSWORD, LUNCH)
    asked = Evaluation(
        Serving(index, Words()), Retrieval(), monotonic=monotonic, goes_on=lambda one: "Lunch" in one.hit.text
    )
    (found,) = run(asked.rank(QUESTIONS[:1], weight=0.3))
    assert found.documents == found.given == ("kb/2",)
    assert not found.evidence


def test_tuning_learns_from_one_half_and_reports_on_the_other():
    again = [replace(one, question=f"{one.question} Please.") for one in QUESTIONS]
    tuned = run(evaluation(Index.of(PASSWORD, LUNCH)).tune(QUESTIONS + again, weight=0.3))
    assert tuned.weight == pytest.approx(0.3), "nothing is gained by another weight here"
    assert set(tuned.tried) == set(WEIGHTS)
    assert {found.questions for found in tuned.tried.values()} == {3}
    assert tuned.before.questions == tuned.after.questions == 3
