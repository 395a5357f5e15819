"""Whatever the models, the index and the clock do: the contract's rules, and one end by the deadline."""

import json
from contextlib import aclosing

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.answering.answerer import Answerer
from streams.answering.settings import Answering
from streams.errors import Rejected, Retryable
from tests.unit.answering.rules import check_events, check_stream
from tests.unit.answering.scripted import Index, Marks, Models, Script, Words, always, asked, hit
from tests.unit.answering.virtual import monotonic, now, run

WORDS = [
    "portal ",
    "password",
    "reset.",
    " [1]",
    "[2",
    "]",
    "[1, 9]",
    " [7].",
    "\n\n",
    "`",
    "```",
    "é",
    " 30 ",
    "[",
    "",
    "https://",
    "kb.example.org/kb/1",
    "![",
    "](",
]
PIECES = st.lists(st.sampled_from(WORDS) | st.text(max_size=8), max_size=12).map(tuple)
ENDS = st.sampled_from(
    ["done", "done", "cut", "hang", Retryable("down"), Rejected("no", code="x"), ValueError("slip")]
)
SCRIPTS = st.builds(
    Script,
    PIECES,
    pause_s=st.sampled_from([0, 0.001, 0.03, 0.4, 7]),
    end=ENDS,
    first_s=st.sampled_from([0, 0.1, 2, 15]),
)
FAULTS = st.lists(
    st.sampled_from([None, 0.01, 3, 1e6, Retryable("busy"), Rejected("no", code="x")]), max_size=3
)
HITS = [
    hit("Open the portal, choose Security and reset your password there.", name="a"),
    hit("After five attempts [3] the portal locks `you` out for 30 minutes. " * 30, name="b", similarity=0.5),
    hit("Unclosed ``` code [1] about the password, é.", name="c", title=""),
]
QUESTIONS = st.fixed_dictionaries(
    {"deadline_ms": st.sampled_from([100, 400, 1000, 5000, 30_000]), "stream": st.booleans()},
    optional={
        "top_k": st.integers(1, 3),
        "allow_stale": st.booleans(),
        "after": st.just([{"topic": "documents.changes", "partition": 0, "offset": 50}]),
    },
)


@settings(max_examples=120, deadline=None)
@given(
    big=SCRIPTS, small=SCRIPTS, fields=QUESTIONS, faults=st.tuples(FAULTS, FAULTS, FAULTS),
    hits=st.lists(st.sampled_from(HITS), unique=True), age_s=st.sampled_from([0, 0.05, 0.35, 4, 40, -5]),
    attempt=st.sampled_from([1, 1, 2, 5]), min_grounded=st.sampled_from([0, 0.5]),
)  # fmt: skip
def test_every_run_keeps_the_rules(big, small, fields, faults, hits, age_s, attempt, min_grounded):
    index = Index.of(*hits)
    index.faults = list(faults[0])
    models = Models({"big": big, "small": small})
    embedder, marks = Words(faults=list(faults[1])), Marks(((0, 41), (0.3, 50)), list(faults[2]))
    answering = Answering("big", "small", min_grounded=min_grounded)

    async def session():
        answerer = Answerer(always(index, embedder), models, marks, answering, now, monotonic)
        made = []
        question = asked(age_s=age_s, **fields)
        async with aclosing(answerer.answer(question, attempt=attempt, resumed=attempt > 1)) as events:
            async for event in events:
                made.append(event.model_dump_json())  # noqa: PERF401 - reads better
        return [json.loads(event) for event in made], monotonic()

    events, took = run(session())
    end = check_stream(events, stream=fields["stream"])
    assert check_events(events) == end
    assert took <= max(0.0, fields["deadline_ms"] / 1000 - max(0.0, age_s)) + 1e-6
    assert models.running == 0
