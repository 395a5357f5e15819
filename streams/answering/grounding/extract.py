"""An answer without a model: the best passages, quoted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from streams.answering.found import Found
from streams.answering.grounding.markers import unmarked
from streams.answering.grounding.quote import quote
from streams.answering.text.language import Language, phrases
from streams.answering.text.tags import Tags
from streams.answering.text.words import stems
from streams.messages.markers import ends_in_code

QUOTED = 3
"""Passages that an extract quotes at most."""

_IMAGE = re.compile(r"!+\[")
_TAG = re.compile(r"<(?=[a-zA-Z])")


def extract(passages: Sequence[Found], question: str, language: Language) -> str:
    """The text: what is closest to `question` in each of the first passages, word for word, `[n]` after it.

    Markers that a passage brought along are written in round brackets: they point into its own list. Images
    are links, and tags that might load something are none. A passage that is suspected of instructing the
    model is left out where there is another one.
    """
    about = stems(question)
    numbered = list(enumerate(passages, 1))
    chosen = [(n, found) for n, found in numbered if not found.suspicion] or numbered
    quoted = [f"“{_plain(quote(found.hit.text, about))}” [{n}]" for n, found in chosen[:QUOTED]]
    return "\n\n".join([phrases(language).extract, *quoted])


def _plain(text: str) -> str:
    """`text` as it loads nothing and is followed by prose: a stretch of code that is cut off is none."""
    plain = _IMAGE.sub("[", unmarked(text.replace("`", "'") if ends_in_code(text) else text))
    return _TAG.sub("< ", plain) if Tags().load(plain) else plain
