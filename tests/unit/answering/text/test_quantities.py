# ruff: noqa: RUF001 - what stands between thousands, and minus signs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.answering.text.quantities import Quantity, canonical, held, quantities, unmeasured
from tests.unit.answering.cost import grows


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("12.5 %, 12,5% and 12,50 Prozent", "12p5 percent, 12p5 percent and 12p5 Percent"),
        ("1.25 EUR, €1.25 and 1,25 euros", "1p25 euro, 1p25 euro and 1p25 euro"),
        ("USD 5, US$5 and $5", "5 dollar, 5 dollar and 5 dollar"),
        ("Python 3.10 is not 3.1, v2.1 is 2.1", "Python 3p10 is not 3p1, 2p1 is 2p1"),
        ("1,200, 1.200, 1 200 and 1'200", "1200, 1200, 1200 and 1200"),
        ("1.234,56 € or $1,234.56", "1234p56 euro or 1234p56 dollar"),
        ("1.2 million, 2,5 Mio. Euro, 3 milliards d'euros, 5 M€",
         "1200000, 2500000 Euro, 3000000000 euro, 5000000 euro"),
        ("1.5GB, 1,5 Go and 1.5 gigabytes", "1p5 gigabyte, 1p5 gigabyte and 1p5 gigabyte"),
        ("30s, 30 s, 30 Sekunden and 30 secondes", "30 second, 30 second, 30 Second and 30 second"),
        ("5 g is not 5 mg, 5 km/h", "5 gram is not 5 milligram, 5 kilometre/h"),
        ("-3 % and −3 %, but 2-3 and T-3", "minus3 percent and minus3 percent, but 2-3 and T-3"),
        ("two years, deux ans, zwei Jahre; two of us", "2 year, 2 year, 2 Year; two of us"),
        ("the 5th, 1er, 2e", "the 5, 1, 2"),
        ("B52, h2o, 3d, 1990s, 192.168.0.1", "B52, h2o, 3d, 1990s, 192p168p0p1"),
        ("5 to 6, 10 an hour, Go 5 Go", "5 to 6, 10 an hour, Go 5 gigabyte"),
        ("8 am, 8 p.m., 9:00–17:30", "clock8, clock20, clock9–clock17h30"),
        ("um 9 am Montag, Gate 5 AM Fenster", "um 9 am Montag, Gate 5 AM Fenster"),
        ("9:30 AM Monday, 9 p.m. Monday", "clock9h30 Monday, clock21 Monday"),
        ("à 9 h, 9 h 30, 17 Uhr, acht Uhr, 12 am", "à clock9, clock9h30, clock17, clock8, clock0"),
        ("5 March 2024, March 5th, 2024, 2024-03-05, 5. März 2024, 5 mars 2024, 05.03.2024, 05/03/2024.",
         ", ".join(["2024 m3 d5"] * 7) + "."),
        ("31.12. and 31 December, 12/31/2024; 5–7 mai", "m12 d31 and m12 d31, 2024 m12 d31; d5–m5 d7"),
        ("in May 2024, 5 may differ, version 1.2.", "in 2024 m5, 5 may differ, version 1p2."),
    ],
)  # fmt: skip
def test_a_number_is_one_word_and_its_unit_the_next_whatever_the_notation(written, read):
    assert canonical(written) == read


@given(st.text() | st.text(alphabet="0123456789.,-:'/ €%gkmMGB\u00b5\u00a0\u0661aph", max_size=40))
def test_any_text_is_read_and_none_of_its_words_is_lost_without_a_digit(text):
    read = canonical(text)
    assert isinstance(quantities(read), frozenset)
    if not any(character.isdigit() for character in text) and "two" not in text:
        assert read == text


def test_what_one_text_leaves_out_of_a_quantity_speaks_against_nothing():
    said = {Quantity("5", "gram"), Quantity("7"), Quantity("minus3"), Quantity("d9")}
    assert all(
        held(one, said) for one in (Quantity("5"), Quantity("7", "gram"), Quantity("3"), Quantity("9"))
    )
    assert not any(
        held(one, said) for one in (Quantity("5", "milligram"), Quantity("minus5", "gram"), Quantity("6"))
    )


@pytest.mark.parametrize("of", ["A", "ab", "a1", "²"])
def test_a_word_without_end_is_gone_through_once(of):
    def read(characters):
        quantities(unmeasured((of * characters)[:characters]))

    assert grows(read, 8_000, 32_000) < 8


def test_words_with_a_digit_are_numbers_and_the_rest_is_left():
    assert unmeasured("a1b_2 day xy5 months z²").split() == ["_", "months"]
    assert {one.value for one in quantities("a1b_2 day xy5 z²")} == {"a1b", "2", "xy5", "z2"}
