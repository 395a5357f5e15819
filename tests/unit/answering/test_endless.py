"""A model that repeats itself to its last token, while others wait on the same loop."""

import asyncio
import time
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from streams.answering.answerer import Answerer
from streams.answering.generating.generate import CHARACTERS_A_TOKEN
from streams.answering.settings import Answering
from streams.messages.questions import Asked, Question
from streams.ports import ChatChunk
from tests.unit.answering.scripted import AT, Index, Marks, Words, always
from tests.unit.answering.test_answerer import LOCK, RESET

TOKENS, LONGEST = 512, 64
PAUSE_S = 1.0
"""Processor time for which nothing else goes on, at most; a minute where text is read again and again."""


class Endless:
    def __init__(self, repeated):
        self.written = 0
        self._token = (repeated * LONGEST)[:LONGEST]

    async def chat(self, request):
        for self.written in range(1, TOKENS + 1):
            await asyncio.sleep(0)
            yield ChatChunk(self._token)
        yield ChatChunk("", done=True, done_reason="length", prompt_tokens=100, completion_tokens=TOKENS)


async def _answered(model):
    """The last event, and the longest time that the processor was at work between two turns of the loop."""
    settings = Answering("big", "small", max_answer_tokens=TOKENS)
    answerer = Answerer(
        always(Index.of(RESET, LOCK), Words()),
        model,
        Marks(),
        settings,
        lambda: datetime.now(UTC),
        time.monotonic,
    )
    asked = Asked(
        Question(text="How do I reset my portal password?", deadline_ms=600_000), "q", "acme", AT,
        int(time.time() * 1000),
    )  # fmt: skip
    beats = [time.process_time()]

    async def beat():
        while True:
            await asyncio.sleep(0)
            beats.append(time.process_time())

    beating = asyncio.create_task(beat())
    events = [event async for event in answerer.answer(asked)]
    beating.cancel()
    return events[-1], max(after - before for before, after in pairwise(beats))


@pytest.mark.parametrize("repeated", ["*", "A", "5 euros ", "5 euros. ", "! ", "a, ", "trial 5 [1]. ", "."])
def test_a_model_that_repeats_itself_is_stopped_and_holds_nobody_up(repeated):
    model = Endless(repeated)
    last, longest_s = asyncio.run(_answered(model))
    assert last.type == "answer.completed"
    assert longest_s < PAUSE_S
    assert model.written < TOKENS


def test_a_reply_that_is_longer_than_its_tokens_are_ends_as_one_that_was_cut():
    last, _ = asyncio.run(_answered(Endless("Passwords are reset there. ")))
    assert last.truncated
    assert 0 < len(last.text) <= CHARACTERS_A_TOKEN * TOKENS + len(" [1]")
