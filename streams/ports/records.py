"""Records: the schemas that they are written in, and how far those of the sources are applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from streams.messages.records import Offset


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
