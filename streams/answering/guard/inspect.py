"""What others wrote, inspected before a model sees it: what is found, and what follows from it."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from streams.answering.found import Found
from streams.answering.guard.assess import NOTHING, Assessment, assess
from streams.answering.guard.links import Known
from streams.answering.guard.output import OutputFilter, Unfiltered
from streams.messages.answers import Guarded
from streams.messages.questions import Asked
from streams.ports import Observed, Observer, unobserved

Policy = Literal["flag", "drop", "refuse", "off"]
"""What follows where a passage or a question reads like instructions to the model.

`flag`: it is marked as such, for the model and in the terminal event. `drop`: a passage that certainly does
is left out, one that may is marked; a question is flagged. `refuse`: no answer where one certainly does.
`off`: nothing is inspected.
"""

REMEMBERED = 8_192
"""Passages whose assessment is kept; a passage never changes."""


def new_canary() -> str:
    """A word that nobody can know or guess."""
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class Inspected:
    """`passages` are those that go on, best first, each with its suspicion; `report`: None for nothing found.

    `refusal`: why there must be no answer, for whoever asked; empty where there may be one.
    """

    passages: tuple[Found, ...]
    report: Guarded | None = None
    refusal: str = ""


class Guard:
    """Inspects questions and what was found for them. One for a process."""

    def __init__(
        self, policy: Policy, observe: Observer = unobserved, canary: Callable[[], str] = new_canary
    ) -> None:
        self._policy, self._observe, self._canary = policy, observe, canary
        self._known: OrderedDict[UUID, Assessment] = OrderedDict()

    def canary(self) -> str:
        """A new canary for a prompt; empty where nothing is inspected."""
        return "" if self._policy == "off" else self._canary()

    def lets_through(self, one: Found) -> bool:
        """Whether this passage would go on: where not, another one may take its place."""
        return self._policy != "drop" or not self._weighed(one).certain

    def inspect(self, asked: Asked, found: Sequence[Found]) -> Inspected:
        """What of `found` goes on, and what there is to say about it and the question."""
        own = tuple(one for one in found if one.hit.tenant == one.head.tenant == asked.tenant)
        if len(own) < len(found):
            self._hit("passage", ("tenant",), len(found) - len(own))
        if self._policy == "off":
            return Inspected(own)
        question = assess(_said(asked), document=False)
        weighed = [replace(one, suspicion=self._weighed(one).score) for one in own]
        suspects = [one for one in weighed if self._weighed(one).suspicious]
        if not (suspects or question.suspicious):
            return Inspected(own)
        return self._decided(question, [_cleared(one, suspects) for one in weighed], suspects)

    def output(self, asked: Asked, passages: Sequence[Found], canary: str) -> OutputFilter | Unfiltered:
        """The way out for a reply that was made from these passages with this canary in its prompt.

        Addresses may come from the question and its history: whoever asks has them already; and from
        passages that are no suspects.
        """
        if self._policy == "off":
            return Unfiltered()
        trusted = _texts(one for one in passages if not one.suspicion)
        suspect = _texts(one for one in passages if one.suspicion)
        return OutputFilter(Known([*trusted, _said(asked)]), canary, Known(suspect))

    def report(self, found: Guarded | None, stopped: Sequence[str]) -> Guarded | None:
        """What the terminal event says: what was `found` before, and what replies were `stopped` for."""
        self._hit("answer", stopped)
        if not stopped or self._policy == "off":
            return found
        found = found or Guarded(policy=self._policy, score=0.0)
        return found.model_copy(update={"stopped": list(stopped)})

    def _weighed(self, one: Found) -> Assessment:
        """The passage's assessment, from memory where it is there."""
        known = self._known.pop(one.hit.id, None)
        if known is None:
            known = assess(f"{one.hit.title}\n{one.hit.text}", document=True)
        self._known[one.hit.id] = known
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return known

    def _decided(
        self, question: Assessment, weighed: Sequence[Found], suspects: Sequence[Found]
    ) -> Inspected:
        found = [self._weighed(one) for one in suspects]
        asked = question if question.suspicious else NOTHING
        self._hit("question", asked.kinds)
        for assessment in found:
            self._hit("passage", assessment.kinds)
        kept = tuple(one for one in weighed if self.lets_through(one))
        report = Guarded(
            policy="flag" if self._policy == "off" else self._policy,
            score=max(assessment.score for assessment in (asked, *found)),
            question_score=question.score,
            kinds=sorted({kind for assessment in (asked, *found) for kind in assessment.kinds}),
            passages_flagged=[n for n, one in enumerate(kept, 1) if one.suspicion],
            passages_dropped=len(weighed) - len(kept),
            documents=_documents(suspects),
        )
        certain = [one for one in suspects if self._weighed(one).certain]
        refused = self._policy == "refuse" and (certain or question.certain)
        return Inspected(kept, report, _refusal(certain) if refused else "")

    def _hit(self, where: str, kinds: Sequence[str], count: int = 1) -> None:
        for kind in kinds:
            self._observe(Observed("guard_hits", float(count), {"where": where, "kind": kind}))


def _texts(found: Iterable[Found]) -> list[str]:
    return [text for one in found for text in (one.hit.title, one.hit.text, one.head.url or "")]


def _said(asked: Asked) -> str:
    """All that comes with the question: its text, and the conversation before it."""
    return "\n".join([*(turn.content for turn in asked.question.history), asked.question.text])


def _cleared(one: Found, suspects: Sequence[Found]) -> Found:
    return one if one in suspects else replace(one, suspicion=0.0)


def _documents(suspects: Sequence[Found]) -> list[str]:
    return list(dict.fromkeys(one.head.document_id or "" for one in suspects))


def _refusal(suspects: Sequence[Found]) -> str:
    if suspects:
        return (
            "A document that was found for this question reads like instructions to the model; whoever keeps "
            f"the documents should look at: {', '.join(_documents(suspects))}"
        )
    return (
        "The question reads like an attempt to change the model's instructions; ask in other words for what "
        "you want to know."
    )
