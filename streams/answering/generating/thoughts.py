"""Thoughts: what some models write before their answer, to be left out of it.

Servers keep them apart where they know the model; else they stand in the reply, between tags of the model's
own. Pure.
"""

from __future__ import annotations

from collections import Counter

_TAGS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("[THINK]", "[/THINK]"),
)
_OPENING = dict(_TAGS)
_ENDS = frozenset(_OPENING.values())


class ThoughtAloud(Exception):
    """What was taken for the answer were thoughts: their beginning was not marked, their end is."""


class Thoughts:
    """Takes a reply as it comes, however it is cut, and gives what of it is no thought at its beginning."""

    def __init__(self) -> None:
        self._held, self._line = "", ""
        self._closing: str | None = None
        self._begun = self._thought = False
        self._shown: Counter[str] = Counter()

    def feed(self, text: str) -> str:
        """The next piece of the answer; empty while it is not sure that there is one.

        Raises `ThoughtAloud` at a line that ends thoughts which did not begin: a model whose own prompt opens
        them. An answer may show tags, both of them.
        """
        if not self._begun:
            self._held += text
            while self._skipped():
                pass
            text, self._held = (self._held, "") if self._begun else ("", self._held)
        return self._checked(text)

    def flush(self) -> str:
        """What was held at the reply's end, where that is no thought."""
        held, self._held = self._held, ""
        return "" if self._closing else held

    def _skipped(self) -> bool:
        """Whether a tag was taken off what is held, so that there may be another one."""
        if self._closing:
            before, found, after = self._held.partition(self._closing)
            if found:
                self._held, self._closing = after, None
            else:
                self._held = before[-len(self._closing) :]
            return bool(found)
        begins = self._held.lstrip()
        for opening, closing in _TAGS:
            if begins.startswith(opening):
                self._held, self._closing, self._thought = begins.removeprefix(opening), closing, True
                return True
        if self._thought:
            self._held = begins
        self._begun = not any(opening.startswith(begins) for opening in _OPENING)
        return False

    def _checked(self, text: str) -> str:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            if end := self._end(line):
                self._shown[end] -= 1
            self._shown.update({closing: line.count(opening) for opening, closing in _TAGS})
        self._end(self._line)
        return text

    def _end(self, line: str) -> str:
        """The closing tag that this line is, of one that was shown before; empty for any other line."""
        end = line.strip()
        if end not in _ENDS:
            return ""
        if not self._shown[end]:
            raise ThoughtAloud
        return end
