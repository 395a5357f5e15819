"""The route: which model answers, or none. The one place where that is decided."""

from __future__ import annotations

from dataclasses import dataclass

from streams.messages.answers import Reason, Route

_WRITING_S, _WRITING_SHARE = 1.0, 0.2
"""What the fallback is left to write in after its first token, the larger of the two."""
_MOST = 0.4
"""The largest share of what is left that the primary leaves to the fallback.

Less than half: twice a wait in vain (see `Pace`) must be longer than what was left.
"""
_SLACK = 1.2
"""Times its usual first token that the fallback is left, or nothing: something passes between the two."""


@dataclass(frozen=True, slots=True)
class Models:
    """The two models, and the seconds in which each usually has its first token, question in hand."""

    primary: str
    fallback: str
    primary_first_token_s: float
    fallback_first_token_s: float

    @property
    def has_fallback(self) -> bool:
        """Whether the fallback is another model; the same one would fail the same way."""
        return self.fallback != self.primary


@dataclass(frozen=True, slots=True)
class Choice:
    """`model` is None for an extract; `reason` says why the route is not primary, None where it is."""

    route: Route
    model: str | None
    reason: Reason | None


def choose(
    models: Models,
    *,
    left_s: float,
    circuit_open: bool,
    not_primary: Reason | None = None,
    not_fallback: bool = False,
) -> Choice:
    """The route with `left_s` seconds left to answer in.

    `not_primary`: why the primary model is out of question already, `not_fallback`: whether the other is.
    """
    reason = not_primary or _against_primary(models, left_s, circuit_open=circuit_open)
    if reason is None:
        return Choice("primary", models.primary, None)
    if models.has_fallback and not not_fallback and left_s >= models.fallback_first_token_s:
        return Choice("fallback", models.fallback, reason)
    return Choice("extract", None, reason)


def _against_primary(models: Models, left_s: float, *, circuit_open: bool) -> Reason | None:
    if left_s < models.primary_first_token_s:
        return "deadline"
    return "circuit_open" if circuit_open else None


def first_token_limit(models: Models, choice: Choice, *, left_s: float) -> float:
    """Seconds that the deadline leaves for the first token: the fallback must still have its chance.

    That is time for its first token and for a reply. Where its share of `left_s` is too little for even the
    first token, the primary has all.
    """
    if choice.route != "primary" or not models.has_fallback:
        return left_s
    wanted = models.fallback_first_token_s + max(_WRITING_S, _WRITING_SHARE * left_s)
    reserved = min(wanted, _MOST * left_s)
    return left_s - reserved if reserved >= _SLACK * models.fallback_first_token_s else left_s
