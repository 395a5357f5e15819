"""The targets of Markdown's links in a text: where they would go, or load an image from.

They are read as the most obliging renderer might: a link's target is known, or there is none. A text is read
once, piece by piece, and so little of it is remembered that no padding pushes anything out of sight.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

LONGEST = 2_000
"""Characters of a link's target; no longer one is let out."""

_BEFORE_LABEL = frozenset(" \t>*+-.)0123456789")
_ADDRESS = re.compile(r"[/\\:&%]\S")
_PLACEHOLDER = re.compile(r"[\w-]*")


class Targets:
    """Whether the Markdown links in a text go where they may, by `reaches`, and none of them is an image's.

    Where a label begins is not relied on: in a paragraph that holds `![`, any target is taken for an image's;
    where the last label begins a line, any after `]:` for a definition's.
    """

    def __init__(self, reaches: Callable[[str], bool]) -> None:
        self._reaches = reaches
        self._last = "\n"
        self._image = self._labelled = False
        self._line_begins = self._blank = True
        self._pending: Literal["", "(", ":"] = ""
        self._target = ""
        self._angled = False
        self._depth = 0

    def leak(self, text: str) -> Literal["", "image", "address"]:
        """What the text up to here, with `text` after it, must not hold; empty for nothing."""
        for character in text:
            begins = self._begin(character)
            ends = begins or (self._pending and self._ends(character))
            if ends and (found := self._judged()):
                return found
            if ends:
                self._pending, self._target, self._angled, self._depth = begins, "", False, 0
            elif self._pending:
                self._collect(character)
            self._last = character
        return self._judged()

    def _begin(self, character: str) -> Literal["", "(", ":"]:
        """Sees whether a label or a new paragraph begins with `character`; what target begins after it."""
        if character == "\n":
            if self._blank:
                self._image = self._labelled = False
                self._pending = self._pending if self._target else ""
            self._line_begins = self._blank = True
            return ""
        self._blank &= character.isspace()
        if character == "[":
            self._image |= self._last == "!"
            self._labelled = self._line_begins or (self._labelled and self._last == "\\")
        self._line_begins &= character in _BEFORE_LABEL
        if self._last != "]":
            return ""
        return "(" if character == "(" else ":" if character == ":" and self._labelled else ""

    def _ends(self, character: str) -> bool:
        """Whether the target ends before `character`, or there is none."""
        if self._angled:
            return character in "<>\n"
        if self._pending == "(" and character == ")" and self._depth == 0:
            return True
        return character.isspace() and bool(self._target)

    def _collect(self, character: str) -> None:
        if not self._target and not self._angled and (character.isspace() or character == "<"):
            self._angled = character == "<"
            return
        self._depth += {"(": 1, ")": -1}.get(character, 0)
        self._target += character

    def _judged(self) -> Literal["", "image", "address"]:
        if not self._target:
            return ""
        if self._pending == ":":
            return "image" if _ADDRESS.search(self._target) else ""
        if self._image and not _PLACEHOLDER.fullmatch(self._target):
            return "image"
        return "" if len(self._target) <= LONGEST and self._reaches(self._target) else "address"
