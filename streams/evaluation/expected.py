"""What a question is expected to find."""

from __future__ import annotations

from dataclasses import dataclass

from streams.messages.changes import DEFAULT_TENANT
from streams.messages.questions import DEFAULT_TOP_K

PASSAGES = DEFAULT_TOP_K
"""Passages that an answer is made from, unless its question says otherwise."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A question, and the ids of the documents that answer it (none: nothing in the index does).

    Asked by somebody with these principals; `language` is a BCP 47 tag, None to guess it.
    """

    question: str
    documents: frozenset[str]
    tenant: str = DEFAULT_TENANT
    principals: tuple[str, ...] = ()
    language: str | None = None
