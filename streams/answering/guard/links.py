"""Addresses in a text, whether they are written as such, as a link's target or as a bare host's name.

What a reader's program may take for one is one: backslashes and missing slashes are read as browsers do
(https://url.spec.whatwg.org/#concept-basic-url-parser), escapes and entities as Markdown and HTML do.
"""

from __future__ import annotations

import html
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator

# Where a host's name stands alone, its top-level domain must be one of these: all of two letters but those
# that file names, units and attributes end in (`md`, `py`, `rs`, `sh`, `ms`, `kg`, `id`, …), and what is sold
# most. With a path behind it any is one.
_TWO_LETTERS = (
    "a[cdefgilmoqrstuwxz]|b[abdefghijmnorstvwyz]|c[acdfghiklmnoruvwxyz]|d[ejkmoz]|e[ceghrstu]|f[ijkmor]|"
    "g[adefghilmnpqrstuwy]|h[kmnrtu]|i[elmnoqrst]|j[emop]|k[ehimnprwyz]|l[abcikrstuvy]|m[aceghlmnopqrtuvwxyz]|"
    "n[acefgilopruz]|om|p[aefghkmnrtw]|qa|r[eouw]|s[abcdegijklmnrtuvxyz]|t[cdghjklnortvwz]|u[agksyz]|"
    "v[aceginu]|w[fs]|y[et]|z[amw]"
)
_LONGER = (
    "com|net|org|info|biz|app|dev|cloud|online|site|store|shop|xyz|top|club|live|link|click|page|tech|space|"
    "website|world|email|work|edu|gov|mil|int|onion|pro|mobi|asia|wiki|news|blog|icu|vip|fun|today|chat|agency"
)
# A sentence that begins right after a full stop is no host's name (`vous.Il`).
_LAST = rf"(?:(?-i:{_TWO_LETTERS}|{_TWO_LETTERS.upper()})|{_LONGER}|xn--[a-z0-9-]+)"
_REST = r"""[^\s<>"'`]"""
# Of a server on one's own network, which no reader's program opens: `postgresql://db/app`.
_SERVER = (
    r"(?:amqps?|bolt|cassandra|clickhouse|kafka|mariadb|mongodb|mysql|nats|oracle|postgres(?:ql)?|rediss?|sqlserver)"
    r"(?:\+\w+)?://[a-z_][\w-]*(?![\w.-])"
)
# Where a line of code or of configuration is meant: `main.py:42`.
_FILE = (
    r"(?:py|rs|js|tsx?|java|go|cc?|h|cpp|rb|php|cs|kt|md|txt|json|ya?ml|toml|xml|html?|css|sql|sh|log|conf|ini|"
    r"cfg|csv)"
)
_LINK = re.compile(
    rf"""
      \b(?!{_SERVER})[a-z][a-z0-9+.-]{{1,30}}:[/\\]{{2}}{_REST}+                  # https://…
    | \b(?:https?|ftp|wss?|file):(?:[/\\]+{_REST}|[\w-]+\.){_REST}*  # https:/…, https:host.…
    | (?<![:\w/\\])[/\\]{{2,}}[\w-]+(?:\.[\w-]+)+{_REST}*            # //host.…
    | (?<=<)[a-z][a-z0-9+.-]{{0,31}}:[^\s<>]+                        # <scheme:…>
    | \b(?:javascript|vbscript|mailto|data(?=:\w+/)|tel|sms):{_REST}+
    | [\w.+-]{{1,64}}@[\w-]+(?:(?:\.[\w-]+)+         # an address for mail; RFC 5321 has the 64
                              |:[~/\w][\w./~-]*)     # of a repository
    | \bwww\.[\w-]+(?:\.[\w-]+)*{_REST}*
    | (?<![\w@./\\-])(?:[\w-]+\.)+(?:
          {_LAST}(?![\w-]|\.\w)(?:[/\\:?\#]{_REST}*)?
        | [a-z][a-z0-9-]*[a-z0-9](?::\d+)?(?:[/\\]|[?\#](?=\w)){_REST}*
        | (?!{_FILE}:)[a-z][a-z0-9-]*[a-z0-9]:\d{{2,5}}(?![\w.])
      )
    | (?<![\w@./:\\-])[a-z][a-z0-9-]*:\d{{2,5}}[/\\](?=[\w.-]*[a-z_]){_REST}*   # localhost:8080/…
    | (?<![\w@./\\-])(?:\d{{1,3}}\.){{3}}\d{{1,3}}(?:
          (?::\d+)?[/\\](?=[^\s\d]|\d+[^\W\d]){_REST}* | :\d{{2,5}}(?![\w.])
      )
    | (?<![\w@./\\-])0x[0-9a-f]{{7,8}}(?::\d+)?[/\\]{_REST}+
    """,
    re.IGNORECASE | re.VERBOSE,
)
_HOST = re.compile(
    rf"""(?<![\w@./\\:<\[-])(?<!\]\()(?!www\.)(?:[\w-]+\.)+{_LAST}(?![\w@-]|\.\w|[/\\:?#])""", re.IGNORECASE
)
_SCHEME = re.compile(r"^(?:(?:https?:)?//|(?:https?|mailto):)")
_DOTTED = re.compile(r"[^/?#]*[.@]")
_AROUND = "()[]{}.,;:!?*_~»”’…|"  # noqa: RUF001 - closing quotation marks
_WORDS = re.compile(r"[\w@-]")
_ESCAPE = re.compile(r"\\(?=[!-/:-@\[\]-`{-~])")
# Those that models write in paths; after none of them does a browser see a host's name.
_ESCAPED_IN_PATHS = re.compile(r"\\(?=[_*~&])")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
# Full stops of Chinese and Japanese, which browsers take for those of a host's name.
_FULL_STOP = re.compile(r"(?<=[a-zA-Z0-9])[\u3002\uff61](?=[a-zA-Z0-9])")
_WWW = re.compile(r"\bwww\.(?=[\w-]+\.)")
# Not from the root, and to no host: `page`, `part/page`, `#part`.
_HERE = re.compile(r"(?!/)(?:[^\s/\\:%&@?]|/(?!/))*")


def links(text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[str]:
    """Every address in `text[start:end]`, in lower case, without its scheme and the punctuation around it."""
    yield from _links(text, start, end)
    piece = text[start:end]
    if (shown := _shown(piece)) != piece:
        yield from _links(shown, 0, len(shown))


def hosts(text: str, start: int) -> Iterator[re.Match[str]]:
    """Hosts' names in `text` from `start` that stand alone: with no scheme, path or port, and in no link."""
    return _HOST.finditer(text, start)


def _links(text: str, start: int, end: int) -> Iterator[str]:
    for found in _LINK.finditer(text, start, end):
        for part in found[0].casefold().replace("](", " ").split():
            yield bare(part)


def _shown(text: str) -> str:
    """`text` as it is shown: without invisible characters, entities and escapes; full width made plain."""
    shown = html.unescape(text)
    if not shown.isascii():
        shown = unicodedata.normalize("NFKC", _FULL_STOP.sub(".", _UNSEEN.sub("", shown)))
    return _ESCAPE.sub("", shown)


def bare(link: str) -> str:
    """An address as it is compared: a host's name without a dot, which may be any word, after `//`."""
    whole = link.casefold().strip(_AROUND)
    scheme = _SCHEME.match(whole)
    rest = (whole[scheme.end() :] if scheme else whole).strip(_AROUND).rstrip("/")
    return f"//{rest}" if scheme and rest and not _DOTTED.match(rest) else rest


def host(link: str) -> str:
    """The host of an address, without `www.`."""
    return re.split(r"[/:?#]", bare(link).removeprefix("//"), maxsplit=1)[0].removeprefix("www.")


class Known:
    """The addresses that may be named: those that stand in any of `texts`, and their beginnings."""

    def __init__(self, texts: Iterable[str]) -> None:
        text = "\n".join(texts)
        plain = html.unescape(text)
        self._text = _WWW.sub("", (text if plain == text else f"{text}\n{plain}").casefold())

    def __contains__(self, link: str) -> bool:
        """Whether this address (as `links` gives it) stands there, or what an address there begins with."""
        link = _WWW.sub("", link)
        return self._holds(link) or ("&" in link and self._holds(html.unescape(link)))

    def _holds(self, link: str) -> bool:
        start = self._text.find(link)
        while start >= 0:
            before = self._text[start - 1 : start]
            after = self._text[start + len(link) : start + len(link) + 2]
            if not _WORDS.match(before) and before != "." and not _goes_on(after):
                return True
            start = self._text.find(link, start + 1)
        return False

    def reaches(self, target: str) -> bool:
        """Whether a link's `target`, or the beginning of one, is known or on the reader's own page.

        Any other is none of ours to judge by its looks: where it leads depends on what reads it.
        """
        if _HERE.fullmatch(target) and not any(links(target)):
            return True
        plain = _ESCAPED_IN_PATHS.sub("", target)
        return "\\" not in plain and self._names(plain)

    def _names(self, target: str) -> bool:
        link, written = bare(target), target.casefold().rstrip(_AROUND)
        return not link or written in self or link in self


def _goes_on(after: str) -> bool:
    """Whether the word or the host's name does not end there. It may before `_`, which is taken off ends."""
    return after[:1] != "_" and bool(_WORDS.match(after) or (after[:1] == "." and _WORDS.match(after[1:])))
