"""Citation markers as models and documents write them; those of an answer are `messages.markers`'.

Models write them as they please (`[1, 2]`, `[1-3]`, `[Doc 1]`, `【1】`, `(1)` at a sentence's end, `[9]`
where there is no ninth); `marking` makes them regular.
"""

from __future__ import annotations

import re

from streams.messages.markers import N, markers, outside_code

SEVERAL = rf"{N}(?:\s*(?:[,;&]|and|et)\s*{N})*"
NAMES = ("doc", "docs", "document", "documents", "source", "sources", "passage", "passages", "ref", "refs",
          "reference", "references", "citation", "citations", "extrait", "extraits")  # fmt: skip
NAME = rf"(?:{'|'.join(sorted(NAMES, reverse=True))})[.:]?\s*\#?\s*"
LIST = re.compile(
    rf"[\[【]\s*((?P<name>{NAME}|\#)?(?P<several>{SEVERAL}))\s*(?:†[^][【】\n]*)?[\]】]", re.IGNORECASE
)


def pointed(text: str) -> set[int]:
    """What the markers in `text` point at."""
    return {marker.n for marker in markers(text)}


def unmarked(text: str) -> str:
    """`text` with the markers that it brought along, of somebody else's list, in round brackets: `(3)`."""
    return "".join(LIST.sub(r"(\1)", piece) if prose else piece for piece, prose in outside_code(text))
