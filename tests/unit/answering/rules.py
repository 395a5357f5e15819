"""The rules that the events of one question's answer keep, as the contract words them.

`check_events` is for what a topic holds, where a lost worker may have left repeats and stragglers;
`check_stream` for what one worker sends in one go. Both take events as JSON objects, in the order in which
they arrived, and give the terminal one.
"""

import hashlib
import re
from datetime import datetime

from streams.messages.answers import answer_event

TERMINAL = {"answer.completed", "answer.failed"}
COMMON = {"type", "tenant", "question_id", "question", "attempt", "seq", "at"}
FIELDS = {
    "answer.started": {"model", "route", "citations", "watermark"},
    "answer.delta": {"text"},
    "answer.reset": {"reason", "model", "route"},
    "answer.completed": {
        "text", "sha256", "citations", "model", "route", "reason", "abstained", "grounded", "stale",
        "watermark", "usage", "timings", "guard",
    },
    "answer.failed": {"code", "message", "retryable"},
}  # fmt: skip
CITATION = {"n", "document_id", "title", "url", "quote", "position", "score", "cited"}
TIMINGS = {"queued", "waited", "rewritten", "embedded", "retrieved", "first_token", "generated", "total"}
CODE = re.compile(r"(`{3,}).*?(?:`{3,}|\Z)|(`{1,2})[^\n]*?(?:\2|(?=\n)|\Z)", re.DOTALL)
MARKER = re.compile(r"\[([1-9]\d?)\]")


def check_events(events):
    """One question's events as a reader of a topic finds them: of each repeated one the first counts."""
    first = {}
    for event in events:
        kept = first.setdefault((event["attempt"], event["seq"]), event)
        if kept["type"] in TERMINAL and event["type"] in TERMINAL:
            assert kept == event, "a terminal event was sent again, but not byte for byte"
    ends = [event for event in first.values() if event["type"] in TERMINAL]
    assert len(ends) == 1, f"{len(ends)} terminal events instead of one"
    _check_all(list(first.values()), ends[0])
    return ends[0]


def check_stream(events, *, stream=True):
    """One question's events as one worker sends them: in order, none twice, the terminal one last."""
    keys = [(event["attempt"], event["seq"]) for event in events]
    assert keys == sorted(set(keys)), f"out of order: {keys}"
    assert [event["type"] in TERMINAL for event in events] == [False] * (len(events) - 1) + [True]
    times = [datetime.fromisoformat(str(event["at"])) for event in events]
    assert times == sorted(times)
    if not stream:
        assert [event["seq"] for event in events] == [0], "without streaming there is one event, seq 0"
    _check_all(events, events[-1])
    return events[-1]


def _check_all(events, end):
    assert len({(event["tenant"], event["question_id"], event["question"]) for event in events}) == 1
    for event in events:
        _check_fields(event)
    for attempt in sorted({event["attempt"] for event in events}):
        _check_attempt(
            attempt,
            sorted((event for event in events if event["attempt"] == attempt), key=lambda e: e["seq"]),
        )
    if end["type"] == "answer.completed":
        same = [event for event in events if event["attempt"] == end["attempt"] and event is not end]
        _check_completed(end, same)


def _check_fields(event):
    answer_event.validate_python(event)
    missing = (COMMON | FIELDS[event["type"]]) - event.keys()
    assert not missing, f"{event['type']} lacks {missing}"
    assert re.fullmatch(r".+-\d+-\d+", event["question"])
    for citation in event.get("citations", ()):
        assert citation.keys() >= CITATION


def _check_attempt(attempt, events):
    assert [event["seq"] for event in events] == list(range(len(events))), f"attempt {attempt} has a gap"
    types = [event["type"] for event in events]
    if types[0] in TERMINAL:
        assert len(types) == 1
    else:
        assert types[0] == ("answer.started" if attempt == 1 else "answer.reset"), types
    assert set(types[1:-1]) <= {"answer.delta"}, types
    assert set(types[-1:]) <= {"answer.delta", "answer.started", "answer.reset"} | TERMINAL
    if types[0] == "answer.started":
        _check_started(events[0])
    assert all(event["text"] for event in events if event["type"] == "answer.delta"), "an empty delta"


def _check_started(event):
    assert not any(citation["cited"] for citation in event["citations"])
    assert (event["model"] is None) == (event["route"] in {"extract", "none"})
    _check_numbers(event["citations"])


def _check_numbers(citations):
    assert [citation["n"] for citation in citations] == list(range(1, len(citations) + 1))
    assert all(0 < len(citation["quote"]) <= 500 for citation in citations)


def _check_completed(end, same):
    text, citations = end["text"], end["citations"]
    assert hashlib.sha256(text.encode()).hexdigest() == end["sha256"]
    assert text.strip()
    if same:
        assert text == "".join(event["text"] for event in same if event["type"] == "answer.delta")
        assert (same[0]["route"], same[0]["model"]) == (end["route"], end["model"])
    _check_numbers(citations)
    pointed = {int(n) for n in MARKER.findall(CODE.sub(" ", text))}
    assert pointed <= {citation["n"] for citation in citations}, "a marker points at none"
    assert pointed == {citation["n"] for citation in citations if citation["cited"]}
    by_model = end["route"] in {"primary", "fallback"}
    assert (end["model"] is not None) == (end["grounded"] is not None) == by_model
    # A model that is being rolled out stands in the first one's place.
    assert (end["reason"] in {None, "rollout"}) == (end["route"] == "primary")
    assert end["abstained"] == (end["route"] == "none") == (end["reason"] == "no_evidence")
    assert bool(citations) != end["abstained"]
    if end["route"] == "extract":
        assert any(citation["cited"] for citation in citations)
    assert end["timings"].keys() == TIMINGS
    assert end["timings"]["total"] >= end["timings"]["queued"] >= 0
    assert end["usage"].keys() == {"prompt_tokens", "completion_tokens"}
