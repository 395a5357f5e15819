"""Citation markers in an answer's text: `[n]`, outside code, points at citation n.

Models write them as they please (`[1, 2]`, `[1-3]`, `[Doc 1]`, `【1】`, `(1)` at a sentence's end, `[9]`
where there is no ninth); `Markers` makes them regular while the text streams, whatever way it is cut.
A number of more than two digits is none: nobody gets as many passages, and `[2024]` is a year.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

_N = r"[1-9]\d?"
_SEVERAL = rf"{_N}(?:\s*(?:[,;&]|and|et)\s*{_N})*"
_NAMES = ("doc", "docs", "document", "documents", "source", "sources", "passage", "passages", "ref", "refs",
          "reference", "references", "citation", "citations", "extrait", "extraits")  # fmt: skip
_NAME = rf"(?:{'|'.join(sorted(_NAMES, reverse=True))})[.:]?\s*\#?\s*"
_MARKER = re.compile(rf"\[({_N})\]")
_LIST = re.compile(
    rf"[\[【]\s*((?P<name>{_NAME}|\#)?(?P<several>{_SEVERAL}))\s*(?:†[^][【】\n]*)?[\]】]", re.IGNORECASE
)
_RANGE = re.compile(rf"[\[【]\s*({_N})\s*[-–]\s*({_N})\s*[\]】]")  # noqa: RUF001 - models write en dashes
_ROUND = re.compile(rf"\(\s*({_N}(?:\s*,\s*{_N})*)\s*\)")
_BEGUN = re.compile(
    r"[\[【]\s*(?P<name>[a-z]{0,10})(?:[.:]?\s*\#?\s*(?:\d[\d\s,;&andet–-]*(?:†[^][【】\n]*)?)?)",  # noqa: RUF001 - models write en dashes
    re.IGNORECASE,
)
_ROUND_KEPT = re.compile(r"\(\s*\d{1,2}(?:\s*,\s*\d{1,2})*\s*\)$")
_ROUND_BEGUN = re.compile(r"\([\d\s,]*\)?")
_SENTENCE_ENDS = ".!?\n"
_OPEN = re.compile(r"\[\s*\d*$")
_NUMBER = re.compile(r"\d+")
_TOKEN = re.compile(r"`+|\n|[^`\n]+")
_LONGEST = 60
_SENTENCE = 1000
_FENCE = 3
_CLINGING = ".,;:!?)]}»…"


def outside_code(text: str) -> Iterator[tuple[str, bool]]:
    """`text` in pieces, each with whether it is prose; False for Markdown code, its backticks included.

    Inline code that is not closed ends with its line, a block with the text.
    """
    code = ""
    for token in _TOKEN.findall(text):
        before, code = code, _code_after(code, token)
        yield token, not (before or code)


def _code_after(code: str, piece: str) -> str:
    """The backticks that the code which one is in opened with after `piece`, empty in prose."""
    if piece[0] == "`":
        closes = len(piece) >= len(code) if len(code) >= _FENCE else piece == code
        return ("" if closes else code) if code else piece
    return "" if piece == "\n" and len(code) < _FENCE else code


def ends_in_code(text: str) -> bool:
    """Whether what is written after `text`, on the same line, is code."""
    code = ""
    for token in _TOKEN.findall(text):
        code = _code_after(code, token)
    return bool(code)


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker in a text: the characters [start, end), and what it points at."""

    start: int
    end: int
    n: int


def markers(text: str) -> list[Marker]:
    """The markers in `text`, in order; those in code are none."""
    found, offset = [], 0
    for piece, prose in outside_code(text):
        if prose:
            found += [
                Marker(offset + m.start(), offset + m.end(), int(m[1])) for m in _MARKER.finditer(piece)
            ]
        offset += len(piece)
    return found


def pointed(text: str) -> set[int]:
    """What the markers in `text` point at."""
    return {marker.n for marker in markers(text)}


def unmarked(text: str) -> str:
    """`text` with the markers that it brought along, of somebody else's list, in round brackets: `(3)`."""
    return "".join(_LIST.sub(r"(\1)", piece) if prose else piece for piece, prose in outside_code(text))


def _may_go_on(begun: str) -> bool:
    """Whether what begins with a bracket may become a marker."""
    if begun[0] == "(":
        return _ROUND_BEGUN.fullmatch(begun) is not None
    found = _BEGUN.fullmatch(begun)
    return found is not None and any(name.startswith(found["name"].lower()) for name in _NAMES)


class Markers:
    """A filter for an answer's text as it streams: every marker it lets through is `[n]`, 1 ≤ n ≤ `count`.

    A marker that points at none is left out, with the space before it. White space at either end of the
    text is too. What was fed and flushed, joined, does not depend on how the text was cut. A number in round
    brackets is a marker at a sentence's end, if `backs` tells that the passage of that number says what the
    sentence does which the text before it ends with; not in a text with square ones, or with round ones that
    stayed, before it, nor if one of `texts`, which it may be from, has it as well.
    """

    def __init__(self, count: int, texts: Iterable[str], backs: Callable[[int, str], bool]) -> None:
        self._count, self._backs = count, backs
        self._theirs = {int(n) for text in texts for found in _ROUND.finditer(unmarked(text))
                        for n in _NUMBER.findall(found[1])}  # fmt: skip
        self._square = self._kept = False
        self._code = ""
        self._ticks = ""
        self._spaces = ""
        self._begun = ""
        self._tail = ""
        self._dropped = False

    def feed(self, text: str) -> str:
        """What is certain of the text up to here and was not given before; may be empty."""
        return "".join(self._step(character) for character in text)

    def flush(self) -> str:
        """What was held back, at the text's end. A marker that is cut off there is left out."""
        if self._ticks:
            return self._end_ticks()
        if rounded := self._rounded(self._begun):
            self._begun = ""
            return rounded
        if self._begun.startswith("("):
            return self._release()
        begun, self._begun = self._begun, ""
        return "" if not begun or _NUMBER.search(begun) else self._let(begun)

    def _step(self, character: str) -> str:
        if character == "`":
            out = self._release() if not self._ticks else ""
            self._ticks += character
            return out
        out = self._end_ticks() if self._ticks else ""
        if self._code:
            if character != "\n" or len(self._code) >= _FENCE:
                return out + self._let(character)
            self._code = ""
        return out + self._prose(character)

    def _prose(self, character: str) -> str:
        if self._begun:
            return self._continued(character)
        if character in "[【" or (character == "(" and self._spaces and not (self._square or self._kept)):
            self._begun = character
            return ""
        if character.isspace():
            if not (self._dropped and self._spaces):
                self._spaces += character
            self._dropped = False
            return ""
        if self._dropped and character in _CLINGING:
            self._spaces = ""
        return self._let(character)

    def _continued(self, character: str) -> str:
        begun = self._begun + character
        if character in "]】":
            self._begun = ""
            return self._resolved(begun)
        if character in _SENTENCE_ENDS and (rounded := self._rounded(self._begun)):
            self._begun = ""
            return rounded + self._prose(character)
        if len(begun) <= _LONGEST and _may_go_on(begun):
            self._begun = begun
            return ""
        return self._release() + self._prose(character)

    def _resolved(self, marker: str) -> str:
        numbers = self._numbers(marker)
        if numbers is None:
            return self._let(marker)
        valid = [n for n in dict.fromkeys(numbers) if 1 <= n <= self._count]
        if valid:
            self._square = True
            return self._let("".join(f"[{n}]" for n in valid))
        if _OPEN.search(self._tail) or self._tail.endswith("`"):
            # What stands on both sides must not close up to a marker, or to a longer row of backticks.
            self._spaces = self._spaces or " "
            return ""
        self._dropped = True
        return ""

    def _numbers(self, marker: str) -> list[int] | None:
        """What a closed bracket points at, right or wrong; None where it is no marker: an interval, say."""
        if spread := _RANGE.fullmatch(marker):
            first, last = int(spread[1]), int(spread[2])
            return list(range(first, last + 1)) if 1 <= first <= last <= self._count else None
        listed = _LIST.fullmatch(marker)
        return [int(n) for n in _NUMBER.findall(listed["several"])] if listed else None

    def _rounded(self, begun: str) -> str:
        """A finished marker in round brackets as it is to be; empty where it is none."""
        found = _ROUND.fullmatch(begun)
        numbers = list(dict.fromkeys(map(int, _NUMBER.findall(found[1])))) if found else []
        if not numbers or max(numbers) > self._count or self._theirs & set(numbers):
            return ""
        if self._kept or not all(self._backs(n, self._tail) for n in numbers):
            return ""
        return self._let("".join(f"[{n}]" for n in numbers))

    def _end_ticks(self) -> str:
        ticks, self._ticks = self._ticks, ""
        self._code = _code_after(self._code, ticks)
        return self._let(ticks)

    def _release(self) -> str:
        begun, self._begun = self._begun, ""
        return self._let(begun) if begun else ""

    def _let(self, text: str) -> str:
        out = (self._spaces if self._tail else "") + text
        self._spaces, self._dropped = "", False
        self._tail = (self._tail + out)[-_SENTENCE:]
        if text.endswith(")") and not self._code and _ROUND_KEPT.search(self._tail[-_LONGEST:]):
            self._kept = True
        return out
