"""Topics in memory, and logs of changes for hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from streams.messages.changes import Change, Document
from streams.messages.held import Head
from streams.messages.position import Position
from streams.messages.records import Offset
from tests.unit.indexing.replay import State, replayed

TOPIC = "docs"
WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)


@st.composite
def logs(draw, *, partitions=1, timed=None, back=2, size=8):
    """Changes of one document: offsets rise, times come and go, timestamps may go `back` a little."""
    log, offsets, timestamp = [], [0] * partitions, 1000
    for _ in range(draw(st.integers(1, size))):
        partition = draw(st.integers(0, partitions - 1))
        timestamp = max(0, timestamp + draw(st.integers(-back, 5)))
        offsets[partition] += draw(st.integers(1, 2))
        own = draw(st.booleans() if timed is None else timed)
        log.append(
            Change(
                source=TOPIC,
                record_key="k",
                at=Offset(topic=TOPIC, partition=partition, offset=offsets[partition]),
                timestamp=timestamp,
                document=draw(st.one_of(st.just(Document("t", "k", "text")), st.none())),
                time=draw(st.integers(1, 4)) if own else None,
                order=draw(st.integers(0, 3)) if own else None,
                early=own and draw(st.booleans()),
            )
        )
    return log


def state_of(log, state: State | None = None) -> State | None:
    """The document after these changes."""
    for change in log:
        state = replayed(state, change)
    return state


def head_of(state: State | None) -> Head | None:
    """The head that an index has of a document in this state."""
    if state is None:
        return None
    topic, partition, offset = state.log
    return Head(
        document_key=Change(TOPIC, "k", Offset(topic=TOPIC, partition=0, offset=0), 0).key,
        position=Position(*state.position),
        deleted=state.document is None,
        tenant="t",
        document_id="k",
        title=None,
        url=None,
        language=None,
        readers=("*",),
        metadata=(),
        source=TOPIC,
        record_key="k",
        topic=topic,
        partition=partition,
        offset=offset,
        written=WRITTEN,
    )
