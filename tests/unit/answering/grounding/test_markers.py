import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.answering.grounding.markers import pointed, unmarked
from streams.answering.grounding.marking import Markers
from streams.messages.markers import ends_in_code, outside_code

PIECES = [
    "[",
    "]",
    "1",
    "2",
    "9",
    "0",
    ",",
    " ",
    "-",
    "`",
    "```",
    "\n",
    "a",
    ".",
    "[1]",
    "[1, 9]",
    "[2-3]",
    "【",
    "】",
    "(",
    ")",
    "(1)",
    "[Doc ",
    "†",
    "é",
    "[",
]
TEXT = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def backed(_n, _text):
    return True


def whole(text, count=3, texts=()):
    markers = Markers(count, texts, backed)
    return markers.feed(text) + markers.flush()


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("It is so [1].", "It is so [1]."),
        ("It is so [1, 2] and [1,3].", "It is so [1][2] and [1][3]."),
        ("It is so [ 2 ; 2 ].", "It is so [2]."),
        ("It is so [1-3] or [2–3].", "It is so [1][2][3] or [2][3]."),  # noqa: RUF001
        ("It is so [9].", "It is so."),
        ("It is so [9] here.", "It is so here."),
        ("It is so [1][9][2].", "It is so [1][2]."),
        ("It is so [1, 9].", "It is so [1]."),
        ("Est-ce vrai [9] ?", "Est-ce vrai ?"),
        ("It is so 【1】 and 【2†source】.", "It is so [1] and [2]."),
        ("It is so [Doc 1] and [document #2, 3].", "It is so [1] and [2][3]."),
        ("It is so [Source: 1][Doc 9].", "It is so [1]."),
        ("It is so (1). Or (1, 3)! (2)", "It is so [1]. Or [1][3]! [2]"),
        ("It is so [1]. Take two (2).", "It is so [1]. Take two (2)."),
        ("(1) Open it. (2) Call f(1), wait (3) days (9).", "(1) Open it. (2) Call f(1), wait (3) days (9)."),
        ("It returns success (0) or failure (1).", "It returns success (0) or failure (1)."),
        ("In `f(0)` since (2024) it fails (1).", "In `f(0)` since (2024) it fails [1]."),
        ("It is so (1). Level (0). It is so (2).", "It is so [1]. Level (0). It is so (2)."),
        ("In [2024] the code [404] in a [0].", "In [2024] the code [404] in a [0]."),
        (
            "[1, 500] is a range, [Doc] and [doctor] and 【笔记】 are words.",
            "[1, 500] is a range, [Doc] and [doctor] and 【笔记】 are words.",
        ),
        ("On [2024-11-22] in [0, 1] and [0-9].", "On [2024-11-22] in [0, 1] and [0-9]."),
        ("A [link](x), a [ ] box, [^1], [a1].", "A [link](x), a [ ] box, [^1], [a1]."),
        ("Call `a[9]` and ``b[8]``, not [8].", "Call `a[9]` and ``b[8]``, not."),
        ("```\na[9] `[8]\n```\nSo [9] [1].", "```\na[9] `[8]\n```\nSo [1]."),
        ("A stray ` here\n[9] there [2].", "A stray ` here\nthere [2]."),
        ("  \n It ends [1] \n", "It ends [1]"),
        ("It is cut [1", "It is cut"),
        ("It is cut [", "It is cut ["),
        ("[[1]]", "[[1]]"),
        ("```x```[9]`[1]", "```x``` `[1]"),
    ],
)
def test_markers_are_made_regular(written, sent):
    assert whole(written) == sent


OWN = [
    ("It reads sys.argv[1] from x and sys.argv[2].", "It reads `sys.argv[1]` from x and `sys.argv[2]`."),
    ("sys.argv[1] is read", "`sys.argv[1]` is read"),
    ("The second is row[2] [1].", "The second is `row[2]` [1]."),
    ("Vitamin K[2] is fat-soluble[1].", "Vitamin `K[2]` is fat-soluble[1]."),
    ("Vitamin K[2] is fat-soluble[1][2].", "Vitamin `K[2]` is fat-soluble[1][2]."),
    ("Take vitamin K[1].", "Take vitamin K[1]."),
    ("Take vitamin K[2] !", "Take vitamin K[2] !"),
    ("It is closed[1] in x[2], as f(x)[2] is.", "It is closed[1] in x[2], as f(x)`[2]` is."),
    ("my_grid[1][2] = 5, other[3] = 5.", "`my_grid[1][2]` = 5, other[3] = 5."),
    ("See my_list[9], $argv[9] and that[9] too.", "See `my_list[9]`, `$argv[9]` and that too."),
    ("The interval [1, 5] is closed [1, 9].", "The interval [1, 5] is closed [1]."),
    ("Choose in [1-3] or so [1-3].", "Choose in [1-3] or so [1][2][3]."),
    ("Options: [1] Reset, [2] Exit [1].", "Options: `[1]` Reset, `[2]` Exit [1]."),
    ("Options: [1] Other, [2] Exits.", "Options: [1] Other, [2] Exits."),
    ("[1] Reset\n[2] Exit", "`[1]` Reset\n`[2]` Exit"),
    ("Team A [7], team B [8] [1].", "Team A `[7]`, team B `[8]` [1]."),
    ("It was shown [2] twice, [9] here.", "It was shown [2] twice, here."),
    ("`a`row_b[2]`b`, **row_b[2]** ran", "`a`row_b[2]`b`, **`row_b[2]`** ran"),
    ("| row_b[2] = 5 | b[1] |", "| `row_b[2]` = 5 | b[1] |"),
    ("The first is list[1], not list[1].", "The first is `list[1]`, not list[1]."),
    ("so row[2", "so row"),
]


@pytest.mark.parametrize(("written", "sent"), OWN)
def test_a_bracket_of_the_texts_own_stays_and_cites_nothing(written, sent):
    passages = [
        "It reads sys.argv[1] and\nsys.argv[2]. The second is row[2], row_b[2]. Vitamin K[2] is [1-3].",
        "Choose in [1-3]; the interval [1, 5] is f(x)[2]. [1] Reset, [2] Exit. Team A [7], team B [8].",
        "`list[1]` is the first.",
    ]
    assert whole(written, texts=passages) == sent


CITING = [
    "Berlin is the capital[1] of Germany; Rome is old[2].",
    "It is hosted on GitHub[1], as code is.",
    "It is hosted on GitHub[1].",
    "Hotels are 150[1] and meals up to 40[2].",
    "Hotels [2] are limited [1, 2], mostly.",
    "[1] Smith wrote it.",
    "[1] Smith, who wrote it.",
    "It is booked on booking.com[1] now.",
    "The rate[1] = 5 percent.",
]


@pytest.mark.parametrize("written", CITING)
def test_a_marker_beside_a_word_that_has_a_footnote_in_the_passage_cites(written):
    passages = [
        "Berlin is the capital[1] and largest city. It is hosted on GitHub[1], as code is.",
        "It is booked on booking.com[1] now.",
        "Hotels are 150[1], Hotels [2] are limited [1, 2]. [1] Smith, J.: Hotels. 2001.",
    ]
    assert whole(written, texts=passages) == written.replace("[1, 2]", "[1][2]")


def test_a_marker_that_points_at_none_is_dropped_behind_a_product_a_version_or_a_number():
    written = "Node.js[4], my.list[5], iPhone[5], macOS[7], v2.1[4], 3.5[7] GB, US$[8] and _it_[9] do."
    assert whole(written) == "Node.js, my.list, iPhone, macOS, v2.1, 3.5 GB, US$ and _it_ do."


@settings(max_examples=300)
@given(TEXT, st.lists(st.integers(0, 40)), st.integers(0, 3), TEXT)
def test_what_is_sent_points_at_what_there_is_however_the_text_is_cut(text, cuts, count, passage):
    cut_anywhere(text, cuts, count, [passage, text])


def cut_anywhere(text, cuts, count, passages):
    markers = Markers(count, passages, backed)
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    sent = "".join(markers.feed(text[a:b]) for a, b in pairwise(places)) + markers.flush()
    assert sent == whole(text, count, passages)
    assert all(1 <= n <= count for n in pointed(sent))


@settings(max_examples=300)
@given(TEXT, st.lists(st.integers(0, 40)), st.integers(0, 3))
def test_what_is_regular_stays_as_it_is(text, cuts, count):
    markers = Markers(count, (), backed)
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    sent = "".join(markers.feed(text[a:b]) for a, b in pairwise(places)) + markers.flush()
    assert sent == whole(text, count)
    assert all(1 <= n <= count for n in pointed(sent))
    assert whole(sent, count) == sent or set("[【(`") & set(sent)


@given(TEXT)
def test_text_without_brackets_is_left_as_it_is_but_for_white_space_around_it(text):
    text = re.sub(r"[][【】()]", "", text)
    assert whole(text).strip() == text.strip() or "`" in text


@given(TEXT)
def test_the_pieces_of_a_text_are_all_of_it(text):
    assert "".join(piece for piece, _ in outside_code(text)) == text


@given(TEXT)
def test_a_documents_own_markers_point_at_nothing_once_they_are_written_round(text):
    assert not pointed(unmarked(text))


def test_a_number_in_round_brackets_that_a_passage_brought_along_cites_nothing():
    for written in ("It was shown (2).", "Before that, too (3)."):
        markers = Markers(3, ["So it was shown before [2], (3).", "Nothing."], backed)
        assert markers.feed(written) + markers.flush() == written


def test_a_number_in_round_brackets_is_a_marker_where_each_passage_that_it_names_says_the_same():
    asked = []

    def backs(n, text):
        asked.append((n, text))
        return n != 2

    markers = Markers(3, (), backs)
    assert markers.feed("It is so (1). Or so! (3)\nNot (1, 2).") == "It is so [1]. Or so! [3]\nNot (1, 2)."
    assert asked == [
        (1, "It is so"), (3, "It is so [1]. Or so!"),
        (1, "It is so [1]. Or so! [3]\nNot"), (2, "It is so [1]. Or so! [3]\nNot"),
    ]  # fmt: skip


def test_code_that_is_not_closed_is_known():
    assert ends_in_code("so ```\ncode")
    assert ends_in_code("so `code")
    assert not ends_in_code("so `code` and ```more``` ")
    assert not ends_in_code("a ` tick\nand on")
