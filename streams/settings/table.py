"""The table of settings: each once, typed, with its default and what it means, and what must fit together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from streams.settings.names import PREFIX, misconfigured
from streams.settings.secret_files import SecretFiles

PROMPT_TOKENS = 512
"""What of the context an answer must leave to its prompt."""

EMBEDDED_DEFAULTS: Mapping[str, Any] = {
    "generate_model": "smollm2:135m",
    "fallback_model": "smollm2:135m",
    "embed_model": "all-minilm",
    "embed_dimension": 384,
    "num_ctx": 2048,
    "max_answer_tokens": 96,
    "first_token_timeout_ms": 30_000,
    "token_timeout_ms": 10_000,
    "brief_prompt": True,
    "min_grounded": 0.6,
}
"""What is different where the models are those that `rag-streams up` brings along."""

Port = Annotated[int, Field(ge=0, le=65535)]
Topic = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s/@]+(/\S*)?$")]
"""Without a user or a password: an address is shown, a secret has a setting of its own."""


class Settings(BaseSettings):
    """The settings of a worker and of every command. Build it with `load`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    kafka_bootstrap_servers: str | None = None
    """Kafka's addresses, `HOST:PORT[,…]`. Unset: those that `up` runs, else `localhost:9092`."""
    kafka_provider: Literal["kafka", "embedded"] = "kafka"
    """`embedded`: the broker in memory that `rag-streams up` brings along."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How to talk to Kafka."""
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    """With a `SASL_*` protocol."""
    kafka_sasl_username: str | None = None
    """With a `SASL_*` protocol."""
    kafka_sasl_password: SecretStr | None = None
    """With a `SASL_*` protocol."""
    kafka_ssl_cafile: str | None = None
    """CA certificates (PEM) to check Kafka's against. Unset: the system's."""
    group: Annotated[str, Field(min_length=1)] = "rag-streams"
    """The consumer groups are `GROUP-index` and `GROUP-answer`."""

    store: Literal["weaviate", "sqlite"] = "weaviate"
    """Where the index is held."""
    weaviate_url: Url | None = None
    """Unset: `http://localhost:8080`."""
    weaviate_grpc_port: Port = 50051
    """Weaviate's gRPC port, on the URL's host."""
    weaviate_api_key: SecretStr | None = None
    """Weaviate's API key."""
    weaviate_replication_factor: Annotated[int, Field(ge=1, le=99)] = 1
    """Copies of each shard, set when the collections are made."""
    weaviate_ef_construction: Annotated[int, Field(ge=8, le=2048)] = 64
    """How many neighbours HNSW weighs for a new passage; more: slower, found better. For a new index."""
    weaviate_max_connections: Annotated[int, Field(ge=4, le=2047)] = 16
    """How many neighbours HNSW keeps of a passage; more: slower, larger, found better. For a new index."""
    index_name: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]{0,63}$")] = "Streams"
    """What the index's collections in Weaviate begin with. Each deployment on one Weaviate needs its own."""
    sqlite_path: Path = Path(".rag-streams/index.db")
    """The index file, with `STREAMS_STORE=sqlite`."""

    llm_provider: Literal["ollama", "embedded"] = "ollama"
    """`embedded`: the small models that `rag-streams up` brings along."""
    ollama_url: Url | None = None
    """Unset: `http://localhost:11434`."""
    generate_model: Annotated[str, Field(min_length=1)] = "llama3:70b-instruct-q4_K_M"
    """The model that answers."""
    fallback_model: Annotated[str, Field(min_length=1)] = "llama3:8b-instruct-q4_K_M"
    """The model that answers where the first one fails or would be late."""
    embed_model: Annotated[str, Field(min_length=1)] = "nomic-embed-text"
    """The embedding model. A change needs a reindex."""
    embed_dimension: Annotated[int, Field(ge=1, le=65535)] = 768
    """Numbers in a vector of that model."""
    embed_languages: Annotated[str | None, Field(pattern=r"^[a-z]{2,3}(,[a-z]{2,3})*$")] = None
    """Languages that it reads (`en,fr`): in others vectors weigh less. Unset: found out by asking it."""
    embed_cache_ttl_s: Annotated[float, Field(ge=0)] = 300.0
    """Seconds for which a question's embedding is kept; 0: not at all."""
    embed_cache_passages_ttl_s: Annotated[float, Field(ge=0)] = 0.0
    """Seconds for which a worker keeps passages' embeddings, for texts that come back; 0: not at all."""
    embed_cache_passages_mb: Annotated[int, Field(ge=1, le=65536)] = 64
    """MiB that they may take in a worker's memory."""

    rollout_model: Annotated[str | None, Field(min_length=1)] = None
    """A model that takes over from `STREAMS_GENERATE_MODEL` step by step."""
    rollout_percent: Annotated[float, Field(ge=0, le=100)] = 0.0
    """Share of the questions that it answers, chosen by their ids."""
    shadow_model: Annotated[str | None, Field(min_length=1)] = None
    """A model that answers a share of the questions once more, to `STREAMS_TOPIC_SHADOW`."""
    shadow_percent: Annotated[float, Field(ge=0, le=100)] = 10.0
    """Share of the questions that it answers, while there is a slot to spare."""
    model_keep_alive: Annotated[str, Field(pattern=r"^-?[0-9]{1,9}(s|m|h)$")] = "24h"
    """How long Ollama keeps a model loaded that nobody asks: `30m`, `24h`; `-1m`: until it needs the room."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    """Of the answering models."""
    num_ctx: Annotated[int, Field(ge=512, le=1048576)] = 8192
    """Tokens of context that the answering models are loaded with."""
    max_answer_tokens: Annotated[int, Field(ge=16, le=32768)] = 512
    """Tokens that an answer may have."""
    first_token_timeout_ms: Annotated[int, Field(ge=1)] = 10_000
    """No token of the first model by then: the fallback answers."""
    token_timeout_ms: Annotated[int, Field(ge=1)] = 5_000
    """A pause this long between two tokens is a stall."""
    vector_weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Weight of vectors against words, where the model reads the language; `eval --tune` finds the best."""
    similarity_threshold: Annotated[float | None, Field(ge=-1, le=1)] = None
    """Cosine from which a passage counts as evidence. Unset: by the embedding model."""
    min_grounded: Annotated[float, Field(ge=0, le=1)] = 0.0
    """An answer grounded less than this is replaced by quoted passages; 0: never."""
    guard_policy: Literal["flag", "drop", "refuse", "off"] = "drop"
    """How much passages and questions read like instructions to the model is a score from 0 to 1. From 0.5
    on they are marked. From 0.75 on `drop` leaves a passage out and `refuse` refuses to answer; `flag` marks
    it and no more. `off` is for measuring alone."""
    rewrite_follow_ups: bool = True
    """The fallback model makes follow-up questions stand alone before the search, where there is time."""
    brief_prompt: bool = False
    """A short prompt with the best passage alone, for models too small to follow instructions."""
    retry_attempts: Annotated[int, Field(ge=1, le=20)] = 3
    """Tries of a call to Ollama that is safe to repeat."""
    retry_backoff_ms: Annotated[int, Field(ge=1)] = 200
    """The wait before the second try; it doubles with each, with jitter."""

    sources: Path | None = None
    """A TOML file that maps topics to documents. Unset: `STREAMS_TOPIC_CHANGES` alone."""
    schema_registry_username: str | None = None
    """At the schema registries that the sources file names. Unset: they take anybody."""
    schema_registry_password: SecretStr | None = None
    """Of that user."""
    chunk_characters: Annotated[int, Field(ge=100, le=20000)] = 800
    """Characters that a passage has about. A change needs a reindex."""
    parse_timeout_s: Annotated[float, Field(gt=0, le=300)] = 60.0
    """Seconds of processor time that reading one document may take; more is a dead letter (`too_slow`)."""
    parse_memory_mb: Annotated[int, Field(ge=256, le=65536)] = 1024
    """MiB that a process which reads HTML, PDF or long texts may take (not on macOS); more is `too_large`."""
    parse_processes: Annotated[int, Field(ge=1, le=64)] = 2
    """Such processes in a worker, at most. They start when they are needed."""

    topic_changes: Topic = "documents.changes"
    """Document changes, native format."""
    topic_indexed: Topic = "documents.indexed"
    """Index receipts."""
    topic_documents_dead: Topic = "documents.dead"
    """Dead letters of changes."""
    topic_documents_retry: Topic = "documents.retry"
    """Changes sent back by `dead replay`."""
    topic_questions: Topic = "questions"
    """Questions."""
    topic_questions_dead: Topic = "questions.dead"
    """Dead letters of questions."""
    topic_questions_retry: Topic = "questions.retry"
    """Questions sent back by `dead replay`."""
    topic_questions_done: Topic = "questions.done"
    """How far each question got."""
    topic_answers: Topic = "answers"
    """Answer events of questions without a `reply-to`."""
    topic_shadow: Topic = "answers.shadow"
    """What a shadow model would have answered."""
    reply_topics: Annotated[str, Field(min_length=1)] = "replies.*"
    """Glob of the topics that a `reply-to` may name."""
    topic_partitions: Annotated[int, Field(ge=1, le=10000)] = 6
    """Partitions of a topic that `topics create` makes."""
    topic_replication: Annotated[int, Field(ge=1, le=99)] = 1
    """Copies of each partition of such a topic; of three or more, two must have a record to take it."""
    topic_max_message_bytes: Annotated[int, Field(ge=1024, le=1073741824)] = 8 * 1024 * 1024
    """Bytes of the largest record that is produced or indexed."""

    index_slots: Annotated[int, Field(ge=1, le=1024)] = 128
    """Changes that a worker applies at once."""
    answer_slots: Annotated[int, Field(ge=1, le=1024)] = 4
    """Questions that a worker answers at once."""
    drain_s: Annotated[float, Field(gt=0, le=9)] = 5.0
    """Seconds for which running work may finish at a stop or a rebalance."""
    vacuum_interval_s: Annotated[float, Field(gt=0)] = 600.0
    """Seconds between two full sweeps of superseded passages."""

    gateway_host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """Where `rag-streams gateway` listens."""
    gateway_port: Port = 8090
    """Its port; 0: any free one."""
    api_keys_file: Path | None = None
    """The keys that the gateway lets in, as `rag-streams keys` writes them. Read anew when it changes."""
    rate_limit: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}/(second|minute|hour|day)$")] = "600/minute"
    """Requests that a key without a limit of its own may make, counted in each gateway."""
    cors_origins: Annotated[str | None, Field(pattern=r"^https?://[^\s,/*]+(,https?://[^\s,/*]+)*$")] = None
    """Other sites whose pages may call the gateway, `https://HOST[:PORT][,…]`. Unset: none."""
    body_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Seconds within which a request must have arrived at the gateway whole."""

    connect_url: Annotated[str | None, Field(pattern=r"^https?://[^\s/]+")] = None
    """The Kafka Connect that writes source topics, `http://HOST:8083`: its connectors are watched."""
    metrics_host: str = "127.0.0.1"
    """Where `/livez`, `/readyz` and `/metrics` listen."""
    metrics_port: Port | None = None
    """Their port; 0: any free one. Unset: they are off."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe line that is logged."""
    log_format: Literal["console", "json"] = "console"
    """For people, or one JSON object a line."""
    state_dir: Path = Path(".rag-streams")
    """Where `rag-streams up` keeps its state file, logs and index."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then `.env`, then the files that `…_FILE` names in either."""
        del file_secret_settings
        dotenv = dotenv_settings.env_vars if isinstance(dotenv_settings, DotEnvSettingsSource) else {}
        named = {name.upper(): value for name, value in dotenv.items()} | dict(os.environ)
        return init_settings, env_settings, dotenv_settings, SecretFiles(settings_cls, named)

    @model_validator(mode="before")
    @classmethod
    def _bundled_models(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {**EMBEDDED_DEFAULTS, **values} if values.get("llm_provider") == "embedded" else values

    @model_validator(mode="after")
    def _whole(self) -> Self:
        sasl = self.kafka_security_protocol.startswith("SASL")
        for name in ("kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password"):
            given = getattr(self, name) is not None
            if sasl and not given:
                raise misconfigured(
                    name, f"is needed with {PREFIX}KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol}"
                )
            if given and not sasl:
                raise misconfigured(
                    name, f"needs {PREFIX}KAFKA_SECURITY_PROTOCOL to be SASL_SSL or SASL_PLAINTEXT"
                )
        if self.schema_registry_password is not None and self.schema_registry_username is None:
            raise misconfigured("schema_registry_username", "is needed with a password")
        if self.max_answer_tokens + PROMPT_TOKENS > self.num_ctx:
            raise misconfigured(
                "max_answer_tokens",
                f"must leave {PROMPT_TOKENS} tokens of {PREFIX}NUM_CTX ({self.num_ctx}) to the prompt",
            )
        for name in ("kafka_ssl_cafile", "sources"):
            path = getattr(self, name)
            if path is not None and not Path(path).is_file():
                raise misconfigured(name, f"names a file that does not exist: {path}")
        self._topics_differ()
        return self

    def _topics_differ(self) -> None:
        seen: dict[str, str] = {}
        for name, topic in self.topics.items():
            if topic in seen:
                raise misconfigured(
                    name, f"is {topic!r}, as is {PREFIX}{seen[topic].upper()}; each topic needs its own name"
                )
            seen[topic] = name

    @property
    def topics(self) -> Mapping[str, str]:
        """Every topic that a setting names, by that setting's field."""
        named = {name: getattr(self, name) for name in type(self).model_fields if name.startswith("topic_")}
        return {name: topic for name, topic in named.items() if isinstance(topic, str)}

    @property
    def kafka(self) -> str:
        """Where Kafka is, defaults applied."""
        return self.kafka_bootstrap_servers or "localhost:9092"

    @property
    def weaviate(self) -> str:
        """Where Weaviate is, defaults applied."""
        return self.weaviate_url or "http://localhost:8080"

    @property
    def ollama(self) -> str:
        """Where Ollama is, defaults applied."""
        return self.ollama_url or "http://localhost:11434"
