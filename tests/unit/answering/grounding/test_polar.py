"""A mere yes or no is held against what the source says of the question."""

import pytest

from streams.answering.grounding.ground import grounded
from streams.answering.grounding.polar import answered
from tests.unit.answering.grounding.test_contradict import SHOP
from tests.unit.answering.grounding.test_ground import found


@pytest.mark.parametrize(
    ("question", "answer", "share"),
    [
        ("Are refunds possible for opened software?", "Yes [1].", 0),
        ("Are refunds possible for opened software?", "No [1].", 1),
        ("Is opened software not refunded?", "Yes [1].", 1),
        ("Is damage by water covered?", "Yes [1].", 0),
        ("Do customers pay for return shipping?", "Yes, they do [1].", 1),
        ("Do customers pay for return shipping?", "They do not [1].", 0),
    ],
)
def test_a_bare_yes_or_no_is_what_the_source_says_of_the_question(question, answer, share):
    assert grounded(answer, [found(SHOP, title="")], question) == share


CANCEL = "Can I cancel my subscription at any time?"
RESILIER = "Puis-je résilier mon abonnement à tout moment ?"
RETURN = "Can I return an item within 30 days?"


@pytest.mark.parametrize(
    ("source", "question", "yes"),
    [
        ("You can cancel your subscription at any time without a fee.", CANCEL, True),
        ("You can cancel your subscription at any time, but the fee is not refunded.", CANCEL, True),
        ("You can cancel your subscription at any time; the subscription fee is not refunded.", CANCEL, True),
        ("You can't cancel your subscription at any time.", CANCEL, False),
        ("You can no longer cancel your subscription.", CANCEL, False),
        ("A subscription is cancelled at any time without a fee.", "Can I cancel without a fee?", True),
        (
            "A subscription is cancelled for a fee of 5 €.",
            "Can I cancel a subscription without a fee?",
            False,
        ),
        ("Vous pouvez résilier votre abonnement à tout moment, sans frais.", RESILIER, True),
        ("Vous ne pouvez pas résilier votre abonnement à tout moment.", RESILIER, False),
        ("Aucune résiliation de l'abonnement n'est possible.", RESILIER, False),
        ("The plan includes daily backups at no extra cost.", "Does the plan include daily backups?", True),
        ("The plan includes backups at no extra cost.", "Do backups of the plan cost extra?", False),
        ("À la cantine, on peut payer par carte, sans frais.", "Peut-on payer par carte ?", True),
        ("On peut payer sans frais par carte.", "Peut-on payer par carte ?", True),
        ("Items are returned within 30 days, no receipt needed.", RETURN, True),
        ("Items are returned within 30 days, no receipt needed.", "Is a receipt needed?", False),
        ("After 30 days, you can't return an item.", "Can I return an item after 30 days?", False),
        ("For opened software, refunds are not possible.", "Is opened software refunded?", False),
        ("Refunds for opened software, sadly, are not possible.", "Is opened software refunded?", False),
        ("No refunds are possible.", "Are refunds possible?", False),
        ("No refunds are possible for opened software.", "Can I get refunds for opened software?", False),
    ],
)
def test_what_is_lacking_or_said_beside_it_is_no_answer_to_a_question(source, question, yes):
    assert answered("Yes.", question, [source]) is yes
    assert answered("No.", question, [source]) is not yes
    assert grounded("Yes. [1]", [found(source, title="")], question) == yes
