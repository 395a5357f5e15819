"""What the index should hold, said a second time and as shortly as can be: changes replayed one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from streams.messages.changes import Change, Document, Truncation

HOUR = 3_600 * 10**9


@dataclass(frozen=True)
class State:
    """A document after some changes; `document` None: deleted. Or a source's floor."""

    position: tuple[int, int, int, int]
    document: Document | None
    log: tuple[str, int, int]
    timed: bool = True


def replayed(state: State | None, change: Change | Truncation, floor: State | None = None) -> State | None:
    """The document after `change`: the contract's section on order, word for word."""
    at = (change.at.topic, change.at.partition, change.at.offset)
    base = found(state, floor, at)
    timed = change.time is not None or change.order is not None
    if not timed:
        time, order = base.position[:2] if base else (0, 0)
    else:
        time, order = change.time or 0, change.order or 0
        if base and getattr(change, "early", False):
            first = base.log[:2] == at[:2] and at[2] < base.log[2]
            if not first and 0 < base.position[1] <= order:
                time = base.position[0] if time < base.position[0] <= time + HOUR else time
            if first and state and 0 < order < base.position[1]:
                time = base.position[0] if time - HOUR <= base.position[0] < time else time
    timestamp = change.timestamp
    if base and base.position[:2] == (time, order) and base.log[:2] == at[:2] and base.log[2] < at[2]:
        timestamp = max(timestamp, base.position[2])
    position = (time, order, timestamp, change.at.offset)
    if base and position <= base.position:
        return state
    if isinstance(change, Truncation) and change.order and base and (time, order) == base.position[:2]:
        return state
    return State(position, getattr(change, "document", None), at, timed or isinstance(change, Truncation))


def found(state: State | None, floor: State | None, at: tuple[str, int, int]) -> State | None:
    """What a change that stands at `at` finds: the document, or that it is gone, at its source's floor."""
    if floor is None:
        return state
    if state is not None and not gone(state, floor):
        return replace(state, position=(*_moment(state, floor), *state.position[2:]))
    time, order, timestamp, offset = floor.position
    seen = (time, order, timestamp, offset if at[:2] == floor.log[:2] else 0)
    return State(max(seen, state.position) if state else seen, None, floor.log)


def gone(state: State, floor: State | None) -> bool:
    """Whether a truncation took the document."""
    if floor is None:
        return False
    if _moment(state, floor) != floor.position[:2]:
        return _moment(state, floor) < floor.position[:2]
    if state.log[:2] == floor.log[:2]:
        return state.log[2] <= floor.log[2] and state.position[2] <= floor.position[2]
    return state.position[2] < floor.position[2]


def _moment(state: State, floor: State) -> tuple[int, ...]:
    """A document's time and order, which are the floor's where it has none of its own."""
    return state.position[:2] if state.timed else max(state.position[:2], floor.position[:2])
