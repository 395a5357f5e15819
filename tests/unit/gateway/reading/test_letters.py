"""A dead letter's tenant is certain, or it is nobody's."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from streams.errors import Rejected
from streams.gateway.reading import letters
from streams.kafka.dead import letter_of
from streams.messages.dead import dead_letter
from streams.messages.records import Record
from streams.sources import QuestionTopic, Source, Topics

DIED = datetime(2026, 11, 22, tzinfo=UTC)
TOPICS = Topics(
    sources=(Source("changes"), Source("acme.changes", tenant="acme"), Source("cms", format="debezium")),
    questions=(QuestionTopic("questions"), QuestionTopic("questions.acme", tenant="acme")),
)


def dead(topic, key, value, kind="documents"):
    record = Record(f"{kind}.dead", 0, 0, 0, key, value, (("dead-topic", topic.encode()),))
    return letters.owner(kind, record, TOPICS)


def test_a_dead_letter_belongs_to_the_tenant_of_its_topic_or_to_the_one_that_it_names():
    assert dead("acme.changes", b"zoo/1", b"{") == "acme"
    assert dead("changes", b"zoo/1", b'{"id": "1"}') == "zoo"
    assert dead("changes", b"zoo/1", None) == "zoo"
    assert dead("questions", None, b'{"text": 1, "tenant": "zoo"}', "questions") == "zoo"


@given(
    topic=st.sampled_from(["changes", "cms", "elsewhere", "questions"]),
    key=st.one_of(st.none(), st.binary(max_size=20), st.just(b"zoo/1")),
    value=st.one_of(st.binary(max_size=40), st.just(json.dumps({"tenant": "acme"}).encode())),
    kind=st.sampled_from(["documents", "questions"]),
)
def test_a_dead_letter_that_names_one_tenant_here_and_another_there_is_nobodys(topic, key, value, kind):
    owner = dead(topic, key, value, kind)
    if kind == "documents" and key == b"zoo/1" and b"acme" in value:
        assert owner is None
    if owner is not None:
        named = {
            json.loads(value or b"{}").get("tenant"),
            (key or b"").decode(errors="replace").split("/")[0],
        }
        assert owner in named


def test_one_that_died_too_long_ago_is_shown_as_one_that_cannot_be_sent_back():
    record = Record("changes", 0, 1, 1, b"zoo/1", b"{")
    out = dead_letter(
        record, Rejected("x", code="x"), attempts=1, at=DIED, topic="documents.dead", max_bytes=10_000
    )
    found = letter_of(Record(out.topic, 0, 0, 0, out.key, out.value, out.headers))
    shown = [
        letters.letter("documents", found, oldest).replayable
        for oldest in (None, DIED, DIED + timedelta(seconds=1))
    ]
    assert shown == [True, True, False]
