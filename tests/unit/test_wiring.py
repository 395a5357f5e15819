"""The topics that are read are none that is for something else."""

import pytest

from streams.errors import Misconfigured
from streams.settings import Settings
from streams.wiring import read_topics

OTHERS = {
    name: topic
    for name, topic in Settings(_env_file=None).topics.items()
    if name not in {"topic_changes", "topic_questions"}
}


@pytest.fixture
def read(tmp_path):
    def read(table, topic, **settings):
        path = tmp_path / "sources.toml"
        path.write_text(f'[[{table}]]\ntopic = "{topic}"\n')
        return read_topics(Settings(sources=path, _env_file=None, **settings))

    return read


def test_there_are_such_topics():
    assert {"documents.indexed", "documents.dead", "documents.retry", "answers", "questions.done"} <= set(
        OTHERS.values()
    )


@pytest.mark.parametrize("table", ["sources", "questions"])
@pytest.mark.parametrize(("name", "topic"), OTHERS.items())
def test_a_topic_that_is_written_here_is_no_source_and_carries_no_questions(read, table, name, topic):
    with pytest.raises(Misconfigured, match=f"sources.toml names under .*{table}") as refused:
        read(table, topic)
    assert refused.value.setting == f"STREAMS_{name.upper()}"
    assert topic in str(refused.value)


def test_the_questions_topic_is_no_source_and_that_of_changes_carries_no_questions(read):
    for table, topic in (("sources", "questions"), ("questions", "documents.changes")):
        with pytest.raises(Misconfigured):
            read(table, topic)


def test_a_topic_of_another_name_is_read_and_so_are_the_defaults(read):
    assert [one.topic for one in read("sources", "documents.changes").sources] == ["documents.changes"]
    assert [one.topic for one in read("questions", "questions").questions] == ["questions"]
    renamed = read("sources", "answers", topic_answers="said")
    assert [one.topic for one in renamed.sources] == ["answers"]
