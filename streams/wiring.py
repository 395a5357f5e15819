"""The settings, made into what every process has of Kafka: where it is, and which topics are read."""

from __future__ import annotations

from streams import sources
from streams.kafka.connection import KafkaConnection
from streams.kafka.topics import TopicPlan
from streams.settings import Settings


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
    """The topics that documents and questions are read from: the sources file's, or the defaults."""
    return sources.load(
        settings.sources, changes_topic=settings.topic_changes, questions_topic=settings.topic_questions
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
