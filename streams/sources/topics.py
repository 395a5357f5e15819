"""Where changes and questions come from: one frozen value for each topic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Encoding = Literal["json", "avro"]
OnTruncate = Literal["reject", "delete"]


@dataclass(frozen=True, slots=True)
class Source:
    """A topic of changes, and how its records become documents.

    `tenant` is a constant or, in the formats that map rows, a template; so are `id`, `title`, `text`,
    `readers`, `url`, `media_type` and `language`, which the native format has no use for. `key` and
    `metadata` name columns. `unavailable_value` is what Debezium writes for a value that it does not know
    (its own `unavailable.value.placeholder`), `fields_prefix` what the names of fields begin with that
    are added to flattened rows (its `add.fields.prefix`). `table` (`DATABASE.TABLE`, `*` for any letters)
    says which of the tables on a topic are documents, `delete_types` which types of
    CloudEvents say that a row is gone.
    """

    topic: str
    format: str = "native"
    encoding: Encoding = "json"
    schema_registry: str | None = None
    key: tuple[str, ...] = ()
    id: str | None = None
    title: str | None = None
    text: str | None = None
    tenant: str | None = None
    readers: str | None = None
    readers_when_empty: Literal["everyone"] | None = None
    url: str | None = None
    media_type: str | None = None
    language: str | None = None
    metadata: tuple[str, ...] = ()
    on_truncate: OnTruncate = "reject"
    unavailable_value: str = "__debezium_unavailable_value"
    fields_prefix: str = "__"
    table: str | None = None
    delete_types: tuple[str, ...] = ("*.deleted", "*.deleted.v*", "*Deleted", "*Deleted.v*")


@dataclass(frozen=True, slots=True)
class QuestionTopic:
    """A topic of questions; where `tenant` is set, every question on it is that tenant's."""

    topic: str
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Topics:
    """All the topics that are read."""

    sources: tuple[Source, ...]
    questions: tuple[QuestionTopic, ...]
