# ruff: noqa: RUF001 - apostrophes as French has them
import re
from pathlib import Path

import pytest

from streams.answering.grounding.contradict import contradicted
from streams.answering.grounding.ground import acquaint, grounded
from streams.answering.text.sentences import sentences
from tests.unit.answering.grounding.test_ground import found

LOCK = "After five failed attempts, accounts are locked for 30 minutes. The lock can't be lifted by support."
LEAVE = "Alice Martin approves the leave of Bob Tanner. Managers are told by mail before the first day."
CARDS = (
    "Cards are valid for 12 months and cost 45 euros. They are not refunded after the first use. "
    "A card that is lost is blocked within 2 hours."
)
FRENCH = (
    "La carte coûte 45 euros et reste valable douze mois. Elle n’est pas remboursée après la première "
    "utilisation. Une carte perdue est bloquée en deux heures par le service Clientèle."
)

SHOP = (
    "The refund of an order is paid to the card. Customers pay for return shipping. The warranty lasts two "
    "years. Damage by water is excluded. Late payments cost 5% per year. No refunds are possible for opened "
    "software."
)
BOUTIQUE = "Les dégâts des eaux sont exclus de la garantie. Les intérêts sont de 5 % par an."

RATES = "Plans cost 10 euros per month, billed yearly. Staff have 25 days of leave and 5 days off per year."

TAXES = "The tax is 20 % in France and 19 % in Germany. Revenue fell in 2022 and grew in 2023."
TABLE = "| Country | Tax |\n|---|---|\n| France | 20 % |\n| Germany | 19 % |"
OFFICE = (
    "The office opens at 8 am. The backup runs weekly. Growth was 3 % in 2023. "
    "Uploads may have 50 MB per file. "
    "Access is denied to contractors. The plan excludes phone support. The drug is unsafe for children. "
    "You may submit the form online or by post. Some employees may work remotely. Revenue fell."
)
TARIF = (
    "Die Kündigung ist nicht möglich. Der Tarif enthält keinen Telefonsupport. Es fallen Gebühren an. "
    "Die Gebühr muss nach der Prüfung bezahlt werden. Der Zugang ist unzulässig. "
    "Die Frist beträgt drei Monate."
)

BOTH = [
    ("The museum opens at 10 and closes at 18.", "The museum is open from 10 to 18."),
    ("The project started in 2019 and ended in 2021.", "The project began in 2019 and ended in 2021."),
    ("Requests are approved or rejected by the manager.", "The manager can approve requests."),
    ("The policy includes dental care and excludes surgery.", "Dental care is included in the policy."),
    ("Der Umsatz stieg um 5 % und der Gewinn sank um 3 %.", "Der Gewinn fiel um 3 %."),
    ("Sales rose in spring and fell in autumn.", "Sales grew in spring."),
]
REORDERED = [
    ("Breakfast costs 10 EUR and dinner 25 EUR.", "Dinner costs 25 EUR and breakfast 10 EUR."),
    ("Breakfast costs 10 EUR and dinner 25 EUR.", "Dinner is 25 EUR, breakfast is 10 EUR."),
    ("Le petit-déjeuner coûte 10 € et le dîner 25 €.", "Le dîner coûte 25 € et le petit-déjeuner 10 €."),
    (
        "Das Frühstück kostet 10 Euro und das Essen 25 Euro.",
        "Das Essen kostet 25 Euro und das Frühstück 10 Euro.",
    ),
]
MEASURED = [
    ("The trial lasts 14 days.", "The trial lasts two weeks."),
    ("Deliveries take 2 weeks.", "Deliveries take 14 days."),
    ("Delivery takes 2 to 3 weeks.", "Delivery takes at least 2 weeks."),
    ("The warranty covers parts and labour for 24 months.", "The warranty covers parts for two years."),
    ("Die Frist beträgt zwei Jahre.", "Die Frist beträgt 24 Monate."),
    ("The office opens at 9 a.m. and closes at 5 p.m.", "The office is open from 9 to 5."),
    ("The temperature must stay below 25 °C.", "The temperature must not exceed 25 °C."),
    ("Nicht mehr als 5 Personen dürfen sprechen.", "Höchstens 5 Personen dürfen sprechen."),
    ("Send at most 100 messages per second.", "Do not send more than 100 messages per second."),
    ("Passwords must have at least 12 characters.", "Passwords must not have fewer than 12 characters."),
]
RIGHT = [
    *BOTH,
    *MEASURED,
    *REORDERED,
    (TAXES, "The tax in Germany is 19 %."),
    (TABLE, "The tax in Germany is 19 %."),
    (TAXES, "Revenue grew in 2023."),
    (OFFICE, "The office opens at 8:00."),
    (OFFICE, "There is a backup every week."),
    (OFFICE, "The drug is not safe for children."),
    (OFFICE, "You may submit the form by post."),
    (TARIF, "Eine Kündigung ist niemals möglich."),
    (TARIF, "Die Frist ist 3 Monate."),
    ("timeout: 30s (default)", "The timeout defaults to 30 seconds."),
    ("The file size is 1.5GB.", "The file is 1.5 GB."),
    ("Released: 2024-03-05.", "It was released on 5 March 2024."),
    ("Contract end: 31.12.", "The contract ends on 31 December."),
    ("Mitgliedsbeitrag: 25 €", "Der Mitgliedsbeitrag beträgt 25 Euro."),
    ("Refunds are only possible with a receipt.", "Without a receipt, refunds are not possible."),
    ("You cannot cancel except during the trial.", "You can only cancel during the trial."),
    ("On ne peut pas résilier sauf pendant l'essai.", "On ne peut résilier que pendant l'essai."),
    ("Not only managers may approve leave.", "Managers may approve leave."),
    ("The API takes 100 requests/minute, reset hourly.", "The API takes 100 requests per minute."),
    ("L'offre coûte 10 €/mois, facturation annuelle.", "L'offre coûte 10 € par mois."),
    ("L'offre coûte 10 € par mois (facturation annuelle).", "L'offre coûte 10 € (facturation annuelle)."),
    ("Late payments cost 5 % p.a., calculated daily.", "Late payments cost 5 % per year."),
    ("Late payments cost 5 % per year, calculated daily.", "Late payments cost 5 % calculated daily."),
    ("Plans cost 10 €/month, billed yearly.", "Plans cost 10 € per month."),
    ("The Pro plan costs 12 € or 120 € yearly.", "The Pro plan costs 12 € per month."),
    (RATES, "Plans cost 10 euros a month."),
    (RATES, "Staff have 5 days off every year."),
    (SHOP, "Water damage is not covered by the warranty."),
    (SHOP, "Return shipping is paid by customers."),
    (SHOP, "Paying late costs 5% a year."),
    (SHOP, "Opened software can't be refunded."),
    (BOUTIQUE, "La garantie ne couvre pas les dégâts des eaux."),
    (BOUTIQUE, "Les intérêts sont de 5 % par année."),
    (LOCK, "Accounts are locked for 30 minutes after five failed attempts."),
    (LOCK, "After 5 failed attempts the account is locked."),
    (LOCK, "Support can't lift the lock."),
    (LOCK, "An account that failed five times is locked, for 30 minutes."),
    (LEAVE, "Bob Tanner's leave is approved by Alice Martin."),
    (LEAVE, "Alice Martin approves the leave of Bob Tanner."),
    (LEAVE, "Before the first day, managers get mail."),
    (CARDS, "A card costs 45 euros; it is valid for 12 months."),
    (CARDS, "Cards that are lost are blocked within two hours."),
    (CARDS, "There is no refund after first use."),
    (FRENCH, "La carte est valable 12 mois et coûte 45 euros."),
    (FRENCH, "Elle n'est pas remboursée après la première utilisation."),
    (FRENCH, "Le service Clientèle bloque une carte perdue en deux heures."),
]
WRONG = {
    "unit": [
        (OFFICE, "Uploads may have 50 GB per file."),
        (OFFICE, "The office opens at 8 pm."),
        (OFFICE, "Growth was -3 % in 2023."),
        ("Les fichiers ont 50 Mo.", "Les fichiers ont 50 Go."),
        ("The dose is 5 mg.", "The dose is 5 g."),
    ],
    "decimals": [
        ("Python 3.10 is supported since release 9.", "Python 3.9 is supported."),
        ("The fee is 5.12 %.", "The fee is 12.5 %."),
        ("The fee is 25 EUR; 1 EUR is refunded.", "The fee is 1.25 EUR."),
        ("Version 1.2 fixed it.", "Version 2.1 fixed it."),
    ],
    "one of several": [
        (TAXES, "The tax in Germany is 20 %."),
        (TABLE, "The tax in Germany is 20 %."),
        (TAXES, "Revenue grew in 2022 and fell in 2023."),
    ],
    "swapped": [
        ("Breakfast costs 10 EUR and dinner 25 EUR.", "Dinner costs 10 EUR and breakfast 25 EUR."),
        ("Breakfast costs 10 EUR and dinner 25 EUR.", "Dinner costs 10 EUR."),
    ],
    "measured": [
        ("The trial lasts 14 days.", "The trial lasts three weeks."),
        ("The warranty lasts 24 months.", "The warranty lasts 24 years."),
        ("The office opens at 9 a.m. and closes at 5 p.m.", "The office is open from 9 to 6."),
        ("The office closes at 17:00.", "The office closes at 5 a.m."),
        ("The temperature must stay below 25 °C.", "The temperature must not stay below 25 °C."),
        ("Do not send more than 100 messages.", "Send more than 100 messages."),
    ],
    "how often": [
        (OFFICE, "The backup runs daily."),
        (OFFICE, "The backup runs every day."),
        ("La prime est annuelle pour tous.", "La prime est mensuelle pour tous."),
        ("Die Prämie wird jährlich gezahlt.", "Die Prämie wird jeden Monat gezahlt."),
    ],
    "contrary": [
        (OFFICE, "Access is granted to contractors."),
        (OFFICE, "The plan includes phone support."),
        (OFFICE, "The drug is safe for children."),
        ("Revenue fell.", "Revenue grew."),
        ("The request was rejected.", "The request was accepted."),
    ],
    "overstated": [
        (OFFICE, "You must submit the form online."),
        (OFFICE, "All employees may work remotely."),
        ("Le client peut payer par carte.", "Le client doit payer par carte."),
    ],
    "German": [
        (TARIF, "Die Kündigung ist möglich."),
        (TARIF, "Eine Kündigung ist jederzeit möglich."),
        (TARIF, "Der Tarif enthält Telefonsupport."),
        (TARIF, "Es fallen keine Gebühren an."),
        (TARIF, "Die Gebühr muss vor der Prüfung bezahlt werden."),
        (TARIF, "Der Zugang ist zulässig."),
        (TARIF, "Die Frist beträgt 3 Wochen."),
    ],
    "only": [("Refunds are only possible with a receipt.", "Refunds are only possible without a receipt.")],
    "half invented": [
        (SHOP, "The refund of an order is paid in cash by a courier at home."),
        (SHOP, "Refunds of opened software take the manager's signature."),
    ],
    "excluded": [
        (SHOP, "The warranty covers water damage and accidental drops."),
        (SHOP, "Water damage is covered."),
        (SHOP, "Refunds are possible for opened software."),
        (SHOP, "Return shipping is free of charge in every country."),
        (SHOP, "Return shipping is free."),
        (BOUTIQUE, "La garantie couvre les dégâts des eaux."),
    ],
    "period": [
        (SHOP, "Late payments cost 5% per month."),
        (SHOP, "Late payments cost 5% monthly."),
        (SHOP, "Late payments cost 5%/month."),
        (RATES, "Staff have 5 days off per month."),
        (RATES, "Plans cost 10 euros an hour."),
        ("L'offre coûte 10 €/mois, facturation annuelle.", "L'offre coûte 10 € par an."),
        ("The API takes 100 requests / minute.", "The API takes 100 requests per hour."),
        (BOUTIQUE, "Les intérêts sont de 5 % par mois."),
    ],
    "number": [
        (LOCK, "Accounts are locked for 45 minutes."),
        (LOCK, "After six failed attempts, accounts are locked."),
        (LOCK, "After 30 failed attempts, accounts are locked for five minutes."),
        (CARDS, "Cards cost 12 euros and are valid for 45 months."),
        (CARDS, "A card that is lost is blocked within 12 hours."),
        (FRENCH, "Une carte perdue est bloquée en douze heures."),
        (FRENCH, "La carte coûte 54 euros."),
    ],
    "negation": [
        (LOCK, "The lock can be lifted by support."),
        (LOCK, "Accounts are not locked after five failed attempts."),
        (LOCK, "Accounts are never locked for 30 minutes."),
        (CARDS, "They are refunded after the first use."),
        (CARDS, "A card that is lost is not blocked within 2 hours."),
        (FRENCH, "Elle est remboursée après la première utilisation."),
        (FRENCH, "La carte ne coûte pas 45 euros."),
    ],
    "opposite": [
        (LOCK, "Before five failed attempts, accounts are locked for 30 minutes."),
        (LEAVE, "Managers are told by mail after the first day."),
        (CARDS, "They are not refunded before the first use."),
        (FRENCH, "Elle n’est pas remboursée avant la première utilisation."),
    ],
    "name": [
        (LEAVE, "Bob Tanner approves the leave of Alice Martin."),
        (LEAVE, "The leave of Bob Tanner is approved by Carol Martin."),
        (LOCK, "The lock can't be lifted by the Helsinki support."),
        (FRENCH, "Une carte perdue est bloquée en deux heures par le service Juridique."),
    ],
}


@pytest.mark.parametrize(("source", "sentence"), RIGHT)
def test_what_the_source_says_in_other_words_is_no_contradiction(source, sentence):
    assert not contradicted(sentence, [source])
    assert grounded(f"{sentence} [1]", [found(source, title="")]) == 1


@pytest.mark.parametrize(
    ("source", "sentence"), [pair for pairs in WRONG.values() for pair in pairs], ids=lambda text: text[:40]
)
def test_what_is_changed_where_it_matters_is_not_grounded(source, sentence):
    assert grounded(f"{sentence} [1]", [found(source, title="")]) == 0


@pytest.mark.parametrize(
    ("source", "sentence"), [*RIGHT, *(pair for pairs in WRONG.values() for pair in pairs)]
)
def test_nothing_depends_on_whether_a_passage_was_read_ahead(source, sentence):
    unread, read = (found(f"{source} Here is page {n}.", title="") for n in range(2))
    acquaint(read)
    assert grounded(f"{sentence} [1]", [read]) == grounded(f"{sentence} [1]", [unread])


def test_a_sentence_of_the_source_itself_never_contradicts_it():
    docs = Path(__file__).parents[4] / "docs"
    checked = 0
    for page in sorted(docs.glob("**/*.md")):
        for block in re.split(r"\n\s*\n", page.read_text(encoding="utf-8")):
            if block.lstrip()[:1].isalpha():
                for sentence in sentences(block):
                    checked += 1
                    assert not contradicted(sentence, [block]), sentence
    assert checked > 300


def test_the_next_cell_of_a_row_says_nothing_of_a_price():
    assert not contradicted("The Pro plan costs 12 € per month.", ["| Pro plan | 12 € | 120 € yearly |"])


def test_german_nouns_are_no_names():
    source = "Nach fünf Versuchen wird das Konto für 30 Minuten gesperrt. Die Sperre hebt die Leitung auf."
    assert not contradicted("Das Konto wird für 30 Minuten nach den Versuchen gesperrt.", [source])
