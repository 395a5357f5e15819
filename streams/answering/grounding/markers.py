"""Citation markers in an answer's text: `[n]`, outside code, points at citation n.

Models write them as they please (`[1, 2]`, `[1-3]`, `[Doc 1]`, `【1】`, `(1)` at a sentence's end, `[9]`
where there is no ninth); `marking` makes them regular.
A number of more than two digits is none: nobody gets as many passages, and `[2024]` is a year.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

N = r"[1-9]\d?"
SEVERAL = rf"{N}(?:\s*(?:[,;&]|and|et)\s*{N})*"
NAMES = ("doc", "docs", "document", "documents", "source", "sources", "passage", "passages", "ref", "refs",
          "reference", "references", "citation", "citations", "extrait", "extraits")  # fmt: skip
NAME = rf"(?:{'|'.join(sorted(NAMES, reverse=True))})[.:]?\s*\#?\s*"
_MARKER = re.compile(rf"\[({N})\]")
LIST = re.compile(
    rf"[\[【]\s*((?P<name>{NAME}|\#)?(?P<several>{SEVERAL}))\s*(?:†[^][【】\n]*)?[\]】]", re.IGNORECASE
)
_TOKEN = re.compile(r"`+|\n|[^`\n]+")
FENCE = 3


def outside_code(text: str) -> Iterator[tuple[str, bool]]:
    """`text` in pieces, each with whether it is prose; False for Markdown code, its backticks included.

    Inline code that is not closed ends with its line, a block with the text.
    """
    code = ""
    for token in _TOKEN.findall(text):
        before, code = code, code_after(code, token)
        yield token, not (before or code)


def code_after(code: str, piece: str) -> str:
    """The backticks that the code which one is in opened with after `piece`, empty in prose."""
    if piece[0] == "`":
        closes = len(piece) >= len(code) if len(code) >= FENCE else piece == code
        return ("" if closes else code) if code else piece
    return "" if piece == "\n" and len(code) < FENCE else code


def ends_in_code(text: str) -> bool:
    """Whether what is written after `text`, on the same line, is code."""
    code = ""
    for token in _TOKEN.findall(text):
        code = code_after(code, token)
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
    return "".join(LIST.sub(r"(\1)", piece) if prose else piece for piece, prose in outside_code(text))
