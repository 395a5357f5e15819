"""What a person sees of an answer."""

import io

import pytest
from rich.console import Console

from streams.cli.output import Output
from streams.cli.records.ask import Display
from tests.unit.messages.events import completed, delta, reset, started


def seen(*events):
    """What is printed for these events, without the line of facts that ends it."""
    page = io.StringIO()
    display = Display(Output(console=Console(file=page, width=200, soft_wrap=True)))
    for event in events:
        display.show(event)
    *lines, facts = page.getvalue().splitlines()
    assert facts.startswith("route ")
    return lines


@pytest.mark.parametrize(
    "events",
    [
        (started(), delta(1, 1, "Under "), delta(1, 2, "Settings."), completed(1, 3, "Under Settings.")),
        (completed(1, 0, "Under Settings."),),
    ],
)
def test_an_answer_is_printed_once_whether_it_is_streamed_or_not(events):
    assert seen(*events) == ["Under Settings."]


def test_an_answer_that_starts_over_says_so_and_goes_on_in_a_line_of_its_own():
    events = started(), delta(1, 1, "Wro"), reset(2), delta(2, 1, "Right."), completed(2, 2, "Right.")
    assert seen(*events) == [
        "Wro", "[starting over with m: timeout]", "Right."
    ]  # fmt: skip


def test_an_answer_that_ends_in_other_words_than_were_shown_says_so_and_prints_them():
    assert seen(reset(2), delta(2, 1, "Another's"), completed(1, 2, "Its own."))[-3:] == [
        "Another's", "[starting over with m: another attempt had ended before]", "Its own."
    ]  # fmt: skip


def test_what_was_printed_before_a_reset_is_printed_again_where_it_is_the_answer_after_all():
    assert seen(started(), delta(1, 1, "Its own."), reset(2), completed(1, 2, "Its own."))[-2:] == [
        "[starting over with m: timeout]", "Its own."
    ]  # fmt: skip
