"""An async client for Ollama's API.

    async with OllamaClient(OllamaConfig(url)) as ollama:
        async for chunk in ollama.chat(request):
            ...

Every method may raise what `streams.ollama.errors` lists.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from streams.errors import StreamsError, TooMuch
from streams.ollama.connection import NOT_TAKEN, NOT_TOO_SLOW, Connection, OllamaConfig
from streams.ollama.errors import URL_SETTING, BrokenStream, Timeout, TooLarge
from streams.ollama.wire import (
    ChatBody,
    ChatReply,
    EmbedBody,
    EmbedReply,
    GenerateBody,
    Message,
    ModelEntry,
    ModelInfo,
    NameBody,
    Options,
    PullProgress,
    Reply,
    RunningModel,
    RunningReply,
    TagsReply,
    VersionReply,
)
from streams.ports import ChatChunk, ChatRequest, Observer, unobserved

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["OllamaClient", "OllamaConfig"]

R = TypeVar("R", bound=Reply)

END_S = 0.02
"""How long a reply that is whole is waited for to end."""


class OllamaClient:
    """One Ollama. An async context manager; implements the `Generator` port."""

    def __init__(self, config: OllamaConfig, observe: Observer = unobserved) -> None:
        self._config = config
        self._connection = Connection(config, observe)

    @property
    def host(self) -> str:
        """`host:port`, for messages."""
        return self._connection.host

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes every connection."""
        await self._connection.__aexit__(kind, error, trace)

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        """The reply piece by piece, with a `done` chunk at its end. Closing it early stops the model."""
        body = self._chat_body(request, stream=True)
        async with aclosing(self._connection.lines("/api/chat", body, model=request.model)) as lines:
            async for line in lines:
                chunk = _chunk(self._read(ChatReply, line))
                if chunk.done:
                    await _ended(lines)
                yield chunk
                if chunk.done:
                    return
        raise BrokenStream(f"the answer of {request.model!r} at {self.host} stopped before its end")

    async def chat_once(self, request: ChatRequest) -> ChatChunk:
        """The whole reply as one `done` chunk."""
        body = self._chat_body(request, stream=False)
        said = await self._connection.reply("POST", "/api/chat", body, model=request.model, again=NOT_TAKEN)
        return _chunk(self._read(ChatReply, said))

    async def embed(
        self, model: str, texts: Sequence[str], *, truncate: bool = False, num_ctx: int | None = None
    ) -> list[list[float]]:
        """One vector a text, in order; all of them or none. `num_ctx`: see `warm_up`.

        Raises `TooMuch` where several took too long, or were too large: not tried again as many at once.
        """
        if not texts:
            return []
        body = EmbedBody(
            model=model,
            input=tuple(texts),
            truncate=truncate,
            options=Options(num_ctx=num_ctx) if num_ctx else None,
            keep_alive=self._config.keep_alive,
        )
        try:
            said = await self._connection.reply("POST", "/api/embed", body, model=model, again=NOT_TOO_SLOW)
        except (Timeout, TooLarge) as error:
            if len(texts) == 1:
                raise
            raise TooMuch(f"{len(texts)} texts at once were too many: {error}", code=error.code) from error
        reply = self._read(EmbedReply, said)
        if len(reply.embeddings) != len(texts):
            raise BrokenStream(f"{model!r} gave {len(reply.embeddings)} vectors for {len(texts)} texts")
        return reply.embeddings

    async def list(self) -> tuple[ModelEntry, ...]:
        """The models that are there."""
        return self._read(TagsReply, await self._connection.reply("GET", "/api/tags")).models

    async def running(self) -> tuple[RunningModel, ...]:
        """The models that are loaded."""
        return self._read(RunningReply, await self._connection.reply("GET", "/api/ps")).models

    async def show(self, model: str) -> ModelInfo:
        """What is known about a model: its window, what it can do."""
        return self._read(
            ModelInfo, await self._connection.reply("POST", "/api/show", NameBody(model=model), model=model)
        )

    async def pull(self, model: str) -> AsyncGenerator[PullProgress, None]:
        """Has the server download a model; how far it is, until it is there."""
        lines = self._connection.lines(
            "/api/pull", NameBody(model=model), model=model, read_s=self._config.load_timeout_s
        )
        async with aclosing(lines):
            async for line in lines:
                progress = self._read(PullProgress, line)
                yield progress
                if progress.status == "success":
                    return
        raise BrokenStream(f"the pull of {model!r} stopped early: pull again, it goes on where it was")

    async def warm_up(self, model: str, num_ctx: int | None = None) -> None:
        """Loads a model. `num_ctx` must be what is used later: another one loads the model again."""
        body = GenerateBody(model=model, options=Options(num_ctx=num_ctx), keep_alive=self._config.keep_alive)
        await self._connection.reply(
            "POST", "/api/generate", body, model=model, read_s=self._config.load_timeout_s, again=NOT_TAKEN
        )

    async def version(self) -> str:
        """The server's version."""
        return self._read(VersionReply, await self._connection.reply("GET", "/api/version")).version

    async def health(self) -> bool:
        """Whether an Ollama answers at once; asks once, never raises a StreamsError."""
        try:
            said = await self._connection.reply(
                "GET", "/api/version", read_s=self._config.connect_timeout_s, again=()
            )
            self._read(VersionReply, said)
        except StreamsError:
            return False
        return True

    def _chat_body(self, request: ChatRequest, *, stream: bool) -> ChatBody:
        return ChatBody(
            model=request.model,
            messages=tuple(Message(role=m.role, content=m.content) for m in request.messages),
            stream=stream,
            keep_alive=self._config.keep_alive,
            options=Options(
                num_ctx=request.num_ctx,
                num_predict=request.max_tokens,
                temperature=request.temperature,
                stop=request.stop or None,
                seed=request.seed,
            ),
        )

    def _read(self, reply: type[R], said: bytes) -> R:
        try:
            return reply.model_validate_json(said)
        except ValidationError:
            raise BrokenStream(
                f"what answers at {self.host} does not answer as Ollama does: see {URL_SETTING}"
            ) from None


async def _ended(lines: AsyncGenerator[bytes, None]) -> None:
    """Reads past the last line to the reply's end, so that its connection can serve the next request."""
    with suppress(TimeoutError, StreamsError):
        async with asyncio.timeout(END_S):
            await anext(lines, None)


def _chunk(reply: ChatReply) -> ChatChunk:
    return ChatChunk(
        text=reply.message.content,
        done=reply.done,
        done_reason=reply.done_reason,
        prompt_tokens=reply.prompt_eval_count,
        completion_tokens=reply.eval_count,
        thinking=bool(reply.message.thinking),
    )
