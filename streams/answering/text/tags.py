"""HTML's tags in a text: whether one would load something.

They are read as the most obliging renderer might: where HTML may begin, no attribute that loads, leads or
runs something anywhere may have a value that could be an address or a program. A text is read once, piece by
piece, and so little of it is remembered that no padding pushes anything out of sight.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Literal

_HARMLESS = frozenset("_-#,+*=!<>\"' \t\n")
# HTML's own: what others take for a space belongs to a name or a value.
_SPACE = frozenset(" \t\n\f\r")
_RAW = re.compile(r"script|style", re.IGNORECASE)
_LONGEST_NAME = 40
# Attributes with an effect on any element whatever, of HTML (https://html.spec.whatwg.org/#attributes-3) or
# of what pages are made with; on those with a proper name; and on the ones of `_Kind` that have more.
_ON_ANY = re.compile(r"on[a-z]{3,}|style|[:@].*|(?:v|x|hx|ng|wire|data)-.*")
_ON_NAMED = re.compile(
    r".*(?:src|href|style).*|(?:form)?action|ping|poster|background|cite|longdesc|manifest|profile|usemap|"
    r"fill|stroke|filter|mask.*|cursor|clip.*|marker.*|data|codebase|definitionurl|altimg"
)


class _Kind(Enum):
    """What an element's name says of its attributes."""

    ODD = auto()
    NAMED = auto()
    ANCHOR = auto()
    META = auto()
    OBJECT = auto()
    ANIMATION = auto()


_NAMES = (
    (_Kind.META, re.compile(r"(?:.*:)?meta")),
    (_Kind.OBJECT, re.compile(r"(?:.*:)?(?:object|applet|embed|param)")),
    (_Kind.ANIMATION, re.compile(r"(?:.*:)?(?:animate.*|set)")),
    (_Kind.ANCHOR, re.compile(r"a")),
    (_Kind.NAMED, re.compile(r"[a-z][a-z0-9_:-]*")),
)
_ON_KIND = {
    _Kind.META: re.compile("content"),
    _Kind.OBJECT: re.compile("code|archive|classid|value"),
    _Kind.ANIMATION: re.compile("from|to|by|values"),
}


class _In(Enum):
    NAME = auto()
    AUTOLINK = auto()
    TAG = auto()
    EQUALS = auto()
    BARE = auto()
    DOUBLE = auto()
    SINGLE = auto()


_QUOTES = {_In.DOUBLE: '"', _In.SINGLE: "'"}
_NAMING = (_In.NAME, _In.AUTOLINK)
_VALUED = (_In.EQUALS, _In.BARE, _In.DOUBLE, _In.SINGLE)
_Effect = Literal["", "leads", "any"]
_State = tuple[_In, _Kind, _Effect]
"""Where one is, in an element of what kind, and the effect of the attribute there: `leads` takes a click."""


class Tags:
    """Whether an HTML tag in a text may load something: by an attribute, a script or a style sheet.

    A quotation mark or an angle bracket may belong to a tag or to the text between two, and renderers do not
    agree on it: all ways to read it are followed at once (they are as many as there are states to be in). A
    comparison may begin a tag, too (`i<n; x = y/2`), but none of the attributes that matter.
    """

    def __init__(self) -> None:
        self._states: frozenset[_State] = frozenset()
        self._name: str | None = None
        self._attribute = ""
        self._named = self._line_begins = False
        self._path = _Path()

    def load(self, text: str) -> bool:
        """Whether what was read up to here, and then `text`, may load something; it is not to go on then."""
        if not self._states and self._name is None and "<" not in text:
            line = re.split(r"[\r\n]", text)[-1]
            self._line_begins = not line.strip(" \t>") and (line != text or self._line_begins)
            return False
        return any(self._step(character) for character in text) or bool(_RAW.fullmatch(self._name or ""))

    def _step(self, character: str) -> bool:
        """Takes in one character: whether it may be of an address in a tag, or ends the name of raw text."""
        if character == ">" and self._line_begins:
            character = " "  # of a quotation, and not there once it is rendered
        self._line_begins = character in "\r\n" or (self._line_begins and character in " \t")
        following = {self._following(state, character) for state in self._states}
        if character == "=":  # of a name, where none precedes it
            following |= {state for state in self._states if state[0] is _In.TAG}
        if self._name == "" and character.isascii() and character.isalpha():
            following.add((_In.NAME, _Kind.ODD, ""))
        raw = self._follow_name(character)
        self._follow_attribute(character)
        self._states = frozenset(state for state in following if state is not None)
        own = self._path.goes_on(character)
        if character.isalnum() or character in _HARMLESS:
            return raw
        effects = {effect for at, _, effect in self._states if at is not _In.EQUALS}
        return raw or "any" in effects or ("leads" in effects and not own)

    def _following(self, state: _State, character: str) -> _State | None:
        """The state after one; None for outside of a tag."""
        at, kind, effect = state
        after = _after(at, character)
        if after is None:
            return None
        if at in _NAMING and after is _In.TAG:
            return after, _kind(self._name), ""
        if at is _In.TAG and after is _In.EQUALS:
            return after, kind, _effective(kind, self._attribute)
        return after, kind, effect if after in _VALUED else ""

    def _follow_name(self, character: str) -> bool:
        """Follows the name that stands after `<`; whether it ends as that of a script or a style sheet."""
        name = self._name
        if character == "<":
            self._name = ""
        elif name is None or character in "/>" or character in _SPACE or not (name or character.isalpha()):
            self._name = None
            return bool(_RAW.fullmatch(name or ""))
        else:
            self._name = (name + character)[:_LONGEST_NAME]
        return False

    def _follow_attribute(self, character: str) -> None:
        """Follows the name before the next equals sign; there may be spaces in between."""
        if character in _SPACE or character in "/<>\"'=":
            self._named = False
            self._attribute = self._attribute if character in _SPACE else ""
        else:
            begun = self._attribute if self._named else ""
            self._attribute = (begun + character.lower())[:_LONGEST_NAME]
            self._named = True


def _kind(name: str | None) -> _Kind:
    """Of an element with this name, what is known of its attributes; a name too long is any."""
    if name is None or len(name) == _LONGEST_NAME:
        return _Kind.NAMED
    return next((kind for kind, names in _NAMES if names.fullmatch(name.lower())), _Kind.ODD)


def _effective(kind: _Kind, attribute: str) -> _Effect:
    """Whether an attribute loads, leads or runs something."""
    if _ON_ANY.fullmatch(attribute) or len(attribute) == _LONGEST_NAME:
        return "any"
    if kind is _Kind.ODD:
        return ""
    if kind is _Kind.ANCHOR and attribute == "href":
        return "leads"
    named = _ON_NAMED.fullmatch(attribute) or (kind in _ON_KIND and _ON_KIND[kind].fullmatch(attribute))
    return "any" if named else ""


class _Path:
    """Whether a value is a path from the root of the reader's own host, as in `href="/help"`."""

    def __init__(self) -> None:
        self._before, self._own, self._slash = "", False, False

    def goes_on(self, character: str) -> bool:
        """Whether `character` is of such a path; never after `//`, with or without white space in between."""
        if character == "/":
            begins = self._before in _SPACE or self._before in {"=", '"', "'"}
            self._own = (begins or self._own) and not self._slash
            self._slash = True
        elif character.isalnum():
            self._slash = False
        elif character not in "-_.":
            self._own = False
        self._before = character
        return self._own and character in "/."


def _after(state: _In, character: str) -> _In | None:
    """Where one is in a tag after `character`; None for outside."""
    if quote := _QUOTES.get(state):
        return _In.TAG if character == quote else state
    if character == ">":
        return None
    if state is _In.EQUALS:
        return _opened(character)
    if character in _SPACE or (state in _NAMING and character == "/"):
        return _In.TAG
    if state is _In.NAME and character == ":":
        return _In.AUTOLINK
    return _In.EQUALS if state is _In.TAG and character == "=" else state


def _opened(character: str) -> _In:
    """What the first character after an equals sign begins."""
    if character in _SPACE:
        return _In.EQUALS
    return {'"': _In.DOUBLE, "'": _In.SINGLE}.get(character, _In.BARE)
