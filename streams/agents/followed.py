"""Work that can be followed: whatever is logged while a record is worked on names it, and it is a span.

The span begins with the first part of the record that is handled, in the trace of whoever wrote the record,
and ends once the record is concluded. What the work sends on its account carries the span in its headers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from streams.agents.pump.work import Combined, Ended, Fetch, Kept, Work
from streams.errors import Rejected
from streams.messages.headers import TRACE, Headers
from streams.messages.records import Record

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

_record: ContextVar[Record | None] = ContextVar("record", default=None)

LET_GO = "let_go"
"""How a span ends whose record goes to another worker, or is begun anew."""


class Span(Protocol):
    """What is told of one record's processing."""

    def active(self) -> AbstractContextManager[object]:
        """To be entered while it is worked on: what is done then belongs to it."""
        ...

    def headers(self) -> Headers:
        """What carries it along with a message."""
        ...

    def end(self, error: str | None, said: Mapping[str, str]) -> None:
        """It is over: with the code of what went wrong, if anything, and what else there is to say."""
        ...


Traces = Callable[[Record], Span]
"""Begins the span of a record."""

Says = Callable[[Any, Any], Mapping[str, str]]
"""What a span says of an item and its outcome: ids, never a text."""

Carry = Callable[[Any, Headers], Any]
"""The item as of a record with these headers."""


def ids() -> Mapping[str, str]:
    """The record that is worked on, for a log line; empty outside of that."""
    record = _record.get()
    return {} if record is None else {"record": f"{record.topic}-{record.partition}-{record.offset}"}


def says_nothing(_item: object, _outcome: object) -> Mapping[str, str]:
    """For work of which there is nothing to say."""
    return {}


def as_it_is(item: Item, _headers: Headers) -> Item:
    """For items that send nothing by their own headers."""
    return item


@dataclass(slots=True, eq=False)
class _Followed:
    """A record that is worked on, and its span while it has one."""

    record: Record
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Held(Generic[Item]):
    """An item, and the record that it is a part of."""

    of: _Followed
    item: Item


class Followed(Generic[Item, Outcome]):
    """`work`, followed: see `streams.agents.pump.work.Work`. Without `traces` there are no spans."""

    def __init__(
        self,
        work: Work[Item, Outcome],
        *,
        traces: Traces | None = None,
        says: Says = says_nothing,
        carry: Carry = as_it_is,
    ) -> None:
        self._work, self._traces, self._says, self._carry = work, traces, says, carry

    def fetch(self, record: Record) -> Fetch | None:
        """As the work's."""
        return self._work.fetch(record)

    def prepare(self, record: Record) -> Sequence[tuple[Hashable, Held[Item]]]:
        """As the work's."""
        prepared = self._work.prepare(record)
        followed = _Followed(self._work.keep(record, [item for _, item in prepared]).record)
        return [(key, Held(followed, item)) for key, item in prepared]

    def keep(self, record: Record, items: Sequence[Held[Item]]) -> Kept:
        """As the work's."""
        return self._work.keep(record, [held.item for held in items])

    def combine(self, waiting: Sequence[Held[Item]]) -> Combined:
        """As the work's."""
        return self._work.combine([held.item for held in waiting])

    def superseded(self, item: Held[Item]) -> Outcome:
        """As the work's."""
        return self._work.superseded(item.item)

    async def handle(self, item: Held[Item]) -> Outcome:
        """As the work's, in the record's span."""
        # Not taken back: what is logged of a failure in this task is of this record, too.
        _record.set(item.of.record)
        span = self._span(item.of)
        if span is None:
            return await self._work.handle(item.item)
        try:
            with span.active():
                return await self._work.handle(self._carry(item.item, carried(item.of.record, span)))
        except asyncio.CancelledError:
            self._end(item.of, LET_GO, {})
            raise

    async def conclude(self, record: Record, ended: Sequence[Ended[Held[Item], Outcome]]) -> None:
        """As the work's, in the record's span, which is over then."""
        _record.set(record)
        held = next((end.item for end in ended if end.item is not None), None)
        of = _Followed(record) if held is None else held.of
        inner = [Ended(None if end.item is None else end.item.item, end.outcome) for end in ended]
        error = next((end.outcome for end in inner if isinstance(end.outcome, Rejected)), None)
        if error is not None:
            logger.warning("a dead letter: %s: %s", error.code, error)
        span = self._span(of)
        if span is None:
            await self._work.conclude(record, inner)
            return
        try:
            with span.active():
                headers = carried(record, span)
                sent = [Ended(end.item and self._carry(end.item, headers), end.outcome) for end in inner]
                await self._work.conclude(replace(record, headers=headers), sent)
        except asyncio.CancelledError:
            self._end(of, LET_GO, {})
            raise
        said = self._says(inner[0].item, inner[0].outcome) if len(inner) == 1 else {}
        self._end(of, None if error is None else error.code, said)

    def _span(self, of: _Followed) -> Span | None:
        if of.span is None and self._traces is not None:
            of.span = self._traces(of.record)
        return of.span

    def _end(self, of: _Followed, error: str | None, said: Mapping[str, str]) -> None:
        if of.span is not None:
            of.span.end(error, said)
        of.span = None


def carried(record: Record, span: Span) -> Headers:
    """The record's headers, with the span in place of the one that it came with."""
    own = span.headers()
    if not own:
        return record.headers
    kept = tuple(one for one in record.headers if one[0] not in TRACE)
    return kept + own
