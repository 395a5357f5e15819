"""A model's reply: what is asked of it, and its pieces made fit to be sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from streams.answering.found import Found
from streams.answering.generating.generate import Unfinished
from streams.answering.generating.prompt import Prompt
from streams.answering.grounding.ground import attribution
from streams.answering.grounding.markers import Markers
from streams.answering.text.screen import well_formed
from streams.messages.answers import Usage
from streams.ports import ChatChunk, ChatRequest


@dataclass(frozen=True, slots=True)
class Writing:
    """How a model is to write, whichever it is: `num_ctx` and `max_tokens` are its own tokens."""

    temperature: float
    num_ctx: int
    max_tokens: int


def request(writing: Writing, model: str, prompt: Prompt) -> ChatRequest:
    """What to ask the model server for."""
    return ChatRequest(
        model=model,
        messages=prompt.messages,
        temperature=writing.temperature,
        num_ctx=writing.num_ctx,
        max_tokens=writing.max_tokens,
    )


def regular(chunk: ChatChunk, markers: Markers, before: str, passages: Sequence[Found]) -> ChatChunk:
    """The chunk as it may be sent, given the text `before` it; the last one with what the program adds.

    Raises `Unfinished` for an empty reply.
    """
    text = markers.feed(well_formed(chunk.text))
    if chunk.done:
        text += markers.flush()
        whole = before + text
        if not whole.strip():
            raise Unfinished("error", "the model ended its reply without a word")
        text += attribution(whole, passages)
    return replace(chunk, text=text)


def truncated(chunk: ChatChunk) -> bool:
    """Whether the model was stopped before it was done, by the tokens that it may write or by its window."""
    return chunk.done_reason == "length"


def usage(chunk: ChatChunk) -> Usage:
    """The tokens that the model counted, where this is the last chunk."""
    return Usage(prompt_tokens=chunk.prompt_tokens, completion_tokens=chunk.completion_tokens)
