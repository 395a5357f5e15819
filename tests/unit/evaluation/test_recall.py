from __future__ import annotations

from dataclasses import replace

import pytest

from streams.answering.retrieval.searching import Retrieval
from streams.evaluation.expected import Expected
from streams.evaluation.retrieval import Evaluation
from streams.evaluation.sampled import sampled
from streams.ports import Serving
from tests.unit.answering.scripted import Index, Words, head_of, hit
from tests.unit.answering.virtual import monotonic
from tests.unit.indexing.generations.test_copying import change, filled

HITS = [hit(f"passage {n}", name=f"kb/{n}") for n in range(1, 8)]


def evaluation(index, **more):
    return Evaluation(Serving(index, Words()), Retrieval(), monotonic=monotonic, **more)


async def of(*questions, hits=HITS, **more):
    index = Index.of(*hits)
    return await evaluation(index, **more).recall(questions, weight=0.3), index


def about(*documents, **given):
    return Expected("what?", frozenset(documents), "acme", **given)


async def test_recall_is_the_share_of_a_questions_documents_among_its_first_five_passages():
    assert (await of(about("kb/1")))[0] == 1.0
    assert (await of(about("kb/6")))[0] == 0.0
    assert (await of(about("kb/1", "kb/6")))[0] == 0.5
    assert (await of(about("kb/1"), about("kb/7"), about("kb/2"), about("none")))[0] == 0.5
    assert (await of(about(*(f"kb/{n}" for n in range(1, 8)))))[0] == 1.0


async def test_a_question_is_asked_with_its_tenant_and_its_principals():
    secret = hit("secret", name="kb/s")
    index = Index([secret], {secret.document_key: [head_of(secret, readers=("group:a",))]})
    told = evaluation(index)
    assert await told.recall([about("kb/1", principals=("group:a",))], weight=0.3) == 1.0
    assert await told.recall([about("kb/1")], weight=0.3) == 0.0
    assert {(one.tenant, one.alpha) for one in index.queries} == {("acme", 0.3)}


async def test_what_the_guard_drops_is_not_found():
    dropped = lambda one: one.hit.text != "passage 1"  # noqa: E731 - a guard in one line
    assert (await of(about("kb/1"), goes_on=dropped))[0] == 0.0
    assert (await of(about("kb/6"), goes_on=dropped))[0] == 1.0


async def test_a_question_is_screened_as_a_worker_does():
    _, index = await of(Expected("what\u200b is <|im_start|>this?", frozenset({"kb/1"}), "acme"))
    assert "<|im_start|>" not in index.queries[0].text


async def test_without_questions_nothing_is_missed():
    assert (await of())[0] == 1.0


async def test_made_questions_are_sentences_of_documents_that_are_there_the_same_each_time():
    text = "A first sentence. The longest sentence of them all. Short."
    held = await filled(*(change(f"d{n}", f"{text} {n}") for n in range(30)), change("d3", None, 2))
    questions = await sampled(held, count=10, seed=7)
    assert questions == await sampled(held, count=10, seed=7)
    assert len({one.documents for one in questions}) == len(questions) >= 9
    assert {one.question for one in questions} == {"The longest sentence of them all."}
    assert frozenset({"d3"}) not in {one.documents for one in await sampled(held, count=99, seed=7)}
    assert len(await sampled(held, count=99, seed=7)) == 29
    assert await sampled(await filled(), count=10, seed=7) == []


@pytest.mark.parametrize("readers", [("*",), ("group:a", "user:7")])
async def test_made_questions_are_asked_by_who_may_read_the_document(readers):
    one = change("d", "A sentence.")
    held = await filled(replace(one, document=replace(one.document, readers=readers)))
    (asked,) = await sampled(held, count=1, seed=1)
    assert asked.principals == tuple(reader for reader in readers if reader != "*")
