"""The sources file: what it says, and what it says wrong, by file, table and name."""

import pytest

from streams import sources
from streams.errors import Misconfigured
from streams.sources import QuestionTopic, Source, Topics


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "sources.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return sources.load(path, changes_topic="documents.changes", questions_topic="questions")

    return load


@pytest.fixture
def mistake(load, tmp_path):
    def mistake(text):
        with pytest.raises(Misconfigured) as caught:
            load(text)
        assert caught.value.setting == "STREAMS_SOURCES"
        assert str(tmp_path / "sources.toml") in str(caught.value)
        return str(caught.value)

    return mistake


DEFAULTS = Topics((Source("documents.changes"),), (QuestionTopic("questions"),))


def test_without_a_file_there_is_one_source_and_one_question_topic():
    assert sources.load(None, changes_topic="documents.changes", questions_topic="questions") == DEFAULTS


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_an_empty_file_is_like_none(load, text):
    assert load(text) == DEFAULTS


def test_the_sources_in_the_file_are_all_there_are(load):
    topics = load('[[sources]]\ntopic = "a"\n[[sources]]\ntopic = "b"\nformat = "native"\ntenant = "acme"\n')
    assert topics.sources == (Source("a"), Source("b", tenant="acme"))
    assert topics.questions == DEFAULTS.questions


def test_the_question_topics_in_the_file_are_all_there_are(load):
    topics = load(
        '[[questions]]\ntopic = "questions.acme"\ntenant = "acme"\n[[questions]]\ntopic = "questions.any"'
    )
    assert topics.questions == (QuestionTopic("questions.acme", "acme"), QuestionTopic("questions.any"))
    assert topics.sources == DEFAULTS.sources


def test_an_unknown_key_is_named_with_its_table_and_line(mistake):
    said = mistake('# mine\n[[sources]]\ntopic = "a"\n\n[[sources]]\ntopic = "b"\ntopik = "c"\n')
    assert "[[sources]] number 2, line 5" in said
    assert "'topik'" in said
    assert "schema_registry" in said


def test_an_unknown_table_is_named(mistake):
    assert "'source'" in mistake('[[source]]\ntopic = "a"\n')


def test_a_table_that_is_no_list_of_tables_is_refused(mistake):
    assert "[[sources]]" in mistake('[sources]\ntopic = "a"\n')
    assert "[[questions]]" in mistake("questions = []\n")
    assert "[[sources]]" in mistake('sources = ["a"]\n')


def test_tables_that_are_written_inline_are_named_without_a_line(mistake):
    said = mistake('sources = [{topic = "a", nope = 1}]\n')
    assert "[[sources]] number 1:" in said


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ("", "topic: "),
        ('topic = ""', "topic: "),
        ('topic = "a b"', "topic: "),
        ('topic = ".."', "topic: "),
        ("topic = 7", "topic: "),
        ('topic = "a"\nformat = "debezium"', "the format debezium needs id"),
        ('topic = "a"\nformat = "debezium"\nid = "{id}"', "the format debezium needs text"),
        ('topic = "a"\nformat = "nativ"', "this version reads native"),
        ('topic = "a"\nencoding = "xml"', "'json' or 'avro'"),
        ('topic = "a"\nencoding = "avro"', "encoding: native is read from json"),
        ('topic = "a"\ntenant = "{org}"', "tenant: "),
        ('topic = "a"\ntenant = "a\\n"', "tenant: "),
        ('topic = "a"\ntenant = 7', "tenant: "),
        ('topic = "a"\ntitle = "{title}"', "'title' means nothing to the format native"),
        ('topic = "a"\nkey = ["id"]', "'key' means nothing to the format native"),
        ('topic = "a"\nkey = "id"', "key: "),
        ('topic = "a"\nreaders_when_empty = "nobody"', "'everyone'"),
        ('topic = "a"\non_truncate = "ignore"', "'reject' or 'delete'"),
    ],
)
def test_a_source_that_is_wrong_is_named_with_what_would_be_right(mistake, row, wanted):
    said = mistake(f"[[sources]]\n{row}\n")
    assert "[[sources]] number 1, line 1" in said
    assert wanted in said


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ('title = "{title"', "title: a { has no }"),
        ('title = "title}"', "title: a { has no }"),
        ('title = "{}"', "title: '' names no column"),
        ('title = "{a..b}"', "title: 'a..b' names no column"),
        ('title = ""', "title: an empty template"),
        ('tenant = "a b"', "tenant: a constant of 1 to 64"),
        ('metadata = ["a=b"]', "metadata: 'a=b'"),
        ('metadata = [""]', "metadata: ''"),
        ('key = [""]', "key: "),
        ('readers_when_empty = "everyone"', "readers_when_empty: means nothing without readers"),
    ],
)
def test_a_template_that_is_wrong_is_named(mistake, field, wanted):
    said = mistake(
        f'[[sources]]\ntopic = "a"\nformat = "debezium"\nid = "{{id}}"\ntext = "{{body}}"\n{field}\n'
    )
    assert "[[sources]] number 1, line 1" in said
    assert wanted in said


def test_an_id_that_is_the_same_for_every_row_is_refused(mistake):
    assert "id: names no column" in mistake(
        '[[sources]]\ntopic = "a"\nformat = "debezium"\nid = "one"\ntext = "{body}"\n'
    )


def test_a_source_of_rows_is_read(load):
    topics = load(
        """
        [[sources]]
        topic = "cms.public.articles"
        format = "debezium"
        key = ["id"]
        id = "article-{id}"
        title = "{title}"
        text = "{summary?}\\n\\n{body}"
        tenant = "{org_id}"
        readers = "{acl}"
        readers_when_empty = "everyone"
        url = "https://example.org/{slug}"
        media_type = "text/markdown"
        metadata = ["author", "updated_at"]
        on_truncate = "delete"
        unavailable_value = "absent"
        """
    )
    assert topics.sources == (
        Source(
            "cms.public.articles",
            format="debezium",
            key=("id",),
            id="article-{id}",
            title="{title}",
            text="{summary?}\n\n{body}",
            tenant="{org_id}",
            readers="{acl}",
            readers_when_empty="everyone",
            url="https://example.org/{slug}",
            media_type="text/markdown",
            metadata=("author", "updated_at"),
            on_truncate="delete",
            unavailable_value="absent",
        ),
    )


@pytest.mark.parametrize(
    "row", ["", 'topic = "a"\ntenant = "a b"', 'topic = "a"\nformat = "native"', 'topic = "a/b"']
)
def test_a_question_topic_that_is_wrong_is_named(mistake, row):
    assert "[[questions]] number 1, line 1" in mistake(f"[[questions]]\n{row}\n")


@pytest.mark.parametrize(
    "text",
    [
        '[[sources]]\ntopic = "a"\n[[sources]]\ntopic = "a"\n',
        '[[questions]]\ntopic = "a"\n[[questions]]\ntopic = "a"\n',
        '[[sources]]\ntopic = "a"\n[[questions]]\ntopic = "a"\n',
        '[[sources]]\ntopic = "questions"\n',
    ],
)
def test_a_topic_is_named_once(mistake, text):
    assert "named twice" in mistake(text)


@pytest.mark.parametrize("text", ["[[sources]\n", "topic = \n", b"\xff\xfe", "x = " + "[" * 10_000])
def test_a_file_that_is_no_toml_is_refused(mistake, text):
    assert "TOML" in mistake(text)


def test_a_file_that_can_not_be_read_is_named(tmp_path):
    for path in (tmp_path / "absent.toml", tmp_path):
        with pytest.raises(Misconfigured, match="can't be read") as caught:
            sources.load(path, changes_topic="a", questions_topic="b")
        assert str(path) in str(caught.value)


AVRO = '[[sources]]\ntopic = "a"\nformat = "json"\nid = "{id}"\ntext = "{body}"\n'


def test_avro_needs_the_address_of_a_registry_and_json_takes_none(load, mistake):
    address = 'schema_registry = "https://registry.example:8081/apis/ccompat/v7"\n'
    (source,) = load(AVRO + 'encoding = "avro"\n' + address).sources
    assert source.schema_registry == "https://registry.example:8081/apis/ccompat/v7"
    assert "schema_registry: is needed" in mistake(AVRO + 'encoding = "avro"\n')
    assert "schema_registry: is needed" in mistake(AVRO + address)


@pytest.mark.parametrize(
    "address", ["registry:8081", "http://u:s3cret@r", "http://", "ftp://r", "http://r/?a=b"]
)
def test_the_address_of_a_registry_holds_no_password(mistake, address):
    said = mistake(AVRO + f'encoding = "avro"\nschema_registry = "{address}"\n')
    assert "STREAMS_SCHEMA_REGISTRY_USERNAME" in said
    assert "s3cret" not in said


def test_tables_and_types_that_delete_are_for_the_formats_that_have_them(load, mistake):
    maxwell = AVRO.replace("json", "maxwell") + 'table = "shop.articles"\n'
    assert load(maxwell).sources[0].table == "shop.articles"
    events = AVRO.replace("json", "cloudevents") + "delete_types = []\n"
    assert load(events).sources[0].delete_types == ()
    assert "'table' means nothing" in mistake(AVRO + 'table = "shop.articles"\n')
