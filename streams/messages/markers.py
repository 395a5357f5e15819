"""Citation markers in an answer's text: `[n]`, outside code, points at citation n. Pure.

A number of more than two digits is none: nobody gets as many passages, and `[2024]` is a year.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

N = r"[1-9]\d?"
_MARKER = re.compile(rf"\[({N})\]")
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
