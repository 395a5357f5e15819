"""The models: texts to vectors, chats to replies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from streams.messages.held import Vector


class Embedder(Protocol):
    """Texts to vectors. Applies the prefixes that its model wants; never truncates."""

    @property
    def model(self) -> str:
        """The model's name."""
        ...

    @property
    def dimension(self) -> int:
        """Numbers in each vector; a vector of any other length is `Misconfigured`."""
        ...

    @property
    def window(self) -> int:
        """Tokens that one text may have; what the model's prefix takes is taken off already."""
        ...

    async def embed_documents(self, texts: Sequence[str]) -> Sequence[Vector]:
        """One unit vector a text, in order. Raises `PromptTooLong` where one exceeds the window."""
        ...

    async def embed_query(self, text: str) -> Vector:
        """The unit vector of a question."""
        ...


Reads = Callable[[str, str], Awaitable[bool]]
"""Whether an embedder finds what is written in the second language by questions in the first.

Languages are BCP 47 tags without a region. Never raises, and takes a bounded time.
"""


async def reads_all(_asked: str, _written: str) -> bool:
    """Of an embedder that reads every language."""
    return True


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What to generate. `num_ctx` and `max_tokens` are in tokens; `stop` ends the answer."""

    model: str
    messages: tuple[ChatMessage, ...]
    temperature: float = 0.0
    num_ctx: int = 8192
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class ChatChunk:
    """A piece of the reply; the last one is `done`, with what the model counted.

    `thinking`: the model is at work on what is no part of its reply.
    """

    text: str
    done: bool = False
    done_reason: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    thinking: bool = False


class Generator(Protocol):
    """A chat model, streamed. Closing the iterator early stops the model's work."""

    def chat(self, request: ChatRequest) -> AsyncIterator[ChatChunk]:
        """The reply, piece by piece; ends with a `done` chunk or raises."""
        ...
