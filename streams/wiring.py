"""The settings, made into what every process has of Kafka: where it is, and which topics are read."""

from __future__ import annotations

from collections.abc import Sequence

from streams import sources
from streams.kafka.connection import KafkaConnection
from streams.kafka.topics import TopicPlan
from streams.settings import Settings
from streams.settings.names import misconfigured


def connection(settings: Settings) -> KafkaConnection:
    """The Kafka that the settings describe."""
    password = settings.kafka_sasl_password
    return KafkaConnection(
        bootstrap_servers=settings.kafka,
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        sasl_username=settings.kafka_sasl_username,
        sasl_password=password.get_secret_value() if password else None,
        ssl_cafile=settings.kafka_ssl_cafile,
        embedded=settings.kafka_provider == "embedded",
    )


def read_topics(settings: Settings) -> sources.Topics:
    """The topics that documents and questions are read from: the sources file's, or the defaults.

    Raises `Misconfigured` as `sources.load` does, and where one of them is a topic for something else: the
    receipts read as documents would each make a receipt, for ever.
    """
    read = sources.load(
        settings.sources, changes_topic=settings.topic_changes, questions_topic=settings.topic_questions
    )
    _check_apart(settings, "sources", "topic_changes", [source.topic for source in read.sources])
    _check_apart(settings, "questions", "topic_questions", [question.topic for question in read.questions])
    return read


def _check_apart(settings: Settings, table: str, own: str, topics: Sequence[str]) -> None:
    """Raises `Misconfigured` where one of the topics is a setting's, other than that of the field `own`."""
    fields = {topic: field for field, topic in settings.topics.items() if field != own}
    for topic in topics:
        if topic in fields:
            raise misconfigured(
                fields[topic],
                f"is {topic!r}, which {settings.sources} names under [[{table}]]: what is written there is"
                " not to be read again. Name another topic in that file, or here",
            )


def topic_plan(settings: Settings) -> TopicPlan:
    """What the topics are to be like."""
    read = read_topics(settings)
    return TopicPlan(
        sources=tuple(source.topic for source in read.sources),
        questions=tuple(question.topic for question in read.questions),
        changes=settings.topic_changes,
        indexed=settings.topic_indexed,
        documents_dead=settings.topic_documents_dead,
        documents_retry=settings.topic_documents_retry,
        questions_dead=settings.topic_questions_dead,
        questions_retry=settings.topic_questions_retry,
        questions_done=settings.topic_questions_done,
        answers=settings.topic_answers,
        shadow=settings.topic_shadow if settings.shadow_model else None,
        partitions=settings.topic_partitions,
        replication=settings.topic_replication,
        max_message_bytes=settings.topic_max_message_bytes,
    )
