"""Text that nobody sees: written in characters without a shape, or shown in another order than it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TAGS = re.compile("[\U000e0020-\U000e007e]{4,}")
_FLAG = "\U0001f3f4"
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_TURNED = re.compile("[\u202d\u202e]")
_IN_A_WORD = re.compile("(?<=[a-zA-Z])[\u200b\u2060-\u2064\ufeff]+(?=[a-zA-Z])")

_FIRST_TAG = 0xE0000
_FIRST_SELECTORS, _MORE_SELECTORS = 0xFE00, 0xE0100
_SPREAD = 3
_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Hidden:
    """What was found: the texts in invisible characters, and how suspicious hiding them is, 0 to 1."""

    texts: tuple[str, ...] = ()
    weight: float = 0.0


def hidden(text: str) -> Hidden:
    """What `text` holds that nobody sees."""
    if text.isascii():
        return Hidden()
    texts = tuple(found for found in (*_tagged(text), *_selected(text)) if found)
    weight = 0.8 if texts else 0.0
    if _TURNED.search(text):
        weight = max(weight, 0.4)
    if len(_IN_A_WORD.findall(text)) >= _SPREAD:
        weight = max(weight, 0.3)
    return Hidden(texts, weight)


def _tagged(text: str) -> list[str]:
    """Texts in tag characters, but those that make flags of regions."""
    return [
        "".join(chr(ord(character) - _FIRST_TAG) for character in run[0][:_LONGEST])
        for run in _TAGS.finditer(text)
        if text[run.start() - 1 : run.start()] != _FLAG
    ]


def _selected(text: str) -> list[str]:
    """Texts whose bytes are variation selectors."""
    return [
        bytes(map(_byte, run[0][:_LONGEST])).decode("utf-8", "ignore") for run in _SELECTORS.finditer(text)
    ]


def _byte(selector: str) -> int:
    code = ord(selector)
    return code - _MORE_SELECTORS + 16 if code >= _MORE_SELECTORS else code - _FIRST_SELECTORS
