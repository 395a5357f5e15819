from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.answering.found import Found
from streams.answering.grounding.claims import claims
from streams.answering.grounding.extract import extract
from streams.answering.grounding.ground import attribution, citations, grounded, regulating
from streams.answering.grounding.markers import pointed
from streams.answering.grounding.quote import quote
from streams.answering.text.sentences import sentences
from streams.answering.text.words import listed, stems, words
from tests.unit.answering.cost import grows
from tests.unit.answering.scripted import head_of, hit


def found(text, name="a", title="Portal"):
    one = hit(text, name=name, title=title)
    return Found(one, head_of(one, name=name))


RESET = found("The portal has a page called Security. Passwords are reset there. Ask support for the rest.")
LOCK = found("After five failed attempts, accounts are locked for 30 minutes. Codes cost 1,000 points.", "b")
BOTH = [RESET, LOCK]


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        ("Passwords are reset on the Security page [1].", 1.0),
        ("You reset your password under Security. [1] Accounts lock for 30 minutes. [2]", 1.0),
        ("Accounts are locked for 45 minutes [2].", 0.0),
        ("Accounts are locked for 30 minutes [1].", 0.0),
        ("Accounts are locked for 30 minutes.", 0.0),
        ("Accounts are locked for 30 minutes. Passwords are reset under Security [1][2].", 1.0),
        ("Passwords are reset under Security [1]. The moon is made of green cheese [2].", 0.5),
        ("1. Open the Security page of the portal [1].\n2. Reset the password there [1].", 1.0),
        ("A code costs 1000 points [2].", 1.0),
        ("Yes [1].", 1.0),
        ("Yes.", 0.0),
        ("", 0.0),
    ],
)
def test_what_is_cited_must_say_what_the_sentence_says(answer, share):
    assert grounded(answer, BOTH) == share


def test_a_sentence_without_a_marker_is_covered_by_the_next_ones():
    made = claims("One thing. Another thing [2][1]. A last thing.")
    assert [(claim.text, claim.cited) for claim in made] == [
        ("One thing.", (2, 1)), ("Another thing.", (2, 1)), ("A last thing.", ()),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("passage", "answer", "share"),
    [
        ("It costs 5 - 10 euros.", "It costs 510 euros [1].", 0.0),
        ("It costs 5 - 10 euros.", "It costs 5 - 10 euros [1].", 1.0),
        ("It costs 5 - 10 euros.", "The price is 5 - 10 euros [1].", 1.0),
        ("It costs 5 - 10 euros.", "- It costs 5 - 10 euros [1].", 1.0),
        ("Passwords need > 12 characters.", "Your password needs > 12 characters [1].", 1.0),
        ("Das Büro ist von 8 - 12 Uhr geöffnet.", "Das Büro ist von 812 Uhr geöffnet [1].", 0.0),
    ],
)
def test_a_dash_or_a_sign_within_a_sentence_is_no_items(passage, answer, share):
    assert grounded(answer, [found(passage)]) == share


def test_a_reply_of_one_character_is_read_once_through():
    ends = count()

    def read(characters):
        # Another text each time: what was read before may be remembered.
        grounded("*" * characters + f"x{next(ends)}", [RESET])

    assert grows(read, 8_000, 32_000) < 8


WORDS = listed("""
tax fee Germany France Anna backup refund safe unsafe fell grew included excluded not no nicht kein only
except without unless must may all some daily weekly every day month 5 -5 1.5 1,200 two mg g GB % € 8 am pm
2024-03-05 March before after is in of the and , : ; . ( )
""")


@given(st.lists(st.sampled_from(sorted(WORDS)), min_size=1, max_size=60).map(" ".join))
def test_any_sentence_of_a_passage_that_is_cited_is_grounded(text):
    passage = found(text, title="")
    for sentence in sentences(text):
        if words(sentence):
            assert grounded(f"{sentence} [1]", [passage]) == 1


def test_a_line_that_leads_in_claims_nothing_and_its_markers_cover_what_has_none():
    made = claims("The steps are:\n1. Open it [1].\n2. Close it [2].\n\nRun this [3]:\n\n```\nls\n```")
    assert [(claim.text, claim.cited) for claim in made] == [
        ("Open it.", (1,)), ("Close it.", (2,)), ("```\nls\n```", (3,)),
    ]  # fmt: skip
    assert claims("It leads nowhere [1]:") == claims("It leads nowhere: [1]") != []


def test_a_marker_in_code_cites_nothing():
    assert [(claim.text, claim.cited) for claim in claims("Use `a[1]. [2] B[3]` here [4].")] == [
        ("Use `a[1]. [2]", (4,)), ("B[3]` here.", (4,)),
    ]  # fmt: skip


def test_an_answer_without_markers_gets_those_of_its_sources_and_no_others():
    assert (
        attribution("Accounts are locked after five attempts. Reset passwords under Security.", BOTH)
        == " [1][2]"
    )
    assert attribution("The moon is made of cheese.", BOTH) == ""
    assert attribution("Accounts are locked after five attempts [1].", BOTH) == ""
    assert attribution("Locked accounts: `five failed attempts", BOTH) == ""


def test_a_citation_quotes_what_is_closest_to_the_sentence_that_cites_it():
    first, second = citations(BOTH, "How are codes priced?", "Passwords are reset there [1].")
    assert first.cited
    assert "Passwords are reset there." in first.quote
    assert not second.cited
    assert "Codes cost 1,000 points." in second.quote
    assert [one.n for one in (first, second)] == [1, 2]
    assert second.document_id == "b"


@given(st.text(min_size=1, max_size=1500), st.text(max_size=60))
def test_a_quote_is_a_short_piece_of_the_passage_word_for_word(text, about):
    piece = quote(text, stems(about))
    assert piece in text
    assert len(piece) <= 500
    assert bool(piece) == bool(text.strip())


def test_a_quote_is_chosen_by_what_is_in_it_not_by_what_comes_after():
    text = "Filler is here. " + "Nothing is said. " * 40 + "Passwords are reset there."
    assert "Passwords are reset there." in quote(text, stems("Filler passwords reset"))


def test_a_quote_of_an_endless_sentence_ends_between_words():
    piece = quote("word " * 300, stems("word"))
    assert 490 < len(piece) <= 500
    assert piece.endswith("word")


@given(
    st.lists(
        st.text(alphabet="ab1[]` \n.", min_size=1, max_size=80).filter(str.strip), min_size=1, max_size=5
    )
)
def test_an_extract_points_at_the_passages_it_quotes_and_at_nothing_else(texts):
    passages = [found(text, str(n)) for n, text in enumerate(texts)]
    text = extract(passages, "ab?", "en")
    assert pointed(text) == set(range(1, min(3, len(texts)) + 1))


def test_an_extract_quotes_in_the_questions_language():
    assert extract(BOTH, "Où réinitialiser ?", "fr").startswith("Voici les passages")
    assert "“After five failed attempts" in extract([LOCK], "attempts?", "en")


def test_an_answer_that_only_repeats_the_question_is_not_grounded_by_that():
    question = "How is a dead letter sent back?"
    letters = found("A dead letter is sent back with the replay command, at its old position.")
    echo = "A dead letter sent back is a twist. [1]"
    assert grounded(echo, [letters]) > 0
    assert grounded(echo, [letters], question) == 0
    assert grounded("A dead letter goes back by the replay command. [1]", [letters], question) == 1


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("Passwords are reset on the Security page (1).", "Passwords are reset on the Security page [1]."),
        (
            "Accounts lock for 30 minutes (2). Ask support (1)!",
            "Accounts lock for 30 minutes [2]. Ask support [1]!",
        ),
        ("Accounts lock for 30 minutes (1).", "Accounts lock for 30 minutes (1)."),
        ("Each ticket has a priority (1, 2).", "Each ticket has a priority (1, 2)."),
        ("Accounts lock for 30 minutes (1, 2).", "Accounts lock for 30 minutes (1, 2)."),
        ("Voir l'article L. 121-1 (2).", "Voir l'article L. 121-1 (2)."),
        ("Yes (1).", "Yes (1)."),
    ],
)
def test_a_number_in_round_brackets_cites_a_passage_that_says_the_same(written, sent):
    markers = regulating(BOTH)
    assert "".join(map(markers.feed, written)) + markers.flush() == sent
