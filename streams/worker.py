"""The workers' composition root: builds the parts from the settings, wires them, runs them.

`python -m streams worker` ends here. Nothing else builds a store, a client or an agent.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import structlog
from prometheus_client import CollectorRegistry

from streams import sources
from streams.errors import Misconfigured, Retryable
from streams.kafka import topics
from streams.kafka.connection import KafkaConnection
from streams.kafka.topics import TopicPlan
from streams.observe import health, logs
from streams.observe.metrics import Metrics
from streams.ollama.client import OllamaClient, OllamaConfig
from streams.settings import Settings

Role = Literal["index", "answer"]
ROLES: tuple[Role, ...] = ("index", "answer")


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
    """The topics that documents and questions are read from, of the sources file or the defaults."""
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
        partitions=settings.topic_partitions,
        replication=settings.topic_replication,
        max_message_bytes=settings.topic_max_message_bytes,
    )


def ollama_config(settings: Settings) -> OllamaConfig:
    """How to call the model server."""
    return OllamaConfig(
        url=settings.ollama, attempts=settings.retry_attempts, backoff_s=settings.retry_backoff_ms / 1000
    )
