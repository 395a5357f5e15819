"""Whether what was retrieved can answer the question, as a whole."""

from types import SimpleNamespace

import pytest

from streams.answering.retrieval.evidence import Weighing
from streams.answering.retrieval.retrieve import Retrieved
from streams.answering.retrieval.weigh import answerable
from streams.answering.text.language import language_of
from tests.unit.answering.scripted import hit
from tests.unit.answering.virtual import run

ENGLISH = (
    "The project is under the Apache licence, and what that is can be read in the file of the repository."
)
FRENCH = "Le projet est sous la licence Apache, et ce que cela veut dire est dans le fichier du dépôt."
PART = "The gasket of the pump is part XK4471, and it is in the left drawer of the desk."


def is_answered(question, passage, held, total=1000):
    """By its words alone, each of which so many passages hold as `held` says."""

    async def counts(words):
        return total, {word: held.get(word, 0) for word in words}

    found = SimpleNamespace(hit=hit(passage, similarity=0.1, title=""))
    return run(
        answerable(
            question, language_of(question), Retrieved((found,), ()), counts,
            model="all-minilm", weighing=Weighing(),
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("question", "held"),
    [
        ("Qu'est-ce qu'une licence ?", {"licence": 3}),
        ("Comment exporter la licence ?", {"licence": 1, "exporter": 3}),
        ("Quel est le document de la licence ?", {"licence": 3, "document": 300}),
    ],
)
def test_one_rare_word_is_evidence_in_the_questions_language_and_none_in_another(question, held):
    assert is_answered(question, FRENCH, held)
    assert not is_answered(question, ENGLISH, held)


def test_a_part_number_is_evidence_in_any_language():
    assert is_answered("Qu'est-ce que le XK4471 ?", PART, {"xk4471": 1})
    assert is_answered("What is the XK4471?", PART, {"xk4471": 1})
    assert not is_answered("Qu'est-ce que le XK4471 ?", PART, {"xk4471": 300}), "a common one"
