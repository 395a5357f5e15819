"""An answer as a program gets it: tokens, events or the whole, whatever came twice or started over."""

import asyncio

import pytest

from streams.client import Answer
from streams.errors import Rejected, Retryable
from streams.messages.answers import AnswerDelta
from tests.unit.messages.events import completed, delta, failed, reset, started


def answer(*events):
    async def ask():
        for event in events:
            yield event

    return Answer(ask)


async def test_tokens_are_the_deltas_each_once():
    one = answer(started(), delta(1, 1, "Under "), delta(1, 1, "Under "), delta(1, 2, "Settings."))
    assert [str(token) async for token in one] == ["Under ", "Settings."]
    assert one.text == "Under Settings."


async def test_a_token_of_a_later_attempt_says_so_and_the_text_forgets_what_came_before():
    one = answer(started(), delta(1, 1, "Wrong"), reset(2), delta(2, 1, "Right"), completed(2, 2, "Right"))
    assert [(token, token.attempt) async for token in one] == [("Wrong", 1), ("Right", 2)]
    assert one.text == "Right"


async def test_an_end_of_a_lower_attempt_than_the_tokens_is_a_token_that_takes_them_back():
    one = answer(
        started(),
        delta(1, 1, "Its own"),
        reset(2),
        delta(2, 1, "Another's"),
        completed(1, 2, "Its own words"),
    )
    assert [(token, token.attempt) async for token in one] == [
        ("Its own", 1), ("Another's", 2), ("Its own words", 3)
    ]  # fmt: skip
    assert one.text == "Its own words"


async def test_what_the_tokens_lack_of_the_whole_is_one_more():
    one = answer(started(), delta(1, 1, "Under "), completed(1, 3, "Under Settings."))
    assert [(token, token.attempt) async for token in one] == [("Under ", 1), ("Settings.", 1)]
    one = answer(completed(2, 0, "Under Settings."))
    assert [(token, token.attempt) async for token in one] == [("Under Settings.", 2)]


async def test_what_was_read_as_events_is_no_token_again():
    one = answer(started(), delta(1, 1, "Under "), completed(1, 2, "Under Settings."))
    async for event in one.events():
        if isinstance(event, AnswerDelta):
            break
    assert [str(token) async for token in one] == ["Settings."]


async def test_awaiting_gives_the_whole_with_its_citations():
    one = answer(started(), delta(1, 1, "Right"), completed(1, 2, "Right"))
    assert (await one).text == "Right"
    assert one.completed is not None


@pytest.mark.parametrize(("retryable", "kind"), [(True, Retryable), (False, Rejected)])
async def test_an_answer_that_failed_raises_with_its_code(retryable, kind):
    with pytest.raises(kind, match="not there yet") as caught:
        await answer(failed(retryable=retryable))
    assert caught.value.code == "stale_index"


async def test_events_end_with_the_failure_instead_of_raising_it():
    assert [event.type async for event in answer(failed(retryable=True)).events()] == ["answer.failed"]


async def test_an_answer_without_an_end_is_not_taken_for_a_whole_one():
    with pytest.raises(Retryable):
        await answer(started(), delta(1, 1, "Half"))


class Asked:
    """An answer of these events, and how often its question was sent; an exception is raised in its place."""

    def __init__(self, *events):
        self.times = 0
        self.answer = Answer(lambda: self._ask(events))

    async def _ask(self, events):
        self.times += 1
        for event in events:
            if isinstance(event, Exception):
                raise event
            yield event


async def test_awaiting_after_the_tokens_gives_the_citations_and_asks_no_second_time():
    asked = Asked(started(), delta(1, 1, "Right"), completed(1, 2, "Right"))
    assert [str(token) async for token in asked.answer] == ["Right"]
    assert (await asked.answer).text == "Right"
    assert asked.times == 1


async def test_what_is_left_half_read_is_read_on_by_tokens_events_or_await():
    asked = Asked(started(), delta(1, 1, "a"), delta(1, 2, "b"), delta(1, 3, "c"), completed(1, 4, "abc"))
    async for token in asked.answer:
        assert token == "a"
        break
    async for event in asked.answer.events():
        assert event.text == "b"
        break
    assert asked.answer.text == "ab"
    assert (await asked.answer).text == "abc"
    assert (await asked.answer).text == "abc"
    assert asked.times == 1


async def test_an_answer_that_failed_raises_it_each_time_and_asks_once():
    asked = Asked(started(), failed(retryable=True))
    for _ in range(2):
        with pytest.raises(Retryable, match="not there yet"):
            await asked.answer
        with pytest.raises(Retryable, match="not there yet"):
            [token async for token in asked.answer]
    assert asked.times == 1


async def test_what_reading_raised_is_raised_again_and_asks_once():
    asked = Asked(started(), delta(1, 1, "a"), Retryable("no answer came", code="no_answer"))
    for _ in range(2):
        with pytest.raises(Retryable, match="no answer came"):
            await asked.answer
    assert asked.times == 1


async def test_an_answer_whose_wait_was_cancelled_is_not_asked_for_again():
    waits, times = asyncio.Event(), []

    async def ask():
        times.append(1)
        yield started()
        waits.set()
        await asyncio.Event().wait()

    one = Answer(ask)
    waiting = asyncio.ensure_future(_whole(one))
    await waits.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(Retryable) as caught:
        await one
    assert (caught.value.code, len(times)) == ("no_answer", 1)


async def test_a_second_reader_is_refused_and_costs_the_first_one_nothing():
    comes = asyncio.Event()

    async def ask():
        yield started()
        await comes.wait()
        yield completed(1, 1, "")

    one = Answer(ask)
    first = asyncio.ensure_future(_whole(one))
    await asyncio.sleep(0)
    for _ in range(2):
        with pytest.raises(Rejected) as caught:
            [token async for token in one]
        assert caught.value.code == "being_read"
    comes.set()
    assert (await first).type == "answer.completed"
    assert (await one).type == "answer.completed"


async def _whole(one):
    return await one
