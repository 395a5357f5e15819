"""What the index should hold, said a second time and as shortly as can be: changes replayed one by one."""

from __future__ import annotations

from dataclasses import dataclass

from streams.messages.changes import Change, Document


@dataclass(frozen=True)
class State:
    """A document after some changes; `document` None: deleted."""

    position: tuple[int, int, int, int]
    document: Document | None
    log: tuple[str, int, int]


def replayed(state: State | None, change: Change) -> State | None:
    """The document after `change`: the contract's section on order, word for word."""
    at = (change.at.topic, change.at.partition, change.at.offset)
    if change.time is None and change.order is None:
        time, order = state.position[:2] if state else (0, 0)
    else:
        time, order = change.time or 0, change.order or 0
    timestamp = change.timestamp
    if state and state.position[:2] == (time, order) and state.log[:2] == at[:2] and state.log[2] < at[2]:
        timestamp = max(timestamp, state.position[2])
    position = (time, order, timestamp, change.at.offset)
    if state and position <= state.position:
        return state
    return State(position, change.document, at)
