"""What the core needs from outside: small protocols, and the values that cross them.

Every method may raise `Retryable` (the dependency is down or slow) or `Rejected` (it will never take
this); nothing else. Adapters live in `stores`, `ollama` and `kafka`; `tests/contract` says what each
must do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from streams.messages.held import Head, Passage, Vector
from streams.messages.position import Position
from streams.messages.records import Offset

Now = Callable[[], datetime]
"""The wall clock, in UTC."""

Monotonic = Callable[[], float]
"""A clock that never goes back, in seconds."""


class Documents(Protocol):
    """Heads and passages, read and written. All writes are idempotent: ids are made of content."""

    async def current_heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Head]:
        """Of each document that has one the head with the highest position, which the document is."""
        ...

    async def heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Sequence[Head]]:
        """As `Maintenance.heads`."""
        ...

    async def passages(self, tenant: str, ids: Sequence[UUID]) -> Sequence[Passage]:
        """The passages that exist among `ids`, with their vectors, in no order; unknown tenant: none."""
        ...

    async def write_passages(self, passages: Sequence[Passage]) -> None:
        """Writes all of them, of any tenants, creating tenants as needed; searchable on return."""
        ...

    async def write_heads(self, heads: Sequence[Head]) -> None:
        """Writes heads, at the strongest consistency that there is; visible to all reads on return."""
        ...


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A hybrid query in one tenant.

    A passage qualifies where `readers` of it holds `*` or one of `principals`, its metadata holds every
    one of `filters` (`name=value`), and its id is not in `exclude`. `alpha` weighs the vector arm
    against the word arm, 0 (words only) to 1 (vectors only).
    """

    tenant: str
    text: str
    vector: Vector
    principals: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    limit: int = 20
    exclude: frozenset[UUID] = frozenset()
    alpha: float = 0.5


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that a search found, current or not.

    `score` is the fused rank score, only comparable within one result; `similarity` is the cosine of
    passage and query vector, -1 to 1, whichever arm found it.
    """

    id: UUID
    document_key: UUID
    tenant: str
    text: str
    title: str
    score: float
    similarity: float


class Search(Protocol):
    """Finding passages, and the heads that say which of them count."""

    async def hybrid(self, query: SearchQuery) -> Sequence[Hit]:
        """The best passages, best first; a tenant that does not exist has none."""
        ...

    async def current_heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Head]:
        """As `Documents.current_heads`."""
        ...

    async def word_counts(self, tenant: str, words: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        """How many passages the tenant holds, superseded ones included, and how many hold each word.

        Words are matched as the word arm of `hybrid` matches them.
        """
        ...


@dataclass(frozen=True, slots=True)
class PassageRef:
    """What the vacuum needs to know of a passage."""

    id: UUID
    document_key: UUID
    tenant: str
    born: Position


class Maintenance(Protocol):
    """What the vacuum needs: finding what may be superseded, and deleting it."""

    def unsettled(self, written_before: datetime) -> AsyncIterator[UUID]:
        """Keys of documents that may have something to vacuum.

        At least all documents with a superseded head, or whose current head is a deletion, and that
        was written before then; more is harmless, repeats too.
        """
        ...

    async def heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Sequence[Head]]:
        """All heads of each document, in no order; a document that has none is absent or empty."""
        ...

    async def passages_of(self, document_keys: Sequence[UUID], tenant: str) -> Sequence[PassageRef]:
        """Every passage of these documents in that tenant, listed or not, in no order."""
        ...

    def passages_written_before(self, written: datetime) -> AsyncIterator[PassageRef]:
        """Every passage of every tenant written before then (for those that no head ever listed)."""
        ...

    async def delete_passages(self, tenant: str, ids: Sequence[UUID]) -> None:
        """Deletes by id; what is gone already is no error."""
        ...

    async def delete_heads(self, positions: Mapping[UUID, Collection[Position]]) -> None:
        """Deletes those of each document, at the strongest consistency that there is."""
        ...


class Catalogue(Protocol):
    """What there is: every document of the index, one after the other, and whether its passages are there."""

    def document_keys(self, source: str | None = None, after: UUID | None = None) -> AsyncIterator[UUID]:
        """The keys of all documents that have a head, deletions too: ascending, each once, in bounded memory.

        The floor of a source is among them (see `streams.messages.floors`). Only those of `source`, where
        that is given; only those above `after`, to go on where an earlier iteration was left. A document
        that is written or deleted meanwhile may be named or not.
        """
        ...

    async def present(self, tenant: str, ids: Sequence[UUID]) -> Collection[UUID]:
        """Which of these passages exist; of a tenant that does not exist, none."""
        ...

    async def heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Sequence[Head]]:
        """As `Maintenance.heads`."""
        ...


class Names(Protocol):
    """Documents by the tenant and id that people know them by; their keys are made of source and record."""

    async def named(self, tenant: str, document_ids: Sequence[str]) -> Collection[UUID]:
        """The keys of all documents that have a head of this tenant with one of these ids, current or not.

        Several sources may each hold a document of one id. Raises `Rejected` (`index_too_old`) where the
        index was made before it could tell.
        """
        ...


@dataclass(frozen=True, slots=True)
class Generation:
    """What an index is made with: the embedding model, its dimension, and how documents are cut.

    `name` is that of its own collections or files; no two generations of an index ever share one.
    """

    embed_model: str
    dimension: int
    chunking: str
    name: str = "g1"

    def made_as(self, other: Generation) -> bool:
        """Whether the two differ in name alone."""
        return replace(other, name=self.name) == self


@dataclass(frozen=True, slots=True)
class Generations:
    """The one small record that says which generations of an index there are, and which one counts.

    Questions are answered from `live`. `building` is filled beside it; `previous` was live before. Changes
    go to the live one and the one that is built. `made` counts all there ever were. `switched`: when the
    live one became it (UTC), None for the first. `returning`: what is built was live before, in a rollback.
    """

    live: Generation
    building: Generation | None = None
    previous: Generation | None = None
    made: int = 1
    switched: datetime | None = None
    returning: bool = False


class Notes(Protocol):
    """What is remembered of an index beside its documents: a few short texts by name."""

    async def note(self, name: str) -> str | None:
        """The text under this name; None where there is none."""
        ...

    async def set_note(self, name: str, text: str) -> None:
        """Writes the text, in place of the one that was there."""
        ...


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
class Serving:
    """What a question is answered from: one generation, the embedder that made its vectors, what it reads."""

    search: Search
    embedder: Embedder
    reads: Reads = reads_all


Serve = Callable[[], Awaitable[Serving]]
"""Gives the generation that counts now, the same `Search` for as long as it does. Raises `Retryable`."""


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


@dataclass(frozen=True, slots=True)
class RegisteredSchema:
    """A schema as its registry holds it: `kind` is `AVRO`, `JSON` or `PROTOBUF`, `text` is as written.

    `references` are the texts of those that it names, each after those that it names itself.
    """

    kind: str
    text: str
    references: tuple[str, ...] = ()


class SchemaRegistry(Protocol):
    """Where the schemas of records are kept, by the numbers that records name them with."""

    async def schema(self, id_: int) -> RegisteredSchema:
        """The schema of that number. Raises `Rejected` (`unknown_schema`) where there is none."""
        ...

    async def probe(self) -> None:
        """Returns where the registry answers; raises `Retryable` or `Misconfigured` as `schema` would."""
        ...


class Watermarks(Protocol):
    """How far the index is."""

    async def applied(self) -> Sequence[Offset]:
        """For each source partition with anything applied, the last offset up to which all is (inclusive)."""
        ...

    async def unreachable(self, after: Sequence[Offset]) -> Sequence[Offset]:
        """Those of `after` that are in no source's partition, so that waiting for them is in vain."""
        ...


@dataclass(frozen=True, slots=True)
class Observed:
    """One thing that happened, for whoever watches: a name, numbers, and a few bounded labels."""

    name: str
    value: float = 1.0
    labels: Mapping[str, str] = field(default_factory=dict)


class Observer(Protocol):
    """Injected by the worker: metrics and logs in production, a list in tests."""

    def __call__(self, event: Observed, /) -> None:
        """Must not raise, must not block."""
        ...


def unobserved(_event: Observed, /) -> None:
    """The observer that looks away."""


class Watch(Protocol):
    """Watches the calls to one server, each made for one caller or for several at once."""

    def asked(self, operation: str, items: int) -> AbstractContextManager[object]:
        """To be entered for as long as somebody waits for a call; gives what the call is to know of who."""
        ...

    def call(
        self, operation: str, items: int, callers: Sequence[object] = ()
    ) -> AbstractContextManager[None]:
        """To be entered for as long as a call takes; sees what it raises. No callers: the present one."""
        ...


class Unwatched:
    """The watch that looks away."""

    def asked(self, operation: str, items: int) -> AbstractContextManager[object]:
        """Nothing."""
        del operation, items
        return nullcontext()

    def call(
        self, operation: str, items: int, callers: Sequence[object] = ()
    ) -> AbstractContextManager[None]:
        """Does nothing."""
        del operation, items, callers
        return nullcontext()


UNWATCHED = Unwatched()
