"""What a model writes, let out only as far as it is certain to hold nothing that it must not say.

An answer may name addresses that stand in its passages or in the question, and no others: a model that was
talked round would send its reader, or the reader's data, elsewhere. It loads nothing from anywhere, its links
go where they say, and the prompt's canary, a random word that nobody else knows, is never in it.
"""

from __future__ import annotations

import re
from typing import Literal

from streams.answering.generate import Unfinished
from streams.answering.guard.links import Known, host, links

Leak = Literal["canary", "address", "image", "link"]
"""What a model's text was stopped for; a metric's label."""

_LOOK_BACK = 2_000
# What may go on to be an address: a word, and all that such a one is made of.
_UNFINISHED = re.compile(r"(?:\w|/)[\w.+@:/%&=?#~$-]*\Z")
_IMAGE = re.compile(
    r"!\[[^\]]{0,1000}\]\s?\(\s*<?\s*(?:\S*//|\S*\w\.\w|data:)"
    r"|^\s{0,3}\[[^\]\n]{1,200}\]:\s*<?\s*(?:\S*//|\S*\w\.\w|data:)"
    r"|<(?:img|a|iframe|script|link|object|embed|form|video|audio|source|svg|image|meta|base|input|style)\b"
    r"[^>]{0,1000}?\b(?:src|href|action|data|srcset|poster|style|content|formaction)\s*=",
    re.IGNORECASE | re.MULTILINE,
)
_LINK = re.compile(r"\[([^\]]{0,1000})\]\(\s*<?([^)\s>]+)")
_ALPHANUMERIC = re.compile(r"[^\W_]")
_TELLING = 4


class Outlet:
    """One reply's way out."""

    def __init__(self, known: Known, canary: str = "") -> None:
        self._known, self._canary = known, canary.casefold()
        self.seen = ""
        """The reply up to here, let out or not."""
        self._out = 0

    def feed(self, text: str, *, done: bool = False) -> str:
        """What may be let out now, of what was held back and `text`; all of it at the end.

        Raises `Unfinished` (`guarded`), with what was found as its message, for what is not to be said.
        """
        self.seen += text
        end = len(self.seen) if done else self._certain()
        piece, checked = self.seen[self._out : end], self.seen[max(0, self._out - _LOOK_BACK) : end]
        if piece and (leak := self._leak(checked)):
            raise Unfinished("guarded", leak)
        self._out = end
        return piece

    def _certain(self) -> int:
        """Up to where the text can't be the beginning of something: the last word may yet go on."""
        begun = _UNFINISHED.search(self.seen, self._out)
        end = begun.start() if begun else len(self.seen)
        return max(self._out, min(end, self._canary_begins(end)))

    def _canary_begins(self, end: int) -> int:
        """Where what may become the canary begins, `end` where nothing may: it may be spelled out."""
        places = [place.start() for place in _ALPHANUMERIC.finditer(self.seen, max(0, end - _LOOK_BACK), end)]
        for count in range(min(len(self._canary) - 1, len(places)), _TELLING - 1, -1):
            if "".join(self.seen[place] for place in places[-count:]).casefold() == self._canary[:count]:
                return places[-count]
        return end

    def _leak(self, text: str) -> Leak | None:
        if self._canary and self._canary in "".join(_ALPHANUMERIC.findall(text)).casefold():
            return "canary"
        if _IMAGE.search(text):
            return "image"
        if any(_elsewhere(*found.groups()) for found in _LINK.finditer(text)):
            return "link"
        return "address" if any(link not in self._known for link in links(text)) else None


def _elsewhere(shown: str, target: str) -> bool:
    """Whether a link shows an address, and goes to another one."""
    return any(host(link) != host(target) for link in links(shown))


class Open:
    """The way out where nothing is to be checked."""

    def __init__(self) -> None:
        self.seen = ""

    def feed(self, text: str, *, done: bool = False) -> str:
        """All of it."""
        del done
        self.seen += text
        return text
