"""How much a text reads like instructions to the model: a score from 0 to 1, and what it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from streams.answering.guard.encoded import TELLING, decoded
from streams.answering.guard.hidden import hidden
from streams.answering.guard.shown import shown
from streams.answering.guard.signal import Kind
from streams.answering.guard.signals import signs
from streams.answering.text.legible import quoted, read, unleeted, unspaced

SUSPICIOUS = 0.5
"""The score from which on a text is marked as data, and trusted with no address."""

CERTAIN = 0.75
"""The score from which on it is an injection: people are not spoken to like this."""

WINDOW = 2_000
OVERLAP = 400
"""Characters of a long text that are looked at together: weak signs far apart say nothing."""

_MOST = 40_000
_DEPTH = 2
_WORTH_DECODING = 0.3
_DISGUISE = 0.3
_ALIKE = 0.65
"""The most that signs of one sort come to, as many as they are, unless nobody but a model is meant."""

_Sort = Literal["override", "role", "reply", "model"]
_SORTS: dict[Kind, _Sort] = {"override": "override", "role": "role"}
_Sign = tuple[Kind, _Sort]


@dataclass(frozen=True, slots=True)
class Assessment:
    """`score` 0 to 1; `kinds` that it is made of, in the alphabet's order."""

    score: float = 0.0
    kinds: tuple[Kind, ...] = ()

    @property
    def suspicious(self) -> bool:
        """Whether the text may be an injection."""
        return self.score >= SUSPICIOUS

    @property
    def certain(self) -> bool:
        """Whether it is to be treated as one."""
        return self.score >= CERTAIN


NOTHING = Assessment()


def assess(text: str, *, document: bool) -> Assessment:
    """How much `text`, of a document or of a question, reads like instructions to the model.

    Of a text over 40,000 characters (no passage, no question has as many) the rest is not looked at. What is
    written in invisible characters or in a code is read, too, codes within codes up to twice.
    """
    return max((_window(part, document, _DEPTH) for part in _parts(text)), key=_score, default=NOTHING)


def _score(assessment: Assessment) -> float:
    return assessment.score


def _parts(text: str) -> Iterator[str]:
    text = text[:_MOST]
    for start in range(0, max(1, len(text) - OVERLAP), WINDOW - OVERLAP):
        yield text[start : start + WINDOW]


def _window(text: str, document: bool, depth: int) -> Assessment:  # noqa: FBT001 - what `assess` was told
    found = _weights(text, document)
    unseen = hidden(text)
    if unseen.weight:
        _note(found, ("hidden", "model"), unseen.weight)
    for inner in unseen.texts:
        _take(found, ("hidden", "model"), _window(inner, document, depth - 1) if depth else NOTHING)
    if depth:
        for inner in decoded(text):
            _take(found, ("encoded", "model"), _window(inner, document, depth - 1))
    return _combined(found)


def _weights(text: str, document: bool) -> dict[_Sign, float]:  # noqa: FBT001 - the same
    """The weight of each kind of sign in the text as it stands, as it is shown, and in a thin disguise."""
    plain, bare = read(quoted(text)), read(quoted(shown(text)))
    found = _signs(plain, document)
    told = _told(plain)
    readings = {plain, bare}
    for reading in readings.union(*map(_undisguised, readings)) - {plain}:
        if _told(reading) > told:
            _note(found, ("encoded", "model"), _DISGUISE)
        elif reading != bare:
            continue
        for sign, weight in _signs(reading, document).items():
            _note(found, sign, weight)
    return found


def _undisguised(text: str) -> set[str]:
    """`text` without spelling, without digits for letters, and without either."""
    spelled = unspaced(text)
    return {spelled, unleeted(text), unleeted(spelled)}


def _told(text: str) -> int:
    """How many telling words there are."""
    return sum(map(text.count, TELLING))


def _signs(text: str, document: bool) -> dict[_Sign, float]:  # noqa: FBT001 - the same
    found: dict[_Sign, float] = {}
    for signal in signs(text, document=document):
        sign = signal.kind, "model" if signal.to_model else _SORTS.get(signal.kind, "reply")
        found[sign] = _either(found.get(sign, 0.0), signal.weight)
    return found


def _take(found: dict[_Sign, float], sign: _Sign, inner: Assessment) -> None:
    """Counts what a decoded or invisible text says, and that it was not to be seen."""
    if inner.score >= _WORTH_DECODING:
        _note(found, sign, _either(inner.score, _DISGUISE))


def _note(found: dict[_Sign, float], sign: _Sign, weight: float) -> None:
    found[sign] = max(found.get(sign, 0.0), weight)


def _either(one: float, other: float) -> float:
    """The chance of either of two independent things."""
    return 1 - (1 - one) * (1 - other)


def _combined(found: dict[_Sign, float]) -> Assessment:
    """Signs of one sort count together up to `_ALIKE`: an injection has two, or speaks to a model."""
    sorts: dict[_Sort, float] = {}
    for (_, sort), weight in found.items():
        sorts[sort] = _either(sorts.get(sort, 0.0), weight)
    score = 0.0
    for sort, weight in sorts.items():
        score = _either(score, weight if sort == "model" else min(weight, _ALIKE))
    return Assessment(round(score, 3), tuple(sorted({kind for kind, _ in found})))
