# ruff: noqa: RUF001 - apostrophes as French has them
import asyncio

import pytest

from streams.answering.retrieval.followup import accepted, after, combined, leans, may_lean, told
from streams.answering.retrieval.rewrite import Rewriter, Rewriting
from streams.errors import Retryable
from streams.messages.questions import Turn
from tests.unit.answering.cost import grows
from tests.unit.answering.scripted import Models, Script
from tests.unit.answering.virtual import monotonic, run

LEANING = [
    "And after a crash?", "How long is it kept?", "Can it be undone?", "Why?", "How do I change that?",
    "What about those that are late?", "What happens to questions meanwhile?", "Which one is faster?",
    "Where do they go?", "Et en français ?", "Comment le renvoyer ?", "Que répare-t-il ?",
    "Combien de temps sont-ils gardés ?", "Et pourquoi ?", "Comment l’arrêter ?",
    "Und wie lange dauert das?", "Wie lange gilt sie?", "¿Y cuánto cuesta eso?", "En hoe lang duurt dat?",
]  # fmt: skip
ALONE = [
    "How do I reset my password?", "How do I cancel my subscription?", "What is the vacation policy?",
    "Wie ist das WLAN-Passwort?", "Wo ist das Büro?", "Gibt es Parkplätze?", "Wie viele Urlaubstage gibt es?",
    "Können Sie mir helfen?", "Wat is het adres?", "Hoe lang is het contract?", "Wat kost het abonnement?",
    "Wie lange gilt die Garantie für gebrauchte Geräte?", "Hoe lang is de termijn voor bezwaar?",
    "How does the vacuum delete superseded passages?", "Which Python version does make demo need?",
    "When a worker is killed, how long do its partitions wait?", "What is changed_at for?",
    "What does it mean that the worker waits for source topics?",
    "Combien de minutes le vacuum attend-il avant de supprimer des passages ?",
    "Quelle version de Python faut-il pour make demo ?",
]  # fmt: skip
TALK = [
    Turn(role="user", content="How do I reset my portal password?"),
    Turn(role="assistant", content="On the Security page, with a code that is sent by mail [1]."),
]


@pytest.mark.parametrize("question", LEANING)
def test_a_question_that_says_too_little_by_itself_leans_on_what_was_said(question):
    assert leans(question)


@pytest.mark.parametrize("question", ALONE)
def test_a_question_that_says_what_it_is_about_stands_alone(question):
    assert not leans(question)


def test_a_question_is_combined_with_those_that_it_leans_on_and_no_others():
    asked = ["How do I lock an account?", "How do I reset my portal password?", "And by mail?"]
    talk = [Turn(role="user", content=text) for text in asked]
    assert combined("How long is that?", talk) == "\n".join([*asked[1:], "How long is that?"])
    assert combined("How do I change the language of the portal?", talk).count("\n") == 0
    assert combined("Why?", []) == "Why?"


@pytest.mark.parametrize(
    "question", ["Who approves requests?", "Which codes can it have?", "Any exceptions?"]
)
def test_a_question_that_says_little_may_be_half_a_one(question):
    assert may_lean(question)


@pytest.mark.parametrize(
    "question", ["Who approves requests of Berlin?", "How long is a holiday request open?"]
)
def test_a_question_that_names_something_or_says_more_is_a_whole_one(question):
    assert not may_lean(question)


def test_of_a_long_conversation_only_its_end_is_looked_at():
    """A history may have megabytes, and is looked at while all others wait."""
    long = [*[Turn(role="user", content="What is the fee? " * 1_800)] * 100, *TALK]
    assert after("How long?", long) == f"{TALK[0].content}\nHow long?"
    assert after("How long?", long[:1]).count("fee") < 40
    assert len("".join(text for _, text in told(long))) < 1000


@pytest.mark.parametrize(
    ("rewritten", "taken"),
    [
        ("How long is the code valid to reset my portal password?", True),
        ("How long is the code valid?", True),
        ("How long is it valid?", False),
        ("How long is the Helsinki code valid?", False),
        ("How long is the code valid, 30 minutes?", False),
        ("How do I reset my portal password?", False),
        ("Combien de temps le code du portail est-il valid ?", False),
        ("The code is valid.\nAsk support.", False),
        ("", False),
    ],
)
def test_a_rewritten_question_is_taken_where_it_asks_the_same_and_names_nothing_new(rewritten, taken):
    assert accepted(rewritten, "How long is it valid?", TALK) is taken


def rewriter(script, *, usual_s=0.1, observed=None):
    models = Models({"small": script})
    observe = (observed if observed is not None else []).append
    return models, Rewriter(models, Rewriting("small"), lambda _: usual_s, monotonic, observe)


def standalone(made, question="How long is it valid?", *, talk=TALK, left_s=20.0):
    return run(made.standalone(question, talk, left_s))


BETTER = "How long is the code valid to reset my portal password?"
COMBINED = "How do I reset my portal password?\nHow long is it valid?"


def test_the_fast_model_makes_a_follow_up_stand_alone():
    observed = []
    models, made = rewriter(Script((BETTER[:20], BETTER[20:])), observed=observed)
    assert standalone(made) == BETTER
    (request,) = models.requests
    assert "How long is it valid?" in request.messages[1].content
    assert "Security page" in request.messages[1].content
    assert [one.labels for one in observed] == [{"by": "model"}]


def test_a_question_that_stands_alone_asks_no_model():
    models, made = rewriter(Script((BETTER,)))
    assert standalone(made, "How does the vacuum delete passages?") == "How does the vacuum delete passages?"
    assert standalone(made, talk=[]) == "How long is it valid?"
    assert not models.requests


def test_what_can_t_be_taken_or_does_not_come_in_time_is_replaced_by_the_program():
    for script in (
        Script(("It is valid for two days.",)), Script(end=Retryable("down")), Script(end="cut"),
        Script(first_s=1.9, end="hang"),
    ):  # fmt: skip
        _, made = rewriter(script)
        assert standalone(made) == COMBINED


def test_rewriting_takes_a_tenth_of_the_time_at_most():
    async def late():
        _, made = rewriter(Script(first_s=60))
        await made.standalone("How long is it valid?", TALK, 5.0)
        return monotonic()

    assert run(late()) <= 0.7


def test_no_model_is_asked_that_would_usually_be_late_or_that_keeps_failing():
    models, made = rewriter(Script((BETTER,)), usual_s=3.0)
    assert standalone(made) == COMBINED
    assert not models.requests

    async def often():
        models, made = rewriter(Script(end=Retryable("down")))
        for _ in range(10):
            await made.standalone("How long is it valid?", TALK, 20.0)
        await asyncio.sleep(60)
        await made.standalone("How long is it valid?", TALK, 20.0)
        return len(models.requests)

    assert run(often()) == 4


@pytest.mark.parametrize(
    "repeated", ["le ", "le a ", "comment le ", "a", "es ", "does it mean ", "A1", "quand "]
)
def test_a_question_is_gone_through_once(repeated):
    def read(characters):
        leans((repeated * characters)[:characters] + "x")

    assert grows(read, 8_000, 32_000) < 8
