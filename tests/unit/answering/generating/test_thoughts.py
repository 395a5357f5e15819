import asyncio
from contextlib import aclosing
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.answering.generating.generate import OF_THE_QUESTION, Limits, Unfinished, generate
from streams.answering.generating.thoughts import ThoughtAloud, Thoughts
from streams.ports import ChatChunk, ChatMessage, ChatRequest
from tests.unit.answering.virtual import monotonic, run

ANSWER = "Open the portal [1]. 1 < 2, and <b>bold</b>."
REQUEST = ChatRequest("m", (ChatMessage("user", "?"),))


def cut(text, places):
    """The text in pieces, cut at these places."""
    ends = sorted({min(place, len(text)) for place in places} | {0, len(text)})
    return [text[start:end] for start, end in pairwise(ends)]


def said(pieces):
    thoughts = Thoughts()
    return "".join(thoughts.feed(piece) for piece in pieces) + thoughts.flush()


@pytest.mark.parametrize(
    "reply",
    [
        f"<think>Is it [1]? </thin> no</think>\n\n{ANSWER}",
        f"\n <think>\n\n</think>\n\n{ANSWER}",
        f"<thinking>x</think></thinking>{ANSWER}",
        f"[THINK]x[/THINK]\n{ANSWER}",
        f"<think>x</think> <think>y</think>{ANSWER}",
        ANSWER,
    ],
)
@given(places=st.lists(st.integers(0, 120), max_size=30))
def test_thoughts_before_an_answer_are_left_out_however_it_is_cut(reply, places):
    assert said(cut(reply, places)) == ANSWER


@given(places=st.lists(st.integers(0, 60), max_size=30))
def test_thoughts_that_never_end_are_no_answer(places):
    assert said(cut("<think>Is it this, or </thin", places)) == ""


@pytest.mark.parametrize(
    "reply", ["", "  ", " <", "<thin", "<b>x</b>", "<thinker>", " a <think>b</think>", "1\n2"]
)
def test_what_only_looks_like_a_thought_is_left_as_it_is(reply):
    assert said([reply]) == said(reply) == reply


@given(places=st.lists(st.integers(0, 60), max_size=30))
def test_thoughts_whose_beginning_is_not_marked_are_found_out_at_their_end(places):
    with pytest.raises(ThoughtAloud):
        said(cut("Is it [1]? Yes.\n</think>\n\nOpen the portal [1].", places))


@given(places=st.lists(st.integers(0, 90), max_size=30))
def test_tags_that_an_answer_shows_are_a_part_of_it(places):
    template = "Use this [1]:\n```\n<think>\nplan\n</think>\n[THINK] x\n [/THINK]\n```\nThat is all."
    assert said(cut(template, places)) == template


@given(places=st.lists(st.integers(0, 90), max_size=30))
def test_a_tag_that_was_shown_excuses_one_end_of_its_own(places):
    for text in ("So:\n<think>\nx\n</think>\nNo.\n</think>\nYes.", "[THINK] it is\n</think>\nYes."):
        with pytest.raises(ThoughtAloud):
            said(cut(f"Well. {text}", places))


class Model:
    """Says each piece after a pause; a piece that is None is a thought that the server keeps apart."""

    def __init__(self, *pieces, pause_s=3.0):
        self.pieces, self.pause_s = pieces, pause_s

    async def chat(self, _request):
        for piece in self.pieces:
            await asyncio.sleep(self.pause_s)
            yield ChatChunk(piece or "", thinking=piece is None)
        yield ChatChunk("", done=True, done_reason="stop")


def reply(model, **limits):
    async def reading():
        given = {"first_token_s": 10, "hurry_s": 40, "token_s": 5, "coalesce_s": 0.05, "until": 60} | limits
        async with aclosing(generate(model, REQUEST, Limits(**given), monotonic)) as chunks:
            return [(chunk.text, monotonic()) async for chunk in chunks if chunk.text]

    return run(reading())


@pytest.mark.parametrize("thought", [(None,) * 8, ("<think>", *["hm "] * 6, "</think>")])
def test_a_model_that_thinks_longer_than_a_first_token_may_take_is_at_work(thought):
    ((text, at),) = reply(Model(*thought, "Yes [1]."))
    assert (text, at) == ("Yes [1].", pytest.approx(27, abs=0.1))


@pytest.mark.parametrize(
    ("model", "reason", "at"),
    [
        # It stops thinking.
        (Model(None, None, pause_s=6), "timeout", 11),
        # It thinks until nothing is left to another model.
        (Model(*[None] * 99), "deadline", 40),
        (Model("<think>", *["hm "] * 99), "deadline", 40),
        # It does not even begin.
        (Model("late", pause_s=20), "timeout", 10),
    ],
)
def test_a_model_that_only_thinks_ends_by_the_limits(model, reason, at):
    async def failing():
        limits = Limits(first_token_s=10, hurry_s=40, token_s=5, coalesce_s=0.05, until=60)
        with pytest.raises(Unfinished) as caught:
            async with aclosing(generate(model, REQUEST, limits, monotonic)) as chunks:
                assert [chunk async for chunk in chunks] == []
        return caught.value.reason, monotonic()

    assert run(failing()) == (reason, pytest.approx(at, abs=0.5))


def test_thoughts_that_were_taken_for_the_answer_end_it():
    with pytest.raises(Unfinished) as caught:
        reply(Model("Is it [1]?", "\n</think>\n", "Yes [1]."))
    assert (caught.value.reason, caught.value.code) == ("error", "thought_aloud")
    assert caught.value.code in OF_THE_QUESTION
