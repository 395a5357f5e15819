"""How far a question got, and the records of the done log that say so.

Their key is the question's `TOPIC-PARTITION-OFFSET`; one says that an attempt starts, or holds the terminal
event before that is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from streams.messages.headers import versioned
from streams.messages.records import Offset, Outgoing, Record

STATE, ATTEMPT, TOPIC, KEY = "done-state", "done-attempt", "done-topic", "done-key"
"""Headers of a record; those of the terminal event follow them."""
OWN = "done-"
"""What the names of the log's own headers begin with, a later version's too: an answer has none of them."""
STARTED, FINISHED, REFUSED = "started", "finished", "refused"


@dataclass(frozen=True, slots=True)
class Unseen:
    """Nothing was done for the question."""


@dataclass(frozen=True, slots=True)
class Started:
    """An attempt was begun, and not ended; events of it may be out."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The terminal event was decided; whether it was sent is not known.

    `instead`: it took the place of one that its topic refused.
    """

    terminal: Outgoing
    instead: bool = False


Progress: TypeAlias = Unseen | Started | Finished


def started_record(topic: str, at: Offset, attempt: int) -> Outgoing:
    """The record that says that an attempt begins."""
    headers = versioned((STATE, STARTED.encode()), (ATTEMPT, str(attempt).encode()))
    return Outgoing(topic, str(at).encode(), b"", headers, at.partition)


def finished_record(topic: str, at: Offset, terminal: Outgoing, *, instead: bool = False) -> Outgoing:
    """The record that holds a terminal event, as it will be sent; `instead` of one that was refused."""
    state = REFUSED if instead else FINISHED
    key = () if terminal.key is None else ((KEY, terminal.key),)
    headers = ((STATE, state.encode()), (TOPIC, terminal.topic.encode()), *key, *terminal.headers)
    return Outgoing(topic, str(at).encode(), terminal.value, headers, at.partition)


def terminal_of(record: Record) -> Outgoing | None:
    """The terminal event in a record of the log; None where it holds none."""
    topic = record.header(TOPIC)
    if record.header(STATE) not in {FINISHED, REFUSED} or topic is None or record.value is None:
        return None
    key = next((value for name, value in record.headers if name == KEY), None)
    sent = tuple((name, value) for name, value in record.headers if not name.startswith(OWN))
    return Outgoing(topic, key, record.value, sent)


def finished_of(record: Record) -> Finished | None:
    """The end that a record of the log says was decided; None where it says something else."""
    terminal = terminal_of(record)
    return None if terminal is None else Finished(terminal, instead=record.header(STATE) == REFUSED)


def started_of(record: Record) -> Started | None:
    """The attempt that a record of the log says was begun; None where it says something else."""
    attempt = record.header(ATTEMPT) or ""
    if record.header(STATE) != STARTED or not attempt.isdecimal():
        return None
    return Started(int(attempt))


def question_offset(record: Record, topic: str) -> int | None:
    """The offset of the question that a record of the log is about, if that is on `topic`."""
    name, _, offset = (record.key or b"").decode(errors="replace").rpartition("-")
    return int(offset) if name == f"{topic}-{record.partition}" and offset.isdecimal() else None
