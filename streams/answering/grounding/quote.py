"""A short piece of a passage, word for word, that says best what something is about."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from streams.answering.text.sentences import spans
from streams.answering.text.words import stems
from streams.messages.answers import QUOTE_CHARACTERS

ENOUGH = 80
"""Characters below which a quote takes in the sentence after it, for it to be understood."""

_SENTENCES = 10


def quote(text: str, about: AbstractSet[str], limit: int = QUOTE_CHARACTERS) -> str:
    """The run of sentences of `text`, at most `limit` characters of it, that holds most of the stems `about`.

    Of equally good ones the first and shortest that has `ENOUGH` characters. A substring of `text`.
    """
    places = list(spans(text))
    held_by = {place: stems(text[slice(*place)]) & about for place in places}
    best, best_rank = (0, 0), (-1, False, 0)
    for first, (start, _) in enumerate(places):
        held: frozenset[str] = frozenset()
        for begin, end in places[first : first + _SENTENCES]:
            if end - start > limit and begin > start:
                break
            held |= held_by[begin, end]
            rank = (len(held), end - start >= min(ENOUGH, len(text)), start - end)
            if rank > best_rank:
                best, best_rank = (start, min(end, start + limit)), rank
    return _whole_words(text, *best)


def _whole_words(text: str, start: int, end: int) -> str:
    """`text[start:end]`, less the word that `end` cuts in two where there is one before it."""
    piece = text[start:end]
    if end < len(text) and piece and not (piece[-1].isspace() or text[end].isspace()):
        shorter = piece.rsplit(None, 1)
        if len(shorter) > 1 and text[end].isalnum() and piece[-1].isalnum():
            return shorter[0]
    return piece.strip()
