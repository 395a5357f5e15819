"""Routing over time: what the models did lately decides which of them is asked next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from streams.answering.generating.circuit import Circuit
from streams.answering.generating.generate import OF_THE_QUESTION, StopReason, Unfinished
from streams.answering.generating.pace import Pace
from streams.answering.generating.rollout import Rollout
from streams.answering.generating.route import Choice, Models, choose, first_token_limit
from streams.answering.generating.warming import Warming
from streams.ports import Monotonic

_MODELS_FAULT = frozenset({"timeout", "error"})
_TOO_LATE = frozenset({"timeout", "deadline"})
_NO_TOKEN = _MODELS_FAULT | _TOO_LATE
"""Ends of replies that had not begun, which may be since the model is not loaded."""


@dataclass(frozen=True, slots=True)
class Routing:
    """The models to route between, what each is taken to need to its first token, and when one is left alone.

    As `Answering` says.
    """

    primary: str
    fallback: str
    primary_first_token_s: float
    fallback_first_token_s: float
    circuit_failures: int
    circuit_open_s: float
    rollout: Rollout | None = None


class Router:
    """Chooses the model for each attempt, and learns from how it went. One for a process.

    `warming` loads the models; without it they are taken to be loaded by whoever asks.
    """

    def __init__(self, routing: Routing, *, monotonic: Monotonic, warming: Warming | None = None) -> None:
        self._routing, self._warming = routing, warming
        primary, fallback = routing.primary, routing.fallback
        firsts = [primary] if routing.rollout is None else [primary, routing.rollout.model]
        self._circuits = {
            model: Circuit(
                failures=routing.circuit_failures, open_s=routing.circuit_open_s, monotonic=monotonic
            )
            for model in firsts
        }
        self._pace = Pace(
            dict.fromkeys(firsts, routing.primary_first_token_s)
            | {fallback: routing.fallback_first_token_s, primary: routing.primary_first_token_s},
            monotonic=monotonic,
        )

    @property
    def circuits(self) -> Mapping[str, bool]:
        """For each model that may come first, whether its circuit is open."""
        return {model: circuit.open for model, circuit in self._circuits.items()}

    def first(self, question_id: str, *, left_s: float) -> Choice:
        """The route of a question's first attempt, with `left_s` seconds left to answer in."""
        rolled_out = self._rolled_out(question_id, left_s)
        if rolled_out is not None:
            return rolled_out
        models = self._models()
        choice = choose(models, left_s=left_s, circuit_open=False)
        if choice.route == "primary" and not self._admits(models):
            choice = choose(models, left_s=left_s, circuit_open=True)
        return choice

    def next(self, failed: Choice, reason: StopReason, *, left_s: float) -> Choice:
        """The route after an attempt that ended for `reason`."""
        why = reason if failed.reason in {None, "rollout"} else failed.reason
        return choose(
            self._models(failed),
            left_s=left_s,
            circuit_open=False,
            not_primary=why,
            not_fallback=failed.route == "fallback" or reason in {"ungrounded", "guarded"},
        )

    def hurry_s(self, choice: Choice, *, left_s: float) -> float:
        """Seconds that the deadline leaves for the first token."""
        return first_token_limit(self._models(choice), choice, left_s=left_s)

    def usual_s(self, model: str) -> float:
        """Seconds in which the model usually has its first token, as far as that is learnt."""
        return self._pace.usual_s(model)

    def began(self, choice: Choice, seconds: float) -> None:
        """The first token came after so many seconds."""
        self._pace.took(choice.model or "", seconds)

    def succeeded(self, choice: Choice) -> None:
        """The reply came to its end."""
        if circuit := self._circuits.get(choice.model or ""):
            circuit.succeeded()

    def again(self, choice: Choice, reason: StopReason, *, left_s: float) -> Choice:
        """The route of another attempt by the same model, or the next one where there is no time for that."""
        in_time = choice.model is not None and left_s >= self._pace.usual_s(choice.model)
        return choice if in_time else self.next(choice, reason, left_s=left_s)

    def failed(self, choice: Choice, failure: Unfinished, *, waited_s: float | None) -> None:
        """The reply did not come to its end; `waited_s` for a first token, None where that had come."""
        if failure.code in OF_THE_QUESTION:
            return
        reason = failure.reason
        if self._warming is not None and waited_s is not None and reason in _NO_TOKEN:
            self._warming.want(choice.model or "")
        if reason in _MODELS_FAULT and (circuit := self._circuits.get(choice.model or "")):
            circuit.failed()
        if reason in _TOO_LATE and waited_s is not None:
            self._pace.gave_up(choice.model or "", waited_s)

    def _admits(self, models: Models) -> bool:
        """Whether the primary may be asked.

        Not while it is loaded, where there is another: Ollama keeps all requests waiting that come behind one
        for a model that is being loaded. Nor by a trial, before it was loaded again: that would end the load.
        """
        circuit, warming = self._circuits[models.primary], self._warming
        if warming is not None and models.has_fallback and warming.loading == models.primary:
            return False
        if warming is not None and circuit.open and warming.cold(models.primary):
            return False
        return circuit.admits()

    def _rolled_out(self, question_id: str, left_s: float) -> Choice | None:
        rollout = self._routing.rollout
        if rollout is None or not rollout.takes(question_id):
            return None
        if left_s < self._pace.usual_s(rollout.model) or not self._circuits[rollout.model].admits():
            return None
        return Choice("primary", rollout.model, "rollout")

    def _models(self, asked: Choice | None = None) -> Models:
        """The models to route between, and how fast they are at present.

        Where the fallback itself is rolled out, and was `asked` first, the primary is behind it.
        """
        primary, fallback = self._routing.primary, self._routing.fallback
        if asked is not None and asked.route == "primary" and asked.model == fallback:
            primary, fallback = fallback, primary
        return Models(primary, fallback, self._pace.usual_s(primary), self._pace.usual_s(fallback))
