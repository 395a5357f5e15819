"""How much a text reads like instructions to the model: a score from 0 to 1, and what it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streams.answering.guard.encoded import TELLING, decoded
from streams.answering.guard.hidden import hidden
from streams.answering.guard.shown import shown
from streams.answering.guard.signals import SIGNALS, Kind
from streams.answering.text.legible import read, unleeted, unspaced

SUSPICIOUS = 0.5
"""The score from which on a text is treated as an injection."""

WINDOW = 2_000
OVERLAP = 400
"""Characters of a long text that are looked at together: weak signs far apart say nothing."""

_MOST = 40_000
_DEPTH = 2
_WORTH_DECODING = 0.3
_DISGUISE = 0.3


@dataclass(frozen=True, slots=True)
class Assessment:
    """`score` 0 to 1; `kinds` that it is made of, in the alphabet's order."""

    score: float = 0.0
    kinds: tuple[Kind, ...] = ()

    @property
    def suspicious(self) -> bool:
        """Whether the text is to be treated as an injection."""
        return self.score >= SUSPICIOUS


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
        _note(found, "hidden", unseen.weight)
    for inner in unseen.texts:
        _take(found, "hidden", _window(inner, document, depth - 1) if depth else NOTHING)
    if depth:
        for inner in decoded(text):
            _take(found, "encoded", _window(inner, document, depth - 1))
    return _combined(found)


def _weights(text: str, document: bool) -> dict[Kind, float]:  # noqa: FBT001 - the same
    """The weight of each kind of sign in the text as it stands, as it is shown, and in a thin disguise."""
    plain, bare = read(text), read(shown(text))
    found = _signs(plain, document)
    told = _told(plain)
    readings = {plain, bare}
    for reading in readings.union(*map(_undisguised, readings)) - {plain}:
        if _told(reading) > told:
            _note(found, "encoded", _DISGUISE)
        elif reading != bare:
            continue
        for kind, weight in _signs(reading, document).items():
            _note(found, kind, weight)
    return found


def _undisguised(text: str) -> set[str]:
    """`text` without spelling, without digits for letters, and without either."""
    spelled = unspaced(text)
    return {spelled, unleeted(text), unleeted(spelled)}


def _told(text: str) -> int:
    """How many telling words there are."""
    return sum(map(text.count, TELLING))


def _signs(text: str, document: bool) -> dict[Kind, float]:  # noqa: FBT001 - the same
    found: dict[Kind, float] = {}
    for signal in SIGNALS:
        if (document or not signal.documents_only) and signal.given_by(text):
            found[signal.kind] = _either(found.get(signal.kind, 0.0), signal.weight)
    return found


def _take(found: dict[Kind, float], kind: Kind, inner: Assessment) -> None:
    """Counts what a decoded or invisible text says, and that it was not to be seen."""
    if inner.score >= _WORTH_DECODING:
        _note(found, kind, _either(inner.score, _DISGUISE))


def _note(found: dict[Kind, float], kind: Kind, weight: float) -> None:
    found[kind] = max(found.get(kind, 0.0), weight)


def _either(one: float, other: float) -> float:
    """The chance of either of two independent things."""
    return 1 - (1 - one) * (1 - other)


def _combined(found: dict[Kind, float]) -> Assessment:
    score = 0.0
    for weight in found.values():
        score = _either(score, weight)
    return Assessment(round(score, 3), tuple(sorted(found)))
