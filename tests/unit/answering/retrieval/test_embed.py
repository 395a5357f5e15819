import pytest

from streams.answering.retrieval.embed import question_vector
from streams.errors import PromptTooLong
from tests.unit.answering.virtual import run


class Lengths:
    """An embedder of one direction for texts with an `a`, another one for the others."""

    def __init__(self, window):
        self.window = window

    async def embed_query(self, text):
        if len(text) > self.window:
            raise PromptTooLong("too long")
        return (1.0, 0.0) if "a" in text else (0.0, 1.0)


def test_the_parts_of_a_long_question_count_as_much_as_they_are_long():
    vector = run(question_vector(Lengths(30), "a" * 20 + " " + "b" * 28))
    assert vector == pytest.approx((20 / (20**2 + 29**2) ** 0.5, 29 / (20**2 + 29**2) ** 0.5))


def test_a_question_that_fits_is_embedded_as_it_is():
    assert run(question_vector(Lengths(30), "a b")) == (1.0, 0.0)


def test_what_cannot_be_halved_is_refused():
    with pytest.raises(PromptTooLong):
        run(question_vector(Lengths(0), "a" * 100))
