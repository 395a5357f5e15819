"""What a company's topics carry, in all its disorder, and what an index should make of it.

`Load` is seeded: the same seed writes the same records. `expected` is a pure replay of what was sent.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from streams import sources
from streams.errors import Rejected
from streams.indexing.cutting.parse import parse
from streams.messages.changes import Change, Document, Incomplete, Truncation
from streams.messages.records import Record
from tests.unit.indexing.replay import State, replayed

TENANTS = ("acme", "bolt", "cord")
BEGAN_MS = 1_790_000_000_000
WORDS = [
    "river",
    "stone",
    "lamp",
    "winter",
    "copper",
    "garden",
    "signal",
    "harbour",
    "paper",
    "orchid",
    "thunder",
    "velvet",
]
LEFT_OUT = "__debezium_unavailable_value"

SOURCES = """
[[sources]]
topic = "{changes}"

[[sources]]
topic = "{rows}"
format = "debezium"
id = "{{id}}"
title = "{{title}}"
text = "{{body}}"
tenant = "{{org}}"
on_truncate = "delete"
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """A record to be sent: `rows` says on which of the two topics."""

    rows: bool
    key: bytes | None
    value: bytes | None


@dataclass
class Load:
    """Records, one after the other. Every text has a word that no other has."""

    seed: int
    documents: int = 60
    number: int = 0
    rows: dict[str, dict] = field(default_factory=dict)
    past: list[Sent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def next(self) -> list[Sent]:
        """What is sent next: mostly one record, several where the source writes them together."""
        self.number += 1
        made = self._row() if self._chance.random() < 0.4 else [self._change()]
        self.past = [*self.past[-200:], *made]
        return made

    def _text(self) -> str:
        paragraphs = [
            " ".join(self._chance.choices(WORDS, k=30)) for _ in range(self._chance.randrange(1, 5))
        ]
        return "\n\n".join([f"unique{self.number}x{self.seed} text.", *paragraphs])

    def _change(self) -> Sent:
        chance, tenant = self._chance, self._chance.choice(TENANTS)
        name = f"doc-{chance.randrange(self.documents)}"
        key, said = f"{tenant}/{name}".encode(), {"id": name, "tenant": tenant}
        match chance.choices(range(7), [50, 10, 6, 8, 5, 6, 6])[0]:
            case 0:
                said |= {"text": self._text(), "media_type": "text/markdown"}
            case 1:
                said |= {"op": "delete"}
            case 2:
                return Sent(rows=False, key=key, value=None)
            case 3 if earlier := [one for one in self.past if not one.rows]:
                return chance.choice(earlier)
            case 4:
                return Sent(rows=False, key=key, value=chance.choice([b"{", b"\xff", b"[]", b'{"id": 1}']))
            case 5:
                said |= {"text": self._text(), "media_type": "image/png"}
            case _:
                said |= {"text": self._text(), "title": f"Title {self.number}"}
        return Sent(rows=False, key=key, value=json.dumps(said).encode())

    def _row(self) -> list[Sent]:
        name = f"{self._chance.randrange(self.documents)}"
        if self._chance.random() < 0.01:
            self.rows.clear()
            return [Sent(rows=True, key=None, value=self._event("t", None, None))]
        if name not in self.rows:
            return [self._write(name, "c", self._new(name))]
        what = self._chance.choices(["text", "title", "delete", "move", "snapshot"], [40, 20, 15, 10, 15])[0]
        return self._edit(name, what)

    def _edit(self, name: str, what: str) -> list[Sent]:
        held = self.rows[name]
        match what:
            case "text":
                return [self._write(name, "u", held | {"body": self._text()})]
            case "title":
                return [self._write(name, "u", held | {"title": f"Title {self.number}", "body": LEFT_OUT})]
            case "delete":
                return self._remove(name)
            case "move":
                return self._move(name, f"{self._chance.randrange(self.documents)}")
            case _:
                return [self._write(name, "r", held)]

    def _move(self, name: str, to: str) -> list[Sent]:
        """A row gets another key, or, where that is taken, another tenant."""
        held = self.rows[name]
        if to in self.rows:
            return [self._write(name, "u", held | {"org": self._chance.choice(TENANTS)})]
        return [*self._remove(name), self._write(to, "c", held | {"id": int(to)})]

    def _new(self, name: str) -> dict:
        tenant = self._chance.choice(TENANTS)
        return {"id": int(name), "title": f"Row {name}", "body": self._text(), "org": tenant}

    def _write(self, name: str, op: str, row: dict) -> Sent:
        before = self.rows.get(name)
        self.rows[name] = row | ({"body": before["body"]} if row["body"] == LEFT_OUT else {})
        return Sent(rows=True, key=self._key(name), value=self._event(op, None, row))

    def _remove(self, name: str) -> list[Sent]:
        """A deletion and its tombstone."""
        gone = {"id": int(name), "title": "", "body": "", "org": self.rows.pop(name)["org"]}
        key = self._key(name)
        return [
            Sent(rows=True, key=key, value=self._event("d", gone, None)),
            Sent(rows=True, key=key, value=None),
        ]

    @staticmethod
    def _key(name: str) -> bytes:
        return json.dumps({"id": int(name)}).encode()

    def _event(self, op: str, before: dict | None, after: dict | None) -> bytes:
        self.number += 1
        at = BEGAN_MS + self.number
        about = {"connector": "postgresql", "ts_ms": at, "lsn": self.number, "snapshot": "false"}
        return json.dumps({"op": op, "before": before, "after": after, "source": about, "ts_ms": at}).encode()


@dataclass
class Expected:
    """What the index should hold after these records: each document's last change, and whether it is there.

    `unreadable` are dead letters whatever happens; `unusable` are dead letters, unless a later change of
    their document was there before them.
    """

    documents: dict[object, tuple[Change, bool]] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    unusable: set[str] = field(default_factory=set)


def expected(records: Iterable[Record], read: Mapping[str, sources.Source]) -> Expected:
    """A pure replay, in the order of each partition; a truncation takes what is earlier by its own time."""
    found, states, truncated = Expected(), {}, {}
    for record in sorted(records, key=lambda one: (one.topic, one.partition, one.offset)):
        try:
            said = sources.decode(read[record.topic], record, max_bytes=1 << 23)
        except Rejected:
            found.unreadable.add(str(record.at))
            continue
        try:
            for one in said:
                _take(one, states, truncated)
        except Rejected:
            found.unusable.add(str(record.at))
    for key, (state, change) in states.items():
        floor = truncated.get(change.source)
        gone = state.document is None or (floor is not None and state.position[:2] < floor)
        found.documents[key] = (change, not gone)
    return found


def _take(said, states: dict[object, tuple[State, Change]], truncated: dict[str, tuple[int, int]]) -> None:
    if isinstance(said, Truncation):
        truncated[said.source] = max(truncated.get(said.source, (0, 0)), (said.time or 0, said.order or 0))
    if not isinstance(said, Change):
        return
    state, before = states.get(said.key, (None, None))
    change = said
    if isinstance(said.document, Incomplete):
        change = said.document.fill(before.row if before is not None and before.document else {})
    if isinstance(change.document, Document):
        parse(change.document)
    after = replayed(state, change)
    if after is not state:
        states[said.key] = (after, change)
