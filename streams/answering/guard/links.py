"""Addresses in a text, whether they are written as such, as a link's target or as a bare host's name."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

# Top-level domains that no file name ends in; others are seen only after a scheme, `//` or `www.`.
_DOMAINS = (
    "com|net|org|info|biz|io|co|ai|app|dev|cloud|online|site|store|shop|xyz|top|club|live|link|click|page|tech|"
    "space|website|world|email|work|edu|gov|mil|int|eu|us|uk|fr|de|es|it|nl|be|ch|at|ru|cn|jp|in|br|ca|au|ro|tk|"
    "ml|ga|cf|gq|cc|tv|ws|su|onion"
)
_LINK = re.compile(
    rf"""
      \b[a-z][a-z0-9+.-]{{1,20}}://[^\s<>"'`]+       # https://…
    | (?<![:\w])//[\w-]+(?:\.[\w-]+)+[^\s<>"'`]*     # //host/…
    | \b(?:javascript|vbscript|mailto|data(?=:\w+/)|tel|sms):[^\s<>"'`]+
    | [\w.+-]{{1,64}}@[\w-]+(?:\.[\w-]+)+            # an address for mail; RFC 5321 has the 64
    | \bwww\.[\w-]+(?:\.[\w-]+)*[^\s<>"'`]*
    | (?<![\w@./-])(?:[\w-]+\.)+(?:{_DOMAINS})(?![\w-]|\.\w)(?:[/:?\#][^\s<>"'`]*)?
    """,
    re.IGNORECASE | re.VERBOSE,
)
_SCHEME = re.compile(r"^(?:[a-z][a-z0-9+.-]{1,20}:)?//|^mailto:")
_AROUND = "()[]{}.,;:!?*_~»”’…|"  # noqa: RUF001 - closing quotation marks
_WORDS = re.compile(r"[\w@-]")


def links(text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[str]:
    """Every address in `text[start:end]`, in lower case, without its scheme and the punctuation around it."""
    for found in _LINK.finditer(text, start, end):
        for part in found[0].casefold().replace("](", " ").split():
            yield bare(part)


def bare(link: str) -> str:
    """An address as it is compared."""
    return _SCHEME.sub("", link.casefold().strip(_AROUND)).strip(_AROUND).rstrip("/")


def host(link: str) -> str:
    """The host of an address, without `www.`."""
    return re.split(r"[/:?#]", bare(link), maxsplit=1)[0].removeprefix("www.")


class Known:
    """The addresses that may be named: those that stand in any of `texts`, and their beginnings."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._text = "\n".join(texts).casefold()

    def __contains__(self, link: str) -> bool:
        """Whether this address (as `links` gives it) stands there, or what an address there begins with."""
        start = self._text.find(link)
        while start >= 0:
            before = self._text[start - 1 : start]
            after = self._text[start + len(link) : start + len(link) + 2]
            if not _WORDS.match(before) and before != "." and not _goes_on(after):
                return True
            start = self._text.find(link, start + 1)
        return False


def _goes_on(after: str) -> bool:
    """Whether the word or the host's name does not end there."""
    return bool(_WORDS.match(after) or (after[:1] == "." and _WORDS.match(after[1:])))
