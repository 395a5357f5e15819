"""A sign that a text speaks to the model: a pattern over text as `read` gives it, and its weight."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["override", "role", "reveal", "dictate", "steer", "markers", "exfiltrate", "hidden", "encoded"]
"""What is found in a text; a metric's label."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A pattern, and how suspicious text is that holds it, 0 to 1.

    `documents_only`: who asks a question may well say it; nobody says it to the reader of a document.
    `questions_only`: a document may well hold it; nobody says it who asks.
    `to_model`: nobody but a model is spoken to like this; all others are said to people, too.
    `needs`: the pattern is nowhere in a text that holds none of these; it is slower to find than they.
    """

    kind: Kind
    weight: float
    pattern: re.Pattern[str]
    documents_only: bool = False
    questions_only: bool = False
    to_model: bool = False
    needs: tuple[str, ...] = ("",)

    def is_for(self, *, document: bool) -> bool:
        """Whether it says something about a document, or about a question."""
        return not (self.questions_only if document else self.documents_only)


def signals(
    kind: Kind,
    *rows: tuple[float, str, str],
    documents_only: bool = False,
    questions_only: bool = False,
    to_model: bool = False,
) -> Iterable[Signal]:
    """One signal a row: its weight, what it needs, divided by commas, and its pattern."""
    for weight, needs, pattern in rows:
        compiled = re.compile(pattern, re.MULTILINE)
        words = tuple(needs.split(","))
        yield Signal(kind, weight, compiled, documents_only, questions_only, to_model, words)


FEW = r"(?:\w+\W+){0,4}?"
"""Before a word of a phrase: a few others."""
START = r"(?:^|[.!?:;\n>\"“«*)\]}-]\s?|\b(?:please|now|then|also|and|must|should|will|to|always|simply)\s)"
"""Where an order may begin."""
TOLD = (
    r"(?:instructions?|prompts?|rules|directions|directives|guidelines|guidance|commands?|programming|"
    r"polic(?:y|ies)|training|orders|system messages?)\b"
)
"""What a model was told."""
QUOTE = r"[\"“„«'‘<]"  # noqa: RUF001 - quotation marks of several languages
"""What opens words that are to be said; `quoted` puts it before words in capitals, too."""
MACHINE = (
    r"(?:a\.?i\.?|chat-?bots?|chatgpt|gpt(?:-?\d)?|(?:large )?language models?|llms?|bots?|"
    r"virtual assistants?|ai (?:system|model|assistant)s?)"
)
