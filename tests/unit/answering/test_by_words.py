"""A question that gets no vector in time is searched for by its words, and the answer says so."""

import asyncio

import pytest

from streams.answering.retrieval.embed import FAILURES, OPEN_S
from streams.errors import Retryable
from tests.unit.answering.rules import check_stream
from tests.unit.answering.scripted import Index, Script, Words, asked, hit
from tests.unit.answering.test_answerer import GOOD, RESET, World
from tests.unit.answering.virtual import monotonic, run

DOWN = Script(end=Retryable("refused"), first_s=0.0)


def down(count=999):
    return Words(faults=[Retryable("refused")] * count)


@pytest.mark.parametrize("embedder", [down, lambda: Words(faults=[1e6] * 99)])
@pytest.mark.parametrize("deadline_ms", [2000, 4000, 30_000])
def test_without_the_embedder_a_model_answers_from_what_the_words_find(embedder, deadline_ms):
    world = World(index=Index.of(RESET), embedder=embedder())
    _, end = world.ask(deadline_ms=deadline_ms)
    assert (end["route"], end["by_words"], end["text"][:4]) == ("primary", True, "Open")
    (query,) = world.index.queries
    assert (query.alpha, len(query.vector)) == (0.0, 2)
    assert world.times[-1] <= deadline_ms / 2000 + 1


def test_with_the_embedder_the_answer_says_nothing_of_words():
    assert World().ask()[1]["by_words"] is False


def test_without_any_model_what_the_words_find_is_quoted():
    world = World(index=Index.of(RESET), embedder=down(), models={"big": DOWN, "small": DOWN})
    _, end = world.ask(deadline_ms=4000)
    assert (end["route"], end["reason"], end["by_words"]) == ("extract", "error", True)
    assert RESET.text in end["text"]
    assert world.times[-1] < 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("How do I reset my portal password?", "By the words"),
        ("Comment réinitialiser mon mot de passe ?", "Par les mots"),
    ],
)
def test_what_no_telling_word_finds_is_no_evidence_however_alike_it_seems(text, said):
    others = [hit(f"The portal is {n}.", name=f"o{n}", similarity=0.99) for n in range(9)]
    world = World(index=Index.of(*others), embedder=down())
    _, end = world.ask(text)
    assert (end["route"], end["abstained"], end["by_words"]) == ("none", True, True)
    assert end["text"].startswith(said)
    assert World(index=Index.of(*others)).ask(text)[1]["route"] == "primary"


def test_an_embedder_that_is_down_is_waited_for_by_few_and_used_again_as_soon_as_it_is_back():
    async def asking():
        world = World(index=Index.of(RESET), embedder=down())
        took = []
        for _ in range(FAILURES + 5):
            began = monotonic()
            end = check_stream(await world.events(asked(age_s=-began, deadline_ms=10_000)))
            assert end["by_words"]
            took.append(monotonic() - began)
        assert min(took[:FAILURES]) > 2
        assert max(took[FAILURES:]) < 1
        world.embedder.faults = []
        await asyncio.sleep(OPEN_S)
        return check_stream(await world.events(asked(age_s=-monotonic())))

    end = run(asking())
    assert (end["by_words"], end["text"]) == (False, "".join(GOOD.pieces).strip())


def test_questions_with_little_time_do_not_keep_a_slow_embedder_from_others():
    async def asking():
        world = World(index=Index.of(RESET), embedder=Words(faults=[0.35] * 99))
        hurried = [
            check_stream(await world.events(asked(age_s=-monotonic(), deadline_ms=500))) for _ in range(9)
        ]
        return hurried, check_stream(await world.events(asked(age_s=-monotonic())))

    hurried, end = run(asking())
    assert {one["by_words"] for one in hurried} == {True}
    assert end["by_words"] is False
