"""An answer's text is gone through once, whatever a model repeats: work grows with it, and no faster."""

from contextlib import suppress
from itertools import count

import pytest

from streams.answering.generating.generate import Unfinished
from streams.answering.generating.thoughts import Thoughts
from streams.answering.grounding.ground import attribution, citations, grounded, regulating
from streams.answering.guard.links import Known
from streams.answering.guard.output import OutputFilter
from streams.answering.text.screen import screen
from tests.unit.answering.cost import TRIES, grows
from tests.unit.answering.grounding.test_ground import BOTH

PASSAGES = BOTH * 5
ENDS = count()
FED = 64
"""Characters of a token, at most."""
MOST = 9
"""Times, for four times as much; the square of it is sixteen."""
REPEATED = [
    *"*-#> \n\t1a.!?…,:;'\"“»)(]_~|=<&%/\\@$é中。🙂",
    "a ", "a b ", "A. ", "A b", "1.", "1. ", "1 ", "1,", "2024-", "1 000 ", "1/", "20:", "5 euros ", "€1 ",
    "[1]", "[1] ", "a [1]. ", "[9] ", "[", "[1", "x[1]", "(1) ", "(1", "【1】", "](", "![", "`", "`a", "``` ",
    "! ", ". [1]", ".)", "a.b", "x-", "n't ", "no ", "and ", "per ", "Alice ", "http://", "http://a.b/ ",
    "<a ", "-1", "- a\n", "| a ", "\n\n", "a\n", "* ", "c: ", "```\n", "<think>",
]  # fmt: skip


@pytest.mark.parametrize("repeated", REPEATED)
def test_four_times_as_much_of_a_reply_takes_about_four_times_as_long(repeated):
    def read(characters):
        # Another text each time: what was read before may be remembered.
        _read((repeated * characters)[:characters] + f"x{next(ENDS)}")

    assert any(grows(read, 2_000, 8_000, tries=1) < MOST for _ in range(TRIES))


def _read(text):
    """All that is done with a reply's text, as it streams and at its end."""
    thoughts, markers, output = Thoughts(), regulating(PASSAGES), OutputFilter(Known(["a.b"]), "canary12")
    with suppress(Unfinished):
        for at in range(0, len(text), FED):
            told = markers.feed(thoughts.feed(text[at : at + FED]))
            output.feed(told, spaced=markers.spaced)
        output.feed(markers.flush(), done=True)
    grounded(text, PASSAGES, "How much is it?")
    citations(PASSAGES, "How much is it?", text)
    attribution(text, PASSAGES)
    screen(text)
