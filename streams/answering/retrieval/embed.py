"""The vector of a question, however long the question is."""

from __future__ import annotations

from math import sqrt

from streams.errors import PromptTooLong
from streams.messages.held import Vector
from streams.ports import Embedder

_SHORTEST = 16


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
