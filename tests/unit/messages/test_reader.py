"""The reader's rule, under anything that may come twice or late."""

import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.messages.reader import AnswerReader, Shown, intact
from tests.unit.messages.events import completed, delta, failed, reset, started


def attempt_of(number, pieces):
    """An attempt's events but the terminal one."""
    first = started() if number == 1 else reset(number)
    return [first, *(delta(number, seq, text) for seq, text in enumerate(pieces, 1))]


def ended(number, pieces):
    return completed(number, len(pieces) + 1, "".join(pieces))


attempts = st.lists(st.lists(st.text(max_size=3), max_size=5), min_size=1, max_size=4)


@given(attempts, st.randoms(use_true_random=False), st.data())
def test_any_repetition_and_interleaving_of_attempts_reads_as_the_last_one(written, random, data):
    events = [event for number, pieces in enumerate(written, 1) for event in attempt_of(number, pieces)]
    repeated = events + data.draw(st.lists(st.sampled_from(events), max_size=20))
    random.shuffle(repeated)
    reader = AnswerReader()
    counted = [event for event in repeated if reader.feed(event)]
    assert reader.text == "".join(written[-1])
    assert reader.attempt == len(written)
    assert reader.terminal is None
    assert len({(event.attempt, event.seq) for event in counted}) == len(counted)


@given(attempts, st.randoms(use_true_random=False), st.data())
def test_the_first_terminal_event_ends_the_answer_whatever_came_before_or_comes_after(written, random, data):
    events = [event for number, pieces in enumerate(written, 1) for event in attempt_of(number, pieces)]
    random.shuffle(events)
    terminal = ended(len(written), written[-1])
    before = data.draw(st.integers(0, len(events)))
    later = ended(len(written) + 1, ["something else"])
    reader = AnswerReader()
    for event in [*events[:before], terminal, *events[before:], terminal, later]:
        reader.feed(event)
    assert reader.terminal == terminal
    assert reader.text == "".join(written[-1])


def test_a_delta_that_is_missing_ends_what_is_read_until_the_whole_answer_comes():
    first, one, two, three = attempt_of(1, ["a", "b", "c"])
    reader = AnswerReader()
    assert [reader.feed(event) for event in (first, one, three)] == [True, True, True]
    assert reader.text == "a"
    assert reader.feed(two)
    assert reader.text == "abc"
    assert not reader.feed(two)


def test_an_attempt_that_was_given_up_can_add_nothing_to_the_next():
    reader = AnswerReader()
    for event in (*attempt_of(1, ["old"]), *attempt_of(2, ["new"])):
        assert reader.feed(event)
    assert not reader.feed(delta(1, 2, " and late"))
    assert reader.text == "new"


def test_a_failure_ends_the_answer_too():
    reader = AnswerReader()
    end = failed(retryable=True)
    assert reader.feed(end)
    assert reader.terminal is end
    assert not reader.feed(attempt_of(2, [])[0])


@pytest.mark.parametrize("fails", [False, True])
def test_an_answer_that_ended_holds_its_text_and_none_of_the_events_before(fails):
    reader, events = AnswerReader(), attempt_of(1, ["a", "b"])
    for event in events:
        reader.feed(event)
    end = failed(retryable=True)
    reader.feed(end if fails else ended(1, ["a", "b"]))
    held = [weakref.ref(event) for event in events]
    event = events = None
    gc.collect()
    assert [one() for one in held] == [None, None, None]
    assert reader.text == "ab"


def test_a_text_that_was_changed_on_its_way_is_known():
    sent = ended(1, ["whole"])
    assert intact(sent)
    assert not intact(sent.model_copy(update={"text": "hole"}))


def test_a_piece_of_a_later_attempt_is_shown_in_place_of_what_was():
    shown = Shown()
    pieces = [delta(1, 1, "old"), delta(1, 2, " text"), delta(2, 1, "new"), delta(2, 2, " text")]
    assert [shown.add(piece) for piece in pieces] == [False, False, True, False]
    assert shown.left(completed(2, 3, "new text, to the end")) == (", to the end", False)
    assert shown.left(completed(1, 3, "old text")) == ("old text", True)
