"""What embedding models want before a text, by family, as their model cards say. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Prefixes:
    """What stands before a document's text and before a question."""

    document: str = ""
    query: str = ""


_PASSAGES = "Represent this sentence for searching relevant passages: "
_TASK = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"

# The first family that a model's name begins with counts.
FAMILIES: tuple[tuple[str, Prefixes], ...] = (
    ("nomic-embed-text", Prefixes("search_document: ", "search_query: ")),
    ("mxbai-embed-large", Prefixes(query=_PASSAGES)),
    ("snowflake-arctic-embed2", Prefixes(query="query: ")),
    ("snowflake-arctic-embed-l-v2", Prefixes(query="query: ")),
    ("snowflake-arctic-embed-m-v2", Prefixes(query="query: ")),
    ("snowflake-arctic-embed", Prefixes(query=_PASSAGES)),
    ("bge-m3", Prefixes()),
    ("bge-", Prefixes(query=_PASSAGES)),
    ("e5-mistral", Prefixes(query=f"{_TASK} ")),
    ("multilingual-e5-large-instruct", Prefixes(query=f"{_TASK} ")),
    ("multilingual-e5", Prefixes("passage: ", "query: ")),
    ("e5-", Prefixes("passage: ", "query: ")),
    ("qwen3-embedding", Prefixes(query=_TASK)),
    ("embeddinggemma", Prefixes("title: none | text: ", "task: search result | query: ")),
)


def prefixes_of(model: str) -> Prefixes:
    """The prefixes of a model, by its name without namespace and tag; none for a family not listed."""
    name = model.rsplit("/", 1)[-1].split(":", 1)[0].lower().replace("_", "-")
    return next((prefixes for family, prefixes in FAMILIES if name.startswith(family)), Prefixes())


def with_prefixes(prefix: str, texts: Sequence[str]) -> list[str]:
    """Each text with `prefix` before it."""
    return [prefix + text for text in texts]
