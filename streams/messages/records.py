"""A record as Kafka delivers it, and the coordinates that name it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field


class Wire(BaseModel):
    """A model of something that travels: frozen, and tolerant of fields that it does not know."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        str_strip_whitespace=False,
        use_attribute_docstrings=True,
        json_schema_serialization_defaults_required=True,
    )


class Offset(Wire):
    """One record's place in Kafka; in a watermark, the last place that counts (inclusive)."""

    topic: Annotated[str, Field(min_length=1, max_length=249)]
    """The topic's name."""
    partition: Annotated[int, Field(ge=0)]
    """The partition, from 0."""
    offset: Annotated[int, Field(ge=0)]
    """The offset in that partition."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The place that `text`, as made by `str`, names. Raises ValueError for anything else."""
        topic, _, numbers = text.rpartition("-")
        topic, _, partition = topic.rpartition("-")
        if not (topic and partition.isdecimal() and numbers.isdecimal()):
            raise ValueError(f"not TOPIC-PARTITION-OFFSET: {text[:300]!r}")
        return cls(topic=topic, partition=int(partition), offset=int(numbers))

    def __str__(self) -> str:
        """`TOPIC-PARTITION-OFFSET`: how receipts, questions and the done log name a record."""
        return f"{self.topic}-{self.partition}-{self.offset}"


def reached(after: Sequence[Offset], applied: Sequence[Offset]) -> bool:
    """Whether everything named in `after` is dealt with."""
    upto = {(offset.topic, offset.partition): offset.offset for offset in applied}
    return all(upto.get((offset.topic, offset.partition), -1) >= offset.offset for offset in after)


@dataclass(frozen=True, slots=True)
class Record:
    """A consumed record, untouched: raw bytes, headers in order with duplicates kept.

    `timestamp` is Kafka's, in milliseconds since the epoch.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    dropped: int = 0
    """Bytes of its value, where that is not held here any more, nor is the key: see `bare`."""

    @property
    def at(self) -> Offset:
        """Where this record stands."""
        return Offset(topic=self.topic, partition=self.partition, offset=self.offset)

    def header(self, name: str) -> str | None:
        """The last header of this name as text, or None where there is none or it is not UTF-8."""
        for key, value in reversed(self.headers):
            if key == name and value is not None:
                try:
                    return value.decode()
                except UnicodeDecodeError:
                    return None
        return None

    @property
    def size(self) -> int:
        """Bytes of key and value together."""
        return len(self.key or b"") + len(self.value or b"") + self.dropped

    @property
    def held(self) -> int:
        """Bytes of key, value and headers together: what it takes up here."""
        headers = sum(len(name) + len(value or b"") for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers

    def bare(self, headers: tuple[tuple[str, bytes | None], ...]) -> Self:
        """The record with these headers alone, for who has read what it says."""
        return replace(self, key=None, value=None, headers=headers, dropped=len(self.value or b""))


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to be produced. `partition` None leaves the choice to the key's hash."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    partition: int | None = None


def unknown_fields(model: type[BaseModel], data: Any) -> list[str]:
    """Names at the top level of `data` that `model` does not define, sorted; none where it is no object."""
    if not isinstance(data, dict):
        return []
    known = set(model.model_fields)
    return sorted(str(name) for name in data if name not in known)
