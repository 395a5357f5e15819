"""Generate: one model's reply, streamed, with a bound on every wait, in pieces fit for a topic."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from streams.answering.generating.thoughts import ThoughtAloud, Thoughts
from streams.errors import StreamsError
from streams.ports import ChatChunk, ChatRequest, Generator, Monotonic

_CLOSING_S = 0.1
"""How long to wait for an adapter that is told to stop: a deadline may depend on it."""

CHARACTERS_A_TOKEN = 16
"""Of a reply, for each token that it may have: four or five are usual, and more are rows of one mark."""

TOO_LONG = "prompt_too_long"
"""The code of a prompt that the server did not take, as `PromptTooLong` has it."""

WORDLESS = "wordless"
"""The code of a reply that its model ended without a word."""
ALOUD = "thought_aloud"
"""The code of a reply whose beginning turned out to be its model's thoughts."""
OF_THE_QUESTION = frozenset({TOO_LONG, WORDLESS, ALOUD, "bad_request"})
"""Codes that say something of the question, and nothing of the model: the next question may do."""

StopReason = Literal["timeout", "deadline", "error", "ungrounded", "guarded"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on a reply, in seconds, and `until`, the monotonic time at which it must be whole.

    No first token after `first_token_s` is a `timeout`, the model's fault; after `hurry_s` it is the
    `deadline`.
    A model that thinks is at work: it has `token_s` for each sign of that, but no more than `hurry_s` to its
    first token, which a thought is not.
    Text is passed on at once until some of it is `out`, which may hold back a beginning; from then on
    `coalesce_s` after what was passed on before.
    """

    first_token_s: float
    hurry_s: float
    token_s: float
    coalesce_s: float
    until: float
    out: Callable[[], bool] = lambda: True


class Unfinished(Exception):
    """A reply that did not come to its end, or can't be used; `code` is that of what was raised, if any."""

    def __init__(self, reason: StopReason, message: str, code: str = "") -> None:
        super().__init__(message)
        self.reason: StopReason = reason
        self.code = code


async def generate(
    generator: Generator, request: ChatRequest, limits: Limits, monotonic: Monotonic
) -> AsyncGenerator[ChatChunk, None]:
    """The reply in pieces without what the model thinks, a `done` one last. Raises `Unfinished`.

    What a token may hold is the model's affair, what reading takes is ours: a reply of more than
    `CHARACTERS_A_TOKEN` for each that it may have ends there, as one that has written all of them.
    Whatever ends the iteration (the end, a failure, closing or cancelling it) ends the model's work.
    """
    incoming: asyncio.Queue[ChatChunk | Unfinished] = asyncio.Queue()
    reader = asyncio.create_task(_read(generator, request, incoming))
    try:
        async for chunk in _coalesced(incoming, limits, monotonic):
            yield chunk
    finally:
        reader.cancel()
        await asyncio.wait({reader}, timeout=_CLOSING_S)


async def _read(
    generator: Generator, request: ChatRequest, into: asyncio.Queue[ChatChunk | Unfinished]
) -> None:
    """Puts all chunks up to the `done` one into the queue, or how they ended instead."""
    thoughts, room = Thoughts(), CHARACTERS_A_TOKEN * request.max_tokens
    try:
        chunks = generator.chat(request)
        try:
            async for chunk in chunks:
                told = _within(room, _without(thoughts, chunk))
                room -= len(told.text)
                into.put_nowait(told)
                if told.done:
                    return
        finally:
            if close := getattr(chunks, "aclose", None):
                await close()
        into.put_nowait(Unfinished("error", "the model server ended the reply before it was done"))
    except ThoughtAloud:
        into.put_nowait(Unfinished("error", "what the model wrote were its thoughts", ALOUD))
    except StreamsError as failure:
        into.put_nowait(Unfinished("error", f"{type(failure).__name__}: {failure.code}", failure.code))
    except Exception as failure:  # noqa: BLE001 - an adapter's slip must not cost the answer: the next route has it
        into.put_nowait(Unfinished("error", type(failure).__name__))


def _without(thoughts: Thoughts, chunk: ChatChunk) -> ChatChunk:
    """The chunk without what is a thought in it. Raises `ThoughtAloud`."""
    text = thoughts.feed(chunk.text)
    if chunk.done:
        text += thoughts.flush()
    return replace(chunk, text=text, thinking=not text and bool(chunk.text or chunk.thinking))


def _within(room: int, chunk: ChatChunk) -> ChatChunk:
    """The chunk, the last one where its text has more characters than there is room for."""
    if len(chunk.text) <= room:
        return chunk
    return replace(chunk, text=chunk.text[:room], done=True, done_reason="length")


async def _coalesced(
    incoming: asyncio.Queue[ChatChunk | Unfinished], limits: Limits, monotonic: Monotonic
) -> AsyncGenerator[ChatChunk, None]:
    stalled_at = monotonic() + limits.first_token_s
    until = min(limits.until, monotonic() + limits.hurry_s)
    held, flush_at = "", 0.0
    while True:
        wake_at = min(stalled_at, until, flush_at if held else until)
        chunk = await _next(incoming, wake_at, monotonic)
        if chunk is None:
            if held and monotonic() >= flush_at:
                yield ChatChunk(held)
                held, flush_at = "", monotonic() + limits.coalesce_s if limits.out() else 0.0
            else:
                _check(stalled_at, until, monotonic())
        elif isinstance(chunk, Unfinished):
            raise chunk
        elif chunk.done:
            yield replace(chunk, text=held + chunk.text)
            return
        elif chunk.text:
            stalled_at, until = monotonic() + limits.token_s, limits.until
            held += chunk.text
        elif chunk.thinking:
            stalled_at = monotonic() + limits.token_s


def _check(stalled_at: float, until: float, now: float) -> None:
    if now >= stalled_at:
        raise Unfinished("timeout", "the model did not go on in time")
    if now >= until:
        raise Unfinished("deadline", "the deadline came before the reply's end")


async def _next(
    incoming: asyncio.Queue[ChatChunk | Unfinished], until: float, monotonic: Monotonic
) -> ChatChunk | Unfinished | None:
    """What is there or comes by `until`; None where nothing does."""
    with suppress(asyncio.QueueEmpty):
        return incoming.get_nowait()
    with suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, until - monotonic())):
            return await incoming.get()
    return None
