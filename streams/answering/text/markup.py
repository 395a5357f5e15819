"""What Markdown and HTML make of a text: where they would go, or load something from.

Both are read as the most obliging renderer might. So there is no list of tags that load: where HTML may
begin, no attribute may have a value that could be an address; and a link's target is known, or there is
none. Each reads a text once, piece by piece, and remembers so little that no padding pushes anything out of
sight.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto
from typing import Literal

LONGEST = 2_000
"""Characters of a link's target; no longer one is let out."""

_HARMLESS = frozenset("_-#,+*=!<>\"' \t\n")
_BEFORE_LABEL = frozenset(" \t>*+-.)0123456789")
_ADDRESS = re.compile(r"[/\\:&%]\S")
_PLACEHOLDER = re.compile(r"[\w-]*")
_RAW = re.compile(r"(?:script|style)(?![\w-])", re.IGNORECASE)
_RAW_NAME = 7


class _In(Enum):
    NAME = auto()
    AUTOLINK = auto()
    TAG = auto()
    EQUALS = auto()
    BARE = auto()
    DOUBLE = auto()
    SINGLE = auto()


_QUOTES = {_In.DOUBLE: '"', _In.SINGLE: "'"}


class Tags:
    """Whether an HTML tag in a text may load something: by an attribute, a script or a style sheet.

    A quotation mark or an angle bracket may belong to a tag or to the text between two, and renderers do not
    agree on it: all ways to read it are followed at once (they are as many as there are states to be in).
    """

    def __init__(self) -> None:
        self._states: frozenset[_In] = frozenset()
        self._name: str | None = None

    def load(self, text: str) -> bool:
        """Whether what was read up to here, and then `text`, may load something; it is not to go on then."""
        if not self._states and self._name is None and "<" not in text:
            return False
        return any(self._step(character) for character in text) or bool(_RAW.fullmatch(self._name or ""))

    def _step(self, character: str) -> bool:
        """Takes in one character: whether it may be of an address in a tag, or ends the name of raw text."""
        raw = self._named(character)
        following = {_after(state, character) for state in self._states}
        if self._name is not None and len(self._name) == 1:
            following.add(_In.NAME)
        valued = any(state in following for state in (_In.BARE, _In.DOUBLE, _In.SINGLE))
        self._states = frozenset(state for state in following if state is not None)
        return raw or (valued and not (character.isalnum() or character in _HARMLESS))

    def _named(self, character: str) -> bool:
        """Follows the name that stands after `<`; whether it ends as that of a script or a style sheet."""
        name = self._name
        if character == "<":
            self._name = ""
        elif (
            name is not None
            and character.isascii()
            and (character.isalnum() if name else character.isalpha())
        ):
            self._name = (name + character)[: _RAW_NAME + 1]
        else:
            self._name = None
        return self._name != "" and self._name is None and bool(_RAW.fullmatch(name or ""))


def _after(state: _In, character: str) -> _In | None:
    """Where one is in a tag after `character`; None for outside."""
    if quote := _QUOTES.get(state):
        return _In.TAG if character == quote else state
    if character == ">":
        return None
    if state is _In.EQUALS:
        return _opened(character)
    if character.isspace() or (state is _In.NAME and character == "/"):
        return _In.TAG
    if state is _In.NAME and character == ":":
        return _In.AUTOLINK
    return _In.EQUALS if state is _In.TAG and character == "=" else state


def _opened(character: str) -> _In:
    """What the first character after an equals sign begins."""
    if character.isspace():
        return _In.EQUALS
    return {'"': _In.DOUBLE, "'": _In.SINGLE}.get(character, _In.BARE)


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
