"""The vector of a question, however long the question is, if there is one in time."""

from __future__ import annotations

from math import sqrt

from streams.answering.generating.circuit import Circuit
from streams.answering.waiting.patience import Patience
from streams.errors import PromptTooLong, Retryable
from streams.messages.held import Vector
from streams.ports import Embedder, Monotonic, Observed, Observer

SHARE = 0.4
"""Of what is left of the deadline, what embedding may take: the models must still have time to answer."""
LONGEST_S = 10.0
"""What it may take at most: as long as a server may need to load the embedder."""
FAILURES, OPEN_S = 3, 5.0
"""After so many questions in vain the embedder is asked for one in so many seconds, until it answers."""

_SHORTEST = 16


class Embedding:
    """Embeds questions. One for a process."""

    def __init__(self, patience: Patience, *, monotonic: Monotonic, observe: Observer) -> None:
        self._patience, self._monotonic, self._observe = patience, monotonic, observe
        self._circuit = Circuit(failures=FAILURES, open_s=OPEN_S, monotonic=monotonic)

    async def vector(self, embedder: Embedder, text: str, left_s: float) -> Vector | None:
        """As `question_vector`; None where the embedder fails or is late, `left_s` seconds being left."""
        found = await self._tried(embedder, text, left_s) if self._circuit.admits() else None
        if found is None:
            self._observe(Observed("answer_by_words"))
        return found

    async def _tried(self, embedder: Embedder, text: str, left_s: float) -> Vector | None:
        try:
            until = self._monotonic() + min(SHARE * left_s, LONGEST_S)
            vector = await self._patience("embed", lambda: question_vector(embedder, text), until)
        except Retryable as failure:
            if failure.code == "unavailable":
                # Not where the question alone left it too little time.
                self._circuit.failed()
            return None
        self._circuit.succeeded()
        return vector


async def question_vector(embedder: Embedder, text: str) -> Vector:
    """The unit vector of `text`; where that exceeds the model's window, of its parts together.

    A text that does not fit is halved between words until its parts do; their vectors are averaged, each as
    much as its part is long. Raises what `embedder` raises, `PromptTooLong` only for what can't be halved.
    """
    try:
        return await embedder.embed_query(text)
    except PromptTooLong:
        if len(text) < _SHORTEST:
            raise
    middle = _gap(text)
    parts = [part for part in (text[:middle], text[middle:]) if part.strip()]
    vectors = [await question_vector(embedder, part) for part in parts]
    mean = [
        sum(len(part) * value for part, value in zip(parts, values, strict=True))
        for values in zip(*vectors, strict=True)
    ]
    length = sqrt(sum(value * value for value in mean)) or 1.0
    return [value / length for value in mean]


def _gap(text: str) -> int:
    """The white space nearest before the middle of `text`, the middle where there is none."""
    middle = len(text) // 2
    space = text.rfind(" ", 1, middle)
    return space if space > 0 else middle
