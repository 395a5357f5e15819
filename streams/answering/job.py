"""One question on its way."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.answering.generating.prompt import Prompt
from streams.answering.retrieval.lookup import Looked
from streams.answering.transcript import Transcript
from streams.answering.waiting.deadline import Deadline
from streams.messages.questions import Asked


@dataclass(frozen=True, slots=True)
class Job:
    """What is known of a question, what was built from that, and what replies were `stopped` for."""

    asked: Asked
    looked: Looked
    prompt: Prompt
    deadline: Deadline
    transcript: Transcript
    stopped: list[str] = field(default_factory=list)
