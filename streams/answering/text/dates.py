"""Dates and times of day in one form, however English, French and German write them."""

from __future__ import annotations

import re

from streams.answering.text.units import MONTHS

_MONTH = rf"(?P<name>{'|'.join(sorted(MONTHS, key=len, reverse=True))})\b\.?"
_YEAR = r"(?P<year>\d{4})(?!\w| m\d)"
_SPACE = r"[ \u00a0\u202f]?"
_FREE = r"(?<![\w.,:/])"
_DATES = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_FREE}(?<!-)(?P<year>\d{{4}})-(?P<month>[01]\d)-(?P<day>[0-3]\d)(?![\d-])",
        rf"{_FREE}(?P<day>[0-3]?\d)[./](?P<month>[0-3]?\d)[./]{_YEAR}",
        rf"{_FREE}(?P<day>1[3-9]|[23]\d)\.(?P<month>0\d|1[0-2])\.(?!\d)",
        rf"{_FREE}(?P<day>[0-3]?\d)(?:st|nd|rd|th|er|\.)? (?:of )?{_MONTH}(?:,? {_YEAR})?",
        rf"{_FREE}{_MONTH} (?P<day>[0-3]?\d)(?:st|nd|rd|th)?(?![\w:]|[.,]\d)(?:,? {_YEAR})?",
        rf"{_FREE}{_MONTH} {_YEAR}",
    )
)
_FIRST = re.compile(
    rf"{_FREE}([0-3]?\d)\.?(\s?(?:[-–/]|to|and|au|et|bis|und)\s?)(?=(?:\d{{4}} )?m\d+ d\d)"  # noqa: RUF001 - ranges' dashes
)
_TIMES = tuple(
    re.compile(_FREE + form, re.IGNORECASE)
    for form in (
        rf"(?P<hour>1[0-2]|0?\d)(?:[:.h](?P<minute>[0-5]\d))?{_SPACE}(?P<half>[ap])\.?m\b\.?",
        r"(?P<hour>2[0-3]|[01]?\d):(?P<minute>[0-5]\d)(?!:?\d)(?: Uhr\b)?",
        rf"(?P<hour>2[0-3]|[01]?\d){_SPACE}h{_SPACE}(?P<minute>[0-5]\d)(?!\w)",
        rf"(?P<hour>2[0-3]|[01]?\d)(?:\.(?P<minute>[0-5]\d))?{_SPACE}Uhr\b",
        rf"(?<=\bà )(?P<hour>2[0-3]|[01]?\d){_SPACE}(?:h|heures?)\b",
    )
)
_GERMAN_AM = re.compile(r"\d am$", re.IGNORECASE)
_NOUN = re.compile(r" [A-ZÄÖÜ]")
"""What follows German `am`: in `um 9 am Montag` it tells no half of the day."""
_WORDS = frozenset({"may", "march", "mar"})
"""Names of months that are other words where they are written without a capital."""
_MOST_MONTHS, _MOST_DAYS, _NOON = 12, 31, 12


def dated(text: str) -> str:
    """`text` with dates as `2024 m3 d5`, as far as they are said, and times of day as `clock17h30`.

    Of two numbers between strokes the first is the day, unless only the other one can be.
    """
    for form in _DATES:
        text = form.sub(_date, text)
    text = _FIRST.sub(lambda found: f"d{int(found[1])}{found[2]}", text)
    for form in _TIMES:
        text = form.sub(_time, text)
    return text


def _date(found: re.Match[str]) -> str:
    parts = found.groupdict()
    if parts.get("name") in _WORDS:
        return found[0]
    day, month = (
        int(parts.get("day") or 0),
        int(parts.get("month") or MONTHS.get(parts["name"].casefold(), 0)),
    )
    if month > _MOST_MONTHS:
        day, month = month, day
    if not 1 <= month <= _MOST_MONTHS or day > _MOST_DAYS:
        return found[0]
    return " ".join(filter(None, [parts.get("year"), f"m{month}", f"d{day}" if day else ""]))


def _time(found: re.Match[str]) -> str:
    parts = found.groupdict()
    if not parts.get("minute") and _GERMAN_AM.search(found[0]) and _NOUN.match(found.string, found.end()):
        return found[0]
    hour, minute = int(parts["hour"]), parts.get("minute") or "00"
    if half := parts.get("half"):
        hour = hour % _NOON + (_NOON if half in "pP" else 0)
    return f"clock{hour}" + ("" if minute == "00" else f"h{minute}")
