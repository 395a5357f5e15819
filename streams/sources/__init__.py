"""A record's bytes → the changes in it, or the question; and which topics those records come from."""

from __future__ import annotations

from streams.sources.formats import FORMATS, decode, schema_ids
from streams.sources.questions import decode_question, identify
from streams.sources.table import load
from streams.sources.tombstones import Tombstones
from streams.sources.topics import QuestionTopic, Source, Topics

__all__ = [
    "FORMATS",
    "QuestionTopic",
    "Source",
    "Tombstones",
    "Topics",
    "decode",
    "decode_question",
    "identify",
    "load",
    "schema_ids",
]
