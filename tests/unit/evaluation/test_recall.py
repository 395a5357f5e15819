from __future__ import annotations

from dataclasses import replace

import pytest

from streams.evaluation.recall import Expected, recall
from streams.evaluation.sampled import sampled
from streams.ports import Serving
from tests.unit.answering.scripted import Index, Words, head_of, hit
from tests.unit.indexing.generations.test_copying import change, filled

HITS = [hit(f"passage {n}", name=f"kb/{n}") for n in range(1, 8)]


async def of(*questions, hits=HITS):
    index = Index.of(*hits)
    return await recall(Serving(index, Words()), questions, alpha=0.3), index


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
    serving = Serving(index, Words())
    assert await recall(serving, [about("kb/1", principals=("group:a",))], alpha=0.3) == 1.0
    assert await recall(serving, [about("kb/1")], alpha=0.3) == 0.0
    assert {(one.tenant, one.alpha) for one in index.queries} == {("acme", 0.3)}


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
