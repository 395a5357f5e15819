"""What a model writes, let out only as far as it is certain to hold nothing that it must not say.

An answer may name addresses that stand in its passages or in the question, and no others: a model that was
talked round would send its reader, or the reader's data, elsewhere. It loads nothing from anywhere, its links
go where they say, and the prompt's canary, a random word that nobody else knows, is never in it. The name of
a host that nobody knows and that stands alone may be a product's (`Socket.io`): it stays, and leads nowhere.
One that a marker stood in, which is left out, stops the reply.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Literal

from streams.answering.generating.generate import Unfinished
from streams.answering.guard.links import Known, host, hosts, links
from streams.answering.text.tags import Tags
from streams.answering.text.targets import Targets

Leak = Literal["canary", "address", "image", "link"]
"""What a model's text was stopped for; a metric's label."""

INERT = "\u2024"
"""The dot of a host's name that no program makes a link of: one dot leader, which looks the same."""

_LOOK_BACK = 2_000
"""Characters before what is let out in which a word or a link's label is looked for at most."""

# The pattern stops where it could begin anew, so that a text is gone through once, whatever it is.
_WORD = r"[\w.+@:;/%&=?#~$\\-]"
# What may go on to be an address: a word, and all that such a one is made of.
_UNFINISHED = re.compile(rf"(?<!{_WORD})[.+@:;%&=?#~$-]*([\w/\\]{_WORD}*)\Z")
_ALL_WORD = re.compile(rf"{_WORD}*")
_LINK = re.compile(r"\[([^\[\]]{0,1000})\]\(\s*<?([^)\s>]+)")
_FENCE = re.compile(r"^[ >]*(?:```|~~~)", re.MULTILINE)
_HYPHENS = re.compile(r"-*\Z")
_LABEL = 63
"""Characters of a part of a host's name."""
_ALPHANUMERIC = re.compile(r"[^\W_]")
_TELLING = 4


class OutputFilter:
    """One reply's way out.

    `known` are the addresses that may be named, `suspect` those of texts that are not to be trusted.
    """

    def __init__(self, known: Known, canary: str = "", suspect: Known | None = None) -> None:
        self._known, self._canary = known, canary.casefold()
        self._suspect = suspect or Known([])
        self.seen = ""
        """The reply up to here, let out or not."""
        # The same, but that hosts' names that were made inert are no names there.
        self._checked = ""
        self._out = 0
        self._word: int | None = None
        self._tags, self._targets = Tags(), Targets(known.reaches)
        # Where the last letters and digits are, as many as a canary without its last has, up to `_read`.
        self._places: deque[int] = deque(maxlen=max(0, len(canary) - 1))
        self._read = 0
        self._said = ""

    def feed(self, text: str, *, spaced: bool = False, done: bool = False) -> str:
        """What may be let out now, of what was held back and `text`; all of it at the end.

        `spaced`: white space follows that is to be fed later, so that the last word is whole. Raises
        `Unfinished` (`guarded`), with what was found as its message, for what is not to be said.
        """
        self._unfinished(text)
        if spaced:
            self._word = None
        self.seen += text
        self._checked += text
        end = len(self.seen) if done else self._certain()
        piece = self.seen[self._out : end]
        if piece and (leak := self._leak(piece, end)):
            raise Unfinished("guarded", leak)
        out, self._out = self._out, end
        return self.seen[out:end]

    def _unfinished(self, text: str) -> None:
        """Sees where the last word begins, which may yet go on, with `text` after what was seen."""
        begun = _UNFINISHED.search(text)
        if begun is None:
            self._word = self._word if not text or _ALL_WORD.fullmatch(text) else None
        elif begun.start() > 0 or self._word is None:
            self._word = len(self.seen) + begun.start(1)

    def _certain(self) -> int:
        """Up to where the text can't be the beginning of something."""
        end = len(self.seen) if self._word is None else self._word
        return max(self._out, min(end, self._canary_begins(end)))

    def _canary_begins(self, end: int) -> int:
        """Where what may become the canary begins, `end` where nothing may: it may be spelled out."""
        self._places.extend(place.start() for place in _ALPHANUMERIC.finditer(self.seen, self._read, end))
        self._read = max(self._read, end)
        places = list(self._places)
        for count in range(len(places), _TELLING - 1, -1):
            if "".join(self.seen[place] for place in places[-count:]).casefold() == self._canary[:count]:
                return places[-count]
        return end

    def _leak(self, piece: str, end: int) -> Leak | None:
        if self._canary and self._says_canary(piece):
            return "canary"
        if self._tags.load(piece):
            return "image"
        if found := self._targets.leak(piece):
            return found
        word, begun = self._boundaries()
        if any(_elsewhere(*found.groups()) for found in _LINK.finditer(self.seen, begun, end)):
            return "link"
        self._make_inert(end)
        return "address" if any(link not in self._known for link in links(self._checked, word, end)) else None

    def _make_inert(self, end: int) -> None:
        """Sees that hosts' names up to `end` that nobody knows lead nowhere where they stand alone."""
        # Hyphens before a name, which may be out already, are of it.
        begun = self._out - len(_HYPHENS.search(self.seen[max(0, self._out - _LABEL) : self._out])[0])  # type: ignore[index]
        for found in list(hosts(self.seen, begun)):
            name = found[0]
            if found.end() > end or name.casefold() in self._known or name.casefold() in self._suspect:
                continue
            self._checked = _replaced(self._checked, found.start(), "x" * len(name))
            if not self._in_code(found.start()):
                self.seen = _replaced(self.seen, found.start(), name.replace(".", INERT))

    def _in_code(self, at: int) -> bool:
        """Whether what stands there is code in Markdown, of which nobody makes links."""
        line = self.seen.rfind("\n", 0, at) + 1
        return bool(self.seen.count("`", line, at) % 2 or len(_FENCE.findall(self.seen, 0, at)) % 2)

    def _says_canary(self, piece: str) -> bool:
        said = self._said + "".join(_ALPHANUMERIC.findall(piece)).casefold()
        self._said = said[-len(self._canary) :]
        return self._canary in said

    def _boundaries(self) -> tuple[int, int]:
        """Where the word begins that goes on at what is let out next, and a link that may go on there."""
        out, start = self._out, max(0, self._out - _LOOK_BACK)
        word = max(start, *(self.seen.rfind(space, start, out) + 1 for space in " \n"))
        begun = self.seen.rfind("[", start, word)
        return word, begun if begun >= 0 else word


def _replaced(text: str, start: int, part: str) -> str:
    return text[:start] + part + text[start + len(part) :]


def _elsewhere(shown: str, target: str) -> bool:
    """Whether a link shows an address, and goes to another one."""
    return any(host(link) != host(target) for link in links(shown))


class Unfiltered:
    """The way out where nothing is to be checked."""

    def __init__(self) -> None:
        self.seen = ""

    def feed(self, text: str, *, spaced: bool = False, done: bool = False) -> str:
        """All of it."""
        del spaced, done
        self.seen += text
        return text
