"""Which topic takes a tenant's documents or questions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from streams.errors import Misconfigured
from streams.messages.changes import DEFAULT_TENANT
from streams.sources import QuestionTopic, Source, Topics
from streams.sources.table import SETTING

T = TypeVar("T", Source, QuestionTopic)


def documents_topic(topics: Topics, tenant: str | None) -> str:
    """The topic on which a worker looks for this tenant's documents in the native format.

    Raises `Misconfigured` where there is none.
    """
    return _bound(
        (source for source in topics.sources if source.format == "native"),
        tenant,
        "native source",
        "documents",
    )


def questions_topic(topics: Topics, tenant: str | None) -> str:
    """The topic on which a worker looks for this tenant's questions. Raises `Misconfigured`."""
    return _bound(topics.questions, tenant, "question topic", "questions")


def _bound(candidates: Iterable[T], tenant: str | None, kind: str, what: str) -> str:
    """The tenant's own topic, else one that is nobody's in particular."""
    owner, found = tenant or DEFAULT_TENANT, list(candidates)
    for bound_to in (owner, None):
        for one in found:
            if one.tenant == bound_to:
                return one.topic
    raise Misconfigured(
        f"no {kind} takes {what} of the tenant {owner}: name one in {SETTING}, or use another tenant",
        setting=SETTING,
    )
