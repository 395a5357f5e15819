"""What is right in whatever order it is said, and what is wrong for one word alone."""

import pytest

from streams.answering.grounding.ground import grounded
from tests.unit.answering.grounding.test_ground import found

PORTAL = found(
    "Wenn Sie sich nicht mehr anmelden können, klicken Sie auf der Seite auf „Passwort vergessen“. "
    "Sie können das Passwort in den Einstellungen auch jederzeit selbst ändern. "
    "Der Administrator kann das Konto nach fünf falschen Versuchen wieder freigeben. "
    "Gäste können den Drucker am Wochenende nicht benutzen."
)


def _grounded(source, answer):
    return grounded(f"{answer} [1].", [found(source)])


@pytest.mark.parametrize(
    "answer",
    [
        "In den Einstellungen können Sie das Passwort auch jederzeit selbst ändern [1].",
        "Nach fünf falschen Versuchen kann der Administrator das Konto wieder freigeben [1].",
        "Das Konto kann der Administrator nach fünf falschen Versuchen wieder freigeben [1].",
        "Am Wochenende können Gäste den Drucker nicht benutzen [1].",
        "Den Drucker können Gäste am Wochenende nicht benutzen [1].",
    ],
)
def test_german_nouns_are_no_names_that_have_an_order(answer):
    assert grounded(answer, [PORTAL]) == 1


@pytest.mark.parametrize(
    "answer",
    [
        "In den Einstellungen können Sie nicht das Passwort auch jederzeit selbst ändern [1].",
        "Am Wochenende können Gäste den Drucker benutzen [1].",
        "Den Drucker können Gäste am Wochenende benutzen [1].",
    ],
)
def test_a_german_sentence_in_another_order_that_says_the_contrary_is_not_grounded(answer):
    assert grounded(answer, [PORTAL]) == 0


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("You can no longer sign up with Facebook.", "You can sign up with Facebook"),
        ("Backups are no longer available within the free plan.",
         "Backups are available within the free plan"),
        ("Das Konto ist nicht länger unter dieser Adresse erreichbar.",
         "Das Konto ist unter dieser Adresse erreichbar"),
        ("Le service n'est plus disponible jusqu'à minuit.", "Le service est disponible jusqu'à minuit"),
        ("Members can book rooms, but guests cannot book online.", "Members cannot book rooms online"),
        ("You can cancel your booking online, but refunds are not paid for used tickets.",
         "You cannot cancel your booking online for used tickets"),
    ],
)  # fmt: skip
def test_what_is_over_or_denied_of_others_is_not_taken_for_a_bound_or_for_the_rest(source, answer):
    assert _grounded(source, answer) == 0


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("Stays can be no longer than 30 days.", "Stays can be at most 30 days"),
        ("Der Aufenthalt darf nicht länger als 30 Tage dauern.",
         "Der Aufenthalt darf höchstens 30 Tage dauern"),
        ("Only admins can export reports.", "Admins can export all reports"),
        ("Sont remboursés n'importe quels forfaits plus chers.",
         "N'importe quels forfaits plus chers sont remboursés"),
    ],
)  # fmt: skip
def test_a_bound_a_restriction_and_whatever_deny_nothing(source, answer):
    assert _grounded(source, answer) == 1


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("You cannot change your plan during the trial.", "During the trial, you cannot change your plan"),
        ("No data is deleted when your trial ends.", "When your trial ends, no data is deleted"),
        ("A refund is not paid if the device was opened.", "If the device was opened, a refund is not paid"),
        ("If the device was opened, a refund is not paid.", "A refund is not paid if the device was opened"),
        ("Data is stored in Rome and never sold to others.", "Never sold to others, data is stored in Rome"),
        ("Vous ne pouvez pas changer de forfait pendant l'essai.",
         "Pendant l'essai, vous ne pouvez pas changer de forfait"),
        ("Si l'appareil a été ouvert, le remboursement n'est pas versé.",
         "Le remboursement n'est pas versé si l'appareil a été ouvert"),
        ("Eine Erstattung gibt es nicht, wenn das Gerät geöffnet wurde.",
         "Wenn das Gerät geöffnet wurde, gibt es keine Erstattung"),
        ("Der Rabatt gilt für Studenten, nicht für Lehrer.",
         "Für Lehrer gilt der Rabatt nicht, nur für Studenten"),
    ],
)  # fmt: skip
def test_a_denial_may_stand_in_another_clause_than_in_the_source(source, answer):
    assert _grounded(source, answer) == 1


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("You cannot change your plan during the trial.", "During the trial, you can change your plan"),
        ("You cannot change plans during the trial.", "You can change plans during the trial, but not later"),
        ("No data is deleted when your trial ends.", "When your trial ends, data is deleted"),
        ("The discount applies to students, not to teachers.", "The discount does not apply to students"),
        ("The discount applies to students, not to teachers.",
         "The discount applies to teachers, not to students"),
        ("Si l'appareil a été ouvert, le remboursement n'est pas versé.",
         "Si l'appareil a été ouvert, le remboursement est versé"),
        ("Wenn das Gerät geöffnet wurde, gibt es keine Erstattung.",
         "Wenn das Gerät geöffnet wurde, gibt es eine Erstattung"),
    ],
)  # fmt: skip
def test_what_is_denied_in_neither_clause_is_not_what_the_source_says(source, answer):
    assert _grounded(source, answer) == 0


@pytest.mark.parametrize(
    ("source", "right", "wrong"),
    [
        ("Le compte est bloqué après cinq tentatives.", "Après cinq tentatives, le compte est bloqué",
         "Le compte n'est plus bloqué après cinq tentatives"),
        ("Le service n'est plus proposé depuis 2020.", "Depuis 2020, le service n'est plus proposé",
         "Le service est proposé depuis 2020"),
        ("Le compte n'est plus accessible que par courriel.", "Le compte est accessible par courriel",
         "Le compte n'est pas accessible par courriel"),
        ("L'ascenseur ne prend pas plus de huit personnes.", "L'ascenseur prend huit personnes au maximum",
         "L'ascenseur prend plus de huit personnes"),
        ("Les remboursements sont possibles sous 30 jours.", "Sous 30 jours, ils sont possibles",
         "Les remboursements sont impossibles sous 30 jours"),
        ("Les fichiers sont utilisables hors ligne.", "Hors ligne, les fichiers sont utilisables",
         "Les fichiers sont inutilisables hors ligne"),
        ("Seuls les administrateurs peuvent supprimer un projet.",
         "Supprimer un projet, seuls les administrateurs le peuvent",
         "Tous les utilisateurs peuvent supprimer un projet"),
        ("Nur Administratoren können Projekte löschen.", "Projekte löschen können nur Administratoren",
         "Alle Benutzer können Projekte löschen"),
        ("Only admins can delete a project.", "A project can only be deleted by admins",
         "All users can delete a project"),
    ],
)  # fmt: skip
def test_one_word_says_the_contrary(source, right, wrong):
    assert (_grounded(source, right), _grounded(source, wrong)) == (1, 0)
