"""A question is found by its id, an event by the one before; a dead letter's tenant is certain or nobody."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.gateway import ids, letters
from streams.gateway.events import after, last_seen
from streams.messages.records import Record
from streams.sources import QuestionTopic, Source, Topics
from tests.unit.client.test_answer import completed, delta

TOPICS = Topics(
    sources=(Source("changes"), Source("acme.changes", tenant="acme"), Source("cms", format="debezium")),
    questions=(QuestionTopic("questions"), QuestionTopic("questions.acme", tenant="acme")),
)


@given(st.floats(0, 2**37))
def test_an_id_says_when_it_was_made(now):
    assert ids.made_ms(ids.new(now)) == int(now * 1000)


@given(st.text(max_size=40))
def test_any_other_text_is_no_id_of_ours(text):
    assert ids.made_ms(text) is None


def test_only_the_one_way_to_write_an_id_counts():
    id_ = ids.new(1e9)
    for other in (id_.upper(), f"{{{id_}}}", id_.replace("-", ""), f"urn:uuid:{id_}"):
        assert other == id_ or ids.made_ms(other) is None


def test_what_follows_the_last_event_is_sent_and_a_terminal_one_unless_it_was_that():
    assert after(delta(1, 3, "x"), (1, 2), terminal=False)
    assert not after(delta(1, 2, "x"), (1, 2), terminal=False)
    assert after(delta(2, 0, "x"), (1, 9), terminal=False)
    assert after(completed(1, 3, "x"), (2, 1), terminal=True)
    assert not after(completed(1, 3, "x"), (1, 3), terminal=True)


@pytest.mark.parametrize("text", ["", "1", "1.", ".1", "a.b", "1.2.3", "-1.2", "1.²", "1 .2"])
def test_what_names_no_event_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - it says no more than what it was given
        last_seen(text)


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
