"""`schemas/` holds what the messages say, and the AsyncAPI document the topics that there are."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from streams.gateway.app import openapi
from streams.kafka.topics import TopicPlan, wanted
from streams.messages import asyncapi, headers, schemas
from streams.messages.answers import AnswerFailed, answer_event
from streams.messages.changes import DocumentChange
from streams.messages.questions import Question
from streams.messages.receipts import IndexReceipt
from streams.messages.records import Offset

ROOT = Path(__file__).parents[3]

SOURCE = {"topic": "documents.changes", "partition": 0, "offset": 1234}
CHANGE = {
    "id": "kb/42", "op": "upsert", "title": "Reset a password", "text": "…", "media_type": "text/markdown",
    "url": "https://kb.example.org/42", "language": "en", "tenant": "acme", "readers": ["group:support"],
    "metadata": {"product": "portal"}, "changed_at": "2026-11-22T10:00:00Z",
}  # fmt: skip
RECEIPT = {
    "document_id": "kb/42", "tenant": "acme", "outcome": "indexed", "reason": None, "source": SOURCE,
    "position": "…", "documents": 1, "passages": {"total": 14, "embedded": 1, "reused": 13, "removed": 1},
    "embed_model": "nomic-embed-text", "changed_at": None, "indexed_at": "2026-11-22T10:00:01Z",
    "timings": {"queued": 3.0, "embedded": 21.5, "written": 6.0},
}  # fmt: skip
QUESTION = {
    "id": "q-7", "text": "How do I reset my password?", "tenant": "acme",
    "principals": ["user:7", "group:support"], "filters": {"product": "portal"},
    "history": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}],
    "top_k": 5, "deadline_ms": 30000, "stream": True, "language": "fr", "after": [SOURCE],
}  # fmt: skip
EVENT = {
    "tenant": "acme", "question_id": "q-7", "question": "questions-0-3", "attempt": 1, "seq": 0,
    "at": "2026-11-22T10:00:02Z",
}  # fmt: skip
CITATION = {
    "n": 1, "document_id": "kb/42", "title": None, "url": None, "quote": "…", "position": "…", "score": 0.5,
    "cited": False,
}  # fmt: skip
TIMINGS = (
    "queued", "waited", "rewritten", "embedded", "retrieved", "first_token", "generated", "total",
)  # fmt: skip
STARTED = EVENT | {
    "type": "answer.started", "model": "llama3", "route": "primary", "citations": [CITATION],
    "watermark": [SOURCE],
}  # fmt: skip
DELTA = EVENT | {"type": "answer.delta", "text": "Use"}
RESET = EVENT | {"type": "answer.reset", "reason": "timeout", "model": "llama3:8b", "route": "fallback"}
COMPLETED = EVENT | {
    "type": "answer.completed", "text": "Use the portal [1].", "sha256": "0" * 64, "citations": [CITATION],
    "model": "llama3", "route": "primary", "reason": None, "abstained": False, "grounded": 1.0,
    "truncated": False,
    "stale": False, "by_words": False, "outdated": [], "watermark": [],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    "timings": dict.fromkeys(TIMINGS, 1.5), "guard": None,
}  # fmt: skip
FAILED = EVENT | {
    "type": "answer.failed",
    "code": "refused",
    "message": "…",
    "retryable": False,
    "guard": None,
}
EVENTS = [STARTED, DELTA, RESET, COMPLETED, FAILED]

GOOD = [
    ("document-change", CHANGE),
    ("document-change", {"id": "kb/42", "op": "delete", "tenant": "acme"}),
    ("document-change", {"id": "kb/42", "text": "…"}),
    ("document-change", {"id": "kb/42", "text": "…", "from_a_later_version": 1}),
    ("index-receipt", RECEIPT),
    ("question", QUESTION),
    ("question", {"text": "?"}),
    *(("answer-event", event) for event in EVENTS),
    *((event["type"].replace(".", "-"), event) for event in EVENTS),
]
BAD = [
    ("document-change", {"text": "…"}),
    ("document-change", {"id": "kb/42"}),
    ("document-change", {"id": "kb/42", "text": None}),
    ("document-change", CHANGE | {"readers": []}),
    ("document-change", CHANGE | {"tenant": "a b"}),
    ("document-change", CHANGE | {"op": "merge"}),
    ("document-change", CHANGE | {"metadata": {"a=b": "c"}}),
    ("index-receipt", RECEIPT | {"outcome": "lost"}),
    ("index-receipt", {name: value for name, value in RECEIPT.items() if name != "source"}),
    ("question", {"text": ""}),
    ("question", {"text": "x" * 8001}),
    ("question", QUESTION | {"top_k": 21}),
    ("question", QUESTION | {"deadline_ms": 99}),
    ("question", QUESTION | {"history": [{"role": "system", "content": "…"}]}),
    ("answer-event", EVENT | {"type": "answer.paused"}),
    ("answer-event", {name: value for name, value in DELTA.items() if name != "type"}),
    ("answer-event", COMPLETED | {"sha256": "short"}),
    ("answer-event", COMPLETED | {"grounded": 1.1}),
    ("answer-event", STARTED | {"citations": [CITATION | {"quote": "x" * 501}]}),
    ("answer-delta", FAILED),
    ("answer-failed", FAILED | {"code": "unlucky"}),
]


def validator(name):
    return jsonschema.Draft202012Validator(
        schemas.schema(name), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


def test_the_files_are_those_that_this_version_writes():
    assert schemas.check(ROOT / "schemas", {"openapi.json": openapi()}) == []


def test_a_changed_a_missing_and_a_left_over_file_are_each_named(tmp_path):
    schemas.export(tmp_path)
    (tmp_path / "question.json").write_text("{}")
    (tmp_path / "index-receipt.json").unlink()
    (tmp_path / "old.json").write_text("{}")
    drifts = schemas.check(tmp_path)
    assert [Path(drift.split(":")[0]).name for drift in drifts] == [
        "old.json",
        "index-receipt.json",
        "question.json",
    ]
    assert all("schemas export" in drift or "delete" in drift for drift in drifts)


def test_export_makes_its_folder_and_gives_the_paths_that_it_wrote(tmp_path):
    written = schemas.export(tmp_path / "new" / "folder")
    assert {path.name for path in written} == {
        *(f"{name}.json" for name in schemas.MESSAGES),
        "asyncapi.json",
    }
    assert all(json.loads(path.read_text()) for path in written)
    assert schemas.check(tmp_path / "new" / "folder") == []


@pytest.mark.parametrize("name", schemas.MESSAGES)
def test_every_schema_is_a_valid_schema_and_every_field_is_described(name):
    made = schemas.schema(name)
    jsonschema.Draft202012Validator.check_schema(made)
    for part in (made, *made.get("$defs", {}).values()):
        for field, said in part.get("properties", {}).items():
            assert field == "type" or "description" in said, f"{name}: {part['title']}.{field}"


@pytest.mark.parametrize(("name", "message"), GOOD)
def test_the_documented_examples_fit_their_schemas(name, message):
    validator(name).validate(message)


@pytest.mark.parametrize(("name", "message"), BAD)
def test_what_is_wrong_does_not_fit(name, message):
    assert not validator(name).is_valid(message)


def test_what_the_models_write_fits_their_schemas():
    at = datetime(2026, 11, 22, tzinfo=UTC)
    receipt = IndexReceipt(
        document_id=None, tenant=None, outcome="dead", reason="key_missing",
        source=Offset.model_validate(SOURCE), position=None, embed_model=None, changed_at=None, indexed_at=at,
    )  # fmt: skip
    failed = AnswerFailed(
        tenant="acme", question_id="q-7", question="questions-0-3", attempt=1, seq=0, at=at, code="refused",
        message="…", retryable=False,
    )  # fmt: skip
    validator("index-receipt").validate(json.loads(receipt.model_dump_json()))
    validator("answer-event").validate(json.loads(failed.model_dump_json()))


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("name", "model", "example"),
    [("question", Question, QUESTION), ("document-change", DocumentChange, CHANGE)],
)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_what_fits_the_schema_of_what_users_write_is_never_refused(name, model, example, data):
    message = copy.deepcopy(example)
    field = data.draw(st.sampled_from(sorted(example)))
    message[field] = data.draw(ODD)
    if validator(name).is_valid(message):
        try:
            model.model_validate_json(json.dumps(message))
        except ValidationError as error:
            # A schema can't say everything: what a date-time is goes beyond what its format check knows.
            assert field == "changed_at", str(error)  # noqa: PT017 - the field alone decides


def test_the_topics_of_the_asyncapi_document_are_those_that_are_made():
    plan = TopicPlan(shadow="answers.shadow")
    made = {spec.name: spec.config or {} for spec in wanted(plan)}
    channels = [channel for channel in asyncapi.document()["channels"].values() if channel["address"]]
    assert {channel["address"] for channel in channels} == set(made)
    for channel in channels:
        said = channel["bindings"]["kafka"]["topicConfiguration"]
        config = made[channel["address"]]
        assert ",".join(said.pop("cleanup.policy")) == config["cleanup.policy"]
        assert {name: str(value) for name, value in said.items()} == {name: config[name] for name in said}


def test_every_reference_within_the_asyncapi_document_leads_somewhere():
    document = asyncapi.document()

    def references(part):
        if isinstance(part, dict):
            yield from (value for name, value in part.items() if name == "$ref")
            part = list(part.values())
        if isinstance(part, list):
            for inner in part:
                yield from references(inner)

    for reference in references(document):
        if reference.startswith("./"):
            assert (ROOT / "schemas" / reference).is_file()
            continue
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
    assert len(set(references(document))) > 20


def test_the_dead_letters_headers_are_all_described():
    named = {value for name, value in vars(headers).items() if name.startswith("DEAD_")}
    assert set(asyncapi.DEAD) == named


@pytest.mark.parametrize(
    ("model", "said"), [(DocumentChange, CHANGE), (Question, QUESTION), (IndexReceipt, RECEIPT)]
)
def test_a_message_of_a_later_version_that_says_more_is_read(model, said):
    assert model.model_validate(_with_more(said)) == model.model_validate(said)


def test_an_event_of_a_later_version_that_says_more_is_read():
    for said in (STARTED, DELTA):
        assert answer_event.validate_python(_with_more(said)) == answer_event.validate_python(said)


def _with_more(said):
    """With one more field in it and in each object inside."""
    if isinstance(said, list):
        return [_with_more(one) for one in said]
    if not isinstance(said, dict) or said == CHANGE["metadata"]:
        return said
    return {name: _with_more(value) for name, value in said.items()} | {"later": {"a": [1]}}
