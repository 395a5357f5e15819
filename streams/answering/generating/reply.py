"""A model's reply: what is asked of it, and its pieces made fit to be sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from streams.answering.found import Found
from streams.answering.generating.generate import TOO_LONG, WORDLESS, Unfinished
from streams.answering.generating.prompt import Prompt
from streams.answering.grounding.ground import attribution
from streams.answering.grounding.marking import Markers
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
            # One that used up its tokens could have gone on: that is no matter of the question.
            code = "" if truncated(chunk) else WORDLESS
            raise Unfinished("error", "the model ended its reply without a word", code)
        text += attribution(whole, passages)
    return replace(chunk, text=text)


def check_read(chunk: ChatChunk, writing: Writing) -> None:
    """Raises `Unfinished` where the model did not have its whole prompt before it to the end of its reply.

    A server that does not know `truncate` and `shift` (Ollama, at least up to 0.11.4) says nothing of that.
    Its runner keeps the end of a prompt that is too long, which then has as many tokens as the window; and
    where the window is full while the reply is written, drops the older half. Gone is what stands first:
    the instructions, and the best passages.
    """
    read, written = chunk.prompt_tokens, chunk.completion_tokens
    # The last token that was written was not read again.
    if read >= writing.num_ctx or read + written > writing.num_ctx + 1:
        raise Unfinished("error", "the model did not see all of its prompt", TOO_LONG)


def truncated(chunk: ChatChunk) -> bool:
    """Whether the model was stopped before it was done, by the tokens that it may write or by its window."""
    return chunk.done_reason == "length"


def usage(chunk: ChatChunk) -> Usage:
    """The tokens that the model counted, where this is the last chunk."""
    return Usage(prompt_tokens=chunk.prompt_tokens, completion_tokens=chunk.completion_tokens)
