"""What the core needs from outside: small protocols, and the values that cross them.

Every method may raise `Retryable` (the dependency is down or slow) or `Rejected` (it will never take
this); nothing else. Adapters live in `stores`, `ollama` and `kafka`; `tests/contract` says what each
must do.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from streams.ports.generations import Generation, Generations, Serve, Serving
from streams.ports.index import (
    Catalogue,
    Documents,
    Hit,
    Maintenance,
    Names,
    Notes,
    PassageRef,
    Search,
    SearchQuery,
)
from streams.ports.models import ChatChunk, ChatMessage, ChatRequest, Embedder, Generator, Reads, reads_all
from streams.ports.observing import UNWATCHED, Observed, Observer, Unwatched, Watch, unobserved
from streams.ports.records import RegisteredSchema, SchemaRegistry, Watermarks

Now = Callable[[], datetime]
"""The wall clock, in UTC."""

Monotonic = Callable[[], float]
"""A clock that never goes back, in seconds."""

__all__ = [
    "UNWATCHED",
    "Catalogue",
    "ChatChunk",
    "ChatMessage",
    "ChatRequest",
    "Documents",
    "Embedder",
    "Generation",
    "Generations",
    "Generator",
    "Hit",
    "Maintenance",
    "Monotonic",
    "Names",
    "Notes",
    "Now",
    "Observed",
    "Observer",
    "PassageRef",
    "Reads",
    "RegisteredSchema",
    "SchemaRegistry",
    "Search",
    "SearchQuery",
    "Serve",
    "Serving",
    "Unwatched",
    "Watch",
    "Watermarks",
    "reads_all",
    "unobserved",
]
