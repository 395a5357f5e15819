"""Citation markers made regular while an answer's text streams, whatever way it is cut."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property

from streams.answering.grounding.brackets import Bracket, Brackets, undecided
from streams.answering.grounding.markers import unmarked
from streams.answering.grounding.written import NUMBER, ROUND, ends_round, may_go_on, pointing, rounded
from streams.messages.markers import FENCE, code_after

_SENTENCE_ENDS = ".!?\n"
_OPEN = re.compile(r"\[\s*\d*$")
_CLOSED = re.compile(r"\[[^][]*\]")
_SENTENCE = 1000
_LONGEST_WORD = 40
_MOST_CLOSED = 6
"""Brackets in a row, beyond which they are decided on without what follows."""
_CLINGING = ".,;:!?)]}»…"
_CAREFUL = re.compile(rf"[\[【()`]|[\w$.]{{{_LONGEST_WORD}}}")
"""What is read character by character."""
_HELD = re.compile(r"[\w$][\w$.]*\Z")


class Markers:
    """A filter for an answer's text as it streams: every marker it lets through is `[n]`, 1 ≤ n ≤ `count`.

    A marker that points at none is left out, with the space before it. White space at either end of the
    text is too. What was fed and flushed, joined, does not depend on how the text was cut. A number in round
    brackets is a marker at a sentence's end, if `backs` tells that the passage of that number says what the
    sentence does which the text before it ends with; not in a text with square ones, or with round ones that
    stayed, before it, nor if one of `texts`, which it may be from, has it as well. A square bracket that is
    the text's own stays: as code, with the word that it clings to, where it looks like a marker.
    """

    def __init__(self, count: int, texts: Iterable[str], backs: Callable[[int, str], bool]) -> None:
        self._count, self._backs, self._texts = count, backs, list(texts)
        self._square = self._kept = False
        self._code = ""
        self._ticks = ""
        self._spaces = ""
        self._word = ""
        self._begun = ""
        self._closed: list[str] = []
        self._after = ""
        self._tail = ""
        self._dropped = False

    @cached_property
    def _brackets(self) -> Brackets:
        return Brackets(self._texts)

    @cached_property
    def _theirs(self) -> frozenset[int]:
        """The numbers that the texts have in round brackets."""
        there = (found for text in self._texts for found in ROUND.finditer(unmarked(text)))
        return frozenset(int(n) for found in there for n in NUMBER.findall(found[1]))

    @property
    def spaced(self) -> bool:
        """Whether white space follows what was given: held back, as a marker left out takes it too."""
        return bool(self._spaces)

    def feed(self, text: str) -> str:
        """What is certain of the text up to here and was not given before; may be empty."""
        pending = self._closed or self._ticks or self._code or self._begun or self._dropped
        if not pending and _CAREFUL.search(self._word + text) is None:
            return self._plain(text)
        return "".join(self._step(character) for character in text)

    def _plain(self, text: str) -> str:
        """The same at once, of words alone: nearly all of an answer."""
        body, self._word = self._word + text, ""
        if held := _HELD.search(body):
            body, self._word = body[: held.start()], held[0]
        told, bare = body.rstrip(), body.strip()
        if not bare:
            self._spaces += body
            return ""
        out = self._spaces + told if self._tail else bare
        self._spaces = body[len(told) :]
        self._tail = (self._tail + out)[-_SENTENCE:]
        return out

    def flush(self) -> str:
        """What was held back, at the text's end. A marker that is cut off there is left out."""
        if self._closed:
            return self._decided() + self.flush()
        if self._ticks:
            return self._end_ticks()
        if marked := self._rounded(self._begun):
            self._begun = ""
            return marked
        if not self._begun.startswith("(") and NUMBER.search(self._begun):
            self._begun = ""
        return self._release()

    def _step(self, character: str) -> str:
        if self._closed:
            return self._waited(character)
        if character == "`":
            out = self._release() if not self._ticks else ""
            self._ticks += character
            return out
        out = self._end_ticks() if self._ticks else ""
        if self._code:
            if character != "\n" or len(self._code) >= FENCE:
                return out + self._let(character)
            self._code = ""
        return out + self._prose(character)

    def _prose(self, character: str) -> str:
        if self._begun:
            return self._continued(character)
        if character in "[【" or (character == "(" and self._may_round):
            self._begun = character
            return ""
        if character.isspace():
            out = self._release()
            if not (self._dropped and self._spaces):
                self._spaces += character
            self._dropped = False
            return out
        if self._dropped and character in _CLINGING:
            self._spaces = ""
        if character.isalnum() or character in "_$" or (character == "." and self._word):
            self._word, self._dropped = self._word + character, False
            return "" if len(self._word) < _LONGEST_WORD else self._release()
        return self._let(character)

    @property
    def _may_round(self) -> bool:
        return bool(self._spaces) and not (self._word or self._square or self._kept)

    def _continued(self, character: str) -> str:
        begun = self._begun + character
        if character in "]】":
            self._begun = ""
            return self._bracketed(begun)
        if character in _SENTENCE_ENDS and (marked := self._rounded(self._begun)):
            self._begun = ""
            return marked + self._prose(character)
        if may_go_on(begun):
            self._begun = begun
            return ""
        return self._release() + self._prose(character)

    def _bracketed(self, bracket: str) -> str:
        """What a bracket that has just been closed is to be, where that is certain already."""
        if pointing(bracket, self._count) is None:
            return self._let(bracket)
        if self._brackets.maybe(self._bracket([bracket])):
            self._closed = [bracket]
            return ""
        return self._resolved(bracket)

    def _waited(self, character: str) -> str:
        """The same, as it takes what follows to tell."""
        self._after += character
        if _CLOSED.fullmatch(self._after) and pointing(self._after, self._count) is not None:
            self._closed.append(self._after)
            self._after = ""
        return "" if len(self._closed) < _MOST_CLOSED and undecided(self._after) else self._decided()

    def _decided(self) -> str:
        (closed, self._closed), (after, self._after) = (self._closed, []), (self._after, "")
        own = next((n for n in range(len(closed), 0, -1) if self._owns(closed, n, after)), 0)
        out = self._own(self._bracket(closed[:own])) if own else ""
        out += "".join(map(self._resolved, closed[own:]))
        return out + "".join(map(self._step, after))

    def _bracket(self, closed: list[str]) -> Bracket:
        before = (self._tail + self._spaces + self._word).rpartition("\n")[2]
        pointed = [n for one in closed for n in pointing(one, self._count) or ()]
        return Bracket(before, "".join(closed), valid=max(pointed, default=0) <= self._count)

    def _owns(self, closed: list[str], n: int, after: str) -> bool:
        """Whether the first `n` are the text's own, and can be set apart from code beside them."""
        bracket, following = self._bracket(closed[:n]), "".join(closed[n:]) + after
        beside = following.startswith("`") or (self._tail.endswith("`") and not self._spaces)
        return not beside and self._brackets.own(bracket, following)

    def _own(self, bracket: Bracket) -> str:
        if bracket.several:
            return self._let(bracket.text)
        word, self._word = self._word, ""
        return self._let(f"`{word}{bracket.text}`")

    def _resolved(self, marker: str) -> str:
        out = self._release()
        valid = [n for n in dict.fromkeys(pointing(marker, self._count) or ()) if 1 <= n <= self._count]
        if valid:
            self._square = True
            return out + self._let("".join(f"[{n}]" for n in valid))
        if _OPEN.search(self._tail) or self._tail.endswith("`"):
            # What stands on both sides must not close up to a marker, or to a longer row of backticks.
            self._spaces = self._spaces or " "
            return out
        self._dropped = True
        return out

    def _rounded(self, begun: str) -> str:
        """A finished marker in round brackets as it is to be; empty where it is none."""
        numbers = rounded(begun)
        if not numbers or max(numbers) > self._count or self._theirs & set(numbers):
            return ""
        if self._kept or not all(self._backs(n, self._tail) for n in numbers):
            return ""
        return self._let("".join(f"[{n}]" for n in numbers))

    def _end_ticks(self) -> str:
        ticks, self._ticks = self._ticks, ""
        self._code = code_after(self._code, ticks)
        return self._let(ticks)

    def _release(self) -> str:
        begun, self._begun = self._begun, ""
        return self._let(begun) if begun or self._word else ""

    def _let(self, text: str) -> str:
        text, self._word = self._word + text, ""
        out = (self._spaces if self._tail else "") + text
        self._spaces, self._dropped = "", False
        self._tail = (self._tail + out)[-_SENTENCE:]
        if text.endswith(")") and not self._code and ends_round(self._tail):
            self._kept = True
        return out
