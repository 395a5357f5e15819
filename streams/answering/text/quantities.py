"""Numbers with what they are of, in one form, however English, French and German write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from streams.answering.text.dates import dated
from streams.answering.text.units import CAPITALS, FACTORS, SHORTER, SPELT, UNITS
from streams.answering.text.words import folded

_SPACE = r"[ \u00a0\u202f]?"
_BETWEEN = r"[,.'’ \u00a0\u202f]"  # noqa: RUF001 - marks and spaces between thousands
_NUMBER = re.compile(
    rf"(?:(?P<symbol>(?:\bUS)?\$|€|£|\b(?:EUR|USD|GBP|CHF)){_SPACE}|(?<!\w)(?<!\d[.,:])v?)"
    r"(?P<sign>(?<![\w)\]%°])[-−])?"  # noqa: RUF001 - a minus sign
    rf"(?:(?P<grouped>[1-9]\d{{0,2}}(?P<between>{_BETWEEN})\d{{3}}(?:(?P=between)\d{{3}})*)(?!\d)"
    r"(?P<decimals>[.,]\d+)?(?![.,]?\d)|(?P<digits>\d+(?:\.\d+)*(?:,\d+)?))",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"(?:st|nd|rd|th|er|re|e|è?me|te[nr]?)(?!\w)", re.IGNORECASE)
_LONG = "|".join(sorted((name for name in FACTORS if len(name) > len("md")), key=len, reverse=True))
_FACTOR = re.compile(rf"{_SPACE}(?:({_LONG})\b\.?(?: of\b| de\b| d['’])?|(k|m|md)(?=[€$£]))", re.IGNORECASE)  # noqa: RUF001 - apostrophes
_NAMES = "|".join(re.escape(name) for name in sorted(UNITS, key=len, reverse=True))
_UNIT = re.compile(rf"{_SPACE}({_NAMES})(?![\w'’])", re.IGNORECASE)  # noqa: RUF001 - apostrophes
_LETTERS = "|".join(name for name in UNITS if len(name) >= len("day"))
_SPELT = re.compile(
    rf"(?<![\w-])({'|'.join(sorted(SPELT, key=len, reverse=True))})(?=[ \u00a0](?:{_LETTERS}|uhr)\b)",
    re.IGNORECASE,
)
# From a word's beginning, letters that are not given back: a word without a digit is gone through once.
_TOKEN = re.compile(rf"(?<![^\W_])([^\W\d_]*+\d[^\W_]*)(?: ({'|'.join(sorted(set(UNITS.values())))})\b)?")
_DIGIT = re.compile(r"\d")
_PADDED = re.compile(r"^0(?=\d$)")
_DECADE = re.compile(r"[12]\d\d0")
_PLACED = re.compile(r"^(?:d|clock)(?=\d)")
_COUNT = re.compile(r"\d{1,6}")
_HOUR = re.compile(r"[1-9]|1[01]")
_NOON = 12
_KEPT = 1024
"""Texts whose form is kept: it is needed more than once of a sentence."""
_PREFIX = re.compile(r"^(?:d|clock|minus)(?=\d)")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number, date or time as `canonical` writes it, and its unit; None where none stands behind it."""

    value: str
    unit: str | None = None

    def same(self, other: Quantity) -> bool:
        """Whether it may be the other one, its source: what one leaves out speaks against nothing."""
        units = {self.unit, other.unit}
        alike = same(self.value, other.value) and (len(units) == 1 or None in units)
        return alike or (len(units) > 1 and self.shorter == other.shorter)

    @property
    def shorter(self) -> Quantity:
        """The same in days for weeks, in months for years."""
        if self.unit not in SHORTER or not _COUNT.fullmatch(self.value):
            return self
        times, unit = SHORTER[self.unit]
        return Quantity(str(int(self.value) * times), unit)


def same(one: str, other: str) -> bool:
    """Whether a number may be the same as another one, its source: `5` the `d5` of a month, or the reverse.

    What went down by 3 % may have changed by -3 %, but nothing is less than zero that the source has above.
    Somebody who is in from 9 to 5 may come at 9 a.m. and leave at 5 p.m.
    """
    if other in {one, _PLACED.sub("", one)} or _PREFIX.sub("", other) == one:
        return True
    return _HOUR.fullmatch(one) is not None and other == f"clock{int(one) + _NOON}"


@lru_cache(_KEPT)
def canonical(text: str) -> str:
    """`text` with each number as one word and its unit as the next, in English: `1,5 Go` is `1p5 gigabyte`.

    The grouping of thousands is undone, factors are multiplied in, dates and times of day are as `dated` has
    them. A word with a digit in it, `B52`, stays what it is.
    """
    text = _SPELT.sub(lambda found: SPELT.get(found[1].casefold(), found[1]), text)
    if not _DIGIT.search(text):
        return text
    text, parts, at = dated(text), list[str](), 0
    for found in _NUMBER.finditer(text):
        end, quantity = _read(text, found)
        if end < len(text) and text[end].isalnum() and (end == found.end() or text[end - 1].isalnum()):
            continue
        parts += [text[at : found.start()], quantity]
        at = end
    return "".join([*parts, text[at:]])


def _read(text: str, found: re.Match[str]) -> tuple[int, str]:
    """Where a number with its unit ends, and what it is."""
    if ordinal := _ORDINAL.match(text, found.end()):
        return ordinal.end(), _value(found, 0, exact=False)
    end, zeros = found.end(), 0
    if factor := _FACTOR.match(text, end):
        end, zeros = factor.end(), FACTORS.get((factor[1] or factor[2]).casefold(), 0)
    unit = _currency(found["symbol"] or "")
    if not unit and (name := _UNIT.match(text, end)) and _is_unit(name[1], found["digits"] or ""):
        end, unit = name.end(), UNITS.get(name[1].casefold(), "")
        # German writes nouns with a capital, by which it is known.
        unit = unit.title() if name[1].istitle() and len(name[1]) > len("Go") else unit
    value = _value(found, zeros, exact=bool(unit or zeros))
    return end, f"{value} {unit}" if unit else value


def _currency(symbol: str) -> str:
    return UNITS.get("$" if symbol.endswith("$") else symbol.casefold(), "")


def _is_unit(name: str, digits: str) -> bool:
    """Whether what may be a unit is one: `50 Go` has one, `5 to 6`, `10 an hour` and `1990s` have none."""
    if name.lower() == "an":
        return digits == "1"
    if name.lower() == "s":
        return name == "s" and not _DECADE.fullmatch(digits)
    return name[0].isupper() or name.casefold() not in CAPITALS


def _value(found: re.Match[str], zeros: int, *, exact: bool) -> str:
    """The number as one word, times ten as often; `exact`: zeros at its end say nothing, as in a version."""
    digits = _digits(found)
    if digits.count(".") <= 1:
        whole, _, decimals = (format(Decimal(digits).scaleb(zeros), "f") if zeros else digits).partition(".")
        decimals = decimals.rstrip("0") if exact or not decimals.strip("0") else decimals
        digits = _PADDED.sub("", whole) + (f".{decimals}" if decimals else "")
    return ("minus" if found["sign"] else "") + digits.replace(".", "p")


def _digits(found: re.Match[str]) -> str:
    """The digits of a number, thousands not grouped, its decimals after a point."""
    if found["grouped"]:
        return (found["grouped"].replace(found["between"], "") + (found["decimals"] or "")).replace(",", ".")
    return found["digits"].replace(",", ".")


def quantities(text: str) -> frozenset[Quantity]:
    """What numbers there are in a canonical text, words with a digit in them included."""
    return frozenset(Quantity(found[1], found[2]) for found in _TOKEN.finditer(folded(text)))


def unmeasured(text: str) -> str:
    """A canonical text less its numbers and the units behind them."""
    return _TOKEN.sub(" ", folded(text))


def held(one: Quantity, others: Iterable[Quantity]) -> bool:
    """Whether there is one among the others that it may be."""
    return any(one.same(other) for other in others)
