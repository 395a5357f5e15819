"""Which topic takes whose documents and questions."""

import pytest

from streams.client.routes import documents_topic, questions_topic
from streams.errors import Misconfigured
from streams.sources import QuestionTopic, Source, Topics

TOPICS = Topics(
    sources=(
        Source("cms.articles", format="debezium"),
        Source("acme.changes", tenant="acme"),
        Source("changes"),
    ),
    questions=(QuestionTopic("questions.acme", tenant="acme"),),
)


def test_a_tenants_own_topic_goes_before_one_that_is_nobodys():
    assert documents_topic(TOPICS, "acme") == "acme.changes"
    assert documents_topic(TOPICS, "zoo") == documents_topic(TOPICS, None) == "changes"


def test_a_tenant_without_a_topic_is_told_where_to_name_one():
    assert questions_topic(TOPICS, "acme") == "questions.acme"
    with pytest.raises(Misconfigured, match="zoo") as caught:
        questions_topic(TOPICS, "zoo")
    assert caught.value.setting == "STREAMS_SOURCES"
