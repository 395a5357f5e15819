"""One question on its way."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.answering.generating.prompt import Prompt
from streams.answering.retrieval.lookup import Looked
from streams.answering.transcript import Transcript
from streams.answering.untaken import Event, Untaken
from streams.answering.waiting.deadline import Deadline
from streams.messages.questions import Asked


@dataclass(frozen=True, slots=True)
class Job:
    """What is known of a question, what was built from that, and what replies were `stopped` for.

    `languages` are those of the question and of what was found. `shortened`: the prompt was too long, and is
    another one now.
    """

    asked: Asked
    looked: Looked
    languages: frozenset[str]
    prompt: Prompt
    deadline: Deadline
    transcript: Transcript
    untaken: Untaken
    stopped: list[str] = field(default_factory=list)
    shortened: bool = False

    def tell(self, event: Event) -> None:
        """The next event of the question."""
        self.untaken.put(event)

    def say(self, text: str) -> None:
        """The next piece of the answer."""
        self.tell(self.transcript.delta(text, after=self.untaken.take_back()))
