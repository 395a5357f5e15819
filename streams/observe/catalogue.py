"""Every metric: its name, kind, labels and meaning. Nothing else is counted, and its page is made from this.

Names and units follow Prometheus' conventions: base units, `_total` for counters. A label has few values,
known from the code or from the settings: never an id, a tenant or anything else that comes with a record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]

PREFIX = "streams"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
"""From a query of the store to the longest answer."""
AGES = (*SECONDS[4:], 300, 900, 3600, 14400, 86400)
"""From a change that is found at once to one that waited for a day."""
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)

ROUTES = (("primary",), ("fallback",), ("extract",), ("none",))
WHY = ("timeout", "error", "circuit_open", "deadline")
ENDS = (
    ("primary", ""),
    ("primary", "rollout"),
    *product(("fallback", "extract"), WHY),
    ("extract", "ungrounded"),
    ("extract", "guarded"),
    ("none", "no_evidence"),
)
FAILURES = tuple(
    (code,) for code in ("deadline_exceeded", "stale_index", "invalid_question", "refused", "unavailable")
)
REFUSALS = tuple(
    (reason,)
    for reason in (
        "key_missing",
        "key_unknown",
        "key_revoked",
        "scope_missing",
        "rate_limited",
        "too_many_open",
    )
)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; `name` is without prefix and suffix.

    `initial`: values of the labels whose series are there from the start, at 0, so that the first event is
    seen as one. Without labels it always is.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    initial: Sequence[tuple[str, ...]] = ()
    buckets: Sequence[float] = SECONDS

    @property
    def shown(self) -> str:
        """The name as Prometheus shows it."""
        return f"{PREFIX}_{self.name}" + ("_total" if self.kind == "counter" else "")


def counter(
    name: str,
    help: str,  # noqa: A002 - Prometheus' word
    *labels: str,
    initial: Sequence[tuple[str, ...]] = (),
) -> Metric:
    """A number that only rises."""
    return Metric(name, "counter", help, labels, initial)


def gauge(name: str, help: str, *labels: str) -> Metric:  # noqa: A002 - Prometheus' word
    """A number as it is now."""
    return Metric(name, "gauge", help, labels)


def histogram(
    name: str,
    help: str,  # noqa: A002 - Prometheus' word
    *labels: str,
    initial: Sequence[tuple[str, ...]] = (),
    buckets: Sequence[float] = SECONDS,
) -> Metric:
    """How many of which size."""
    return Metric(name, "histogram", help, labels, initial, buckets)


CATALOGUE: Mapping[str, Sequence[Metric]] = {
    "Worker": (
        gauge("build_info", "1, with the version that runs", "version"),
        gauge(
            "pump_running",
            "1 where the role works; 0 while it starts, drains, waits for a server, or is stuck",
            "pump",
        ),
        gauge("kafka_up", "1 where Kafka answers, as it is asked every 5 s; of a gateway, too"),
        gauge("kafka_answer_seconds", "how long Kafka took, when it was asked last; of a gateway, too"),
        gauge("connect_up", "1 where the Kafka Connect that STREAMS_CONNECT_URL names answers, else 0"),
        gauge("connector_failed", "1 where a connector there, or a task of it, failed", "connector"),
        gauge("lag_records", "records on this worker's partitions that are not done with", "pump", "topic"),
        gauge("lag_seconds", "age of the oldest record that was taken and is not done with", "pump"),
        gauge(
            "watermark_stalled_seconds",
            "for how long the partition that stands still the longest has had records to do and done none",
            "pump",
        ),
        gauge("pending_records", "records that were taken and are not done with", "pump"),
    ),
    "Records": (
        counter(
            "records",
            "records that are done with: `done`, or `dead` where it ended as a dead letter",
            "pump",
            "outcome",
            initial=tuple(product(("index", "answer"), ("done", "dead"))),
        ),
        counter("retries", "tries that failed and are made again", "pump", "code"),
        counter("dead_letters", "dead letters: records that can never be processed", "pump", "code"),
        counter("unknown_fields", "fields of messages that this version does not know", "message"),
    ),
    "Indexing": (
        counter("receipts", "receipts: what became of each record", "outcome", "reason"),
        histogram(
            "freshness_seconds",
            "from the source's own time of a change to when it could be found",
            buckets=AGES,
        ),
        histogram(
            "queued_seconds", "from a record's timestamp in Kafka until a worker began with it", buckets=AGES
        ),
        histogram(
            "parse_seconds", "reading and cutting a document in a process beside the worker", "media_type"
        ),
        histogram("embed_seconds", "what a change waited for its vectors"),
        gauge(
            "slowest_document_seconds",
            "for how long the document has been at work that is so for the longest, from its first attempt",
        ),
        gauge("slowest_document_lacking_texts", "texts of that document that have no vector yet"),
        gauge("embed_batch_limit", "texts that one call of the embedding model has at most at the moment"),
        histogram("write_seconds", "what a change waited for its passages and its head to be written"),
        counter("passages_embedded", "passages that were embedded"),
        counter("passages_reused", "passages that were kept, or written with a copied embedding"),
        counter(
            "passage_cache", "texts that the cache of embeddings knew (`hit`) or did not (`miss`)", "result"
        ),
        counter("prompts_too_long", "documents cut anew since a passage did not fit the embedding model"),
        counter("parser_crashes", "times that a process ended while it read a document"),
        counter(
            "late_plans", "applies that were held up for longer than their lease, and planned or looked again"
        ),
        counter("passages_repaired", "passages that a head listed and that were written again"),
        counter("vacuumed_passages", "superseded passages that were deleted from the store"),
        counter("vacuumed_heads", "superseded heads that were deleted from the store"),
        counter("vacuum_failures", "rounds of the vacuum, or sweeps, that failed and are made again", "code"),
        counter("buried_documents", "documents that were found below a truncation"),
        gauge(
            "reconcile_last_clean_timestamp_seconds",
            "when [`reconcile`](../how-to/reconcile.md) last found nothing, in Unix time",
            "source",
        ),
        gauge(
            "reconcile_last_run_timestamp_seconds", "when `reconcile` last compared all of a source", "source"
        ),
        gauge(
            "reconcile_differing_documents",
            "documents that it left differing from what the topic says",
            "source",
        ),
    ),
    "Generations": (
        counter(
            "generation_changes",
            "what was seen of a [reindex](../how-to/reindex.md): `begun`, `switched`, `abandoned`, `dropped`",
            "change",
        ),
        counter("generation_carried", "changes that were brought to another generation, too"),
        counter("generation_refusals", "documents that the other generation can't hold", "code"),
    ),
    "Store and models": (
        histogram(
            "store_request_seconds",
            "calls to the store that succeeded",
            "operation",
            initial=(("hybrid",), ("write_passages",), ("write_heads",)),
        ),
        counter("store_errors", "calls to the store that failed", "operation", "code"),
        histogram("store_batch_objects", "heads or passages in one call", "operation", buckets=SIZES),
        histogram(
            "ollama_request_seconds",
            "requests to the model server that succeeded, to the end of the reply",
            "operation",
            initial=(("embed",), ("chat",)),
        ),
        counter("ollama_errors", "requests to the model server that failed, each try", "operation", "code"),
        histogram("embed_batch_texts", "texts in one call of the embedding model", buckets=SIZES),
        gauge(
            "clock_ahead_seconds",
            "seconds by which an indexing worker's clock is ahead of Weaviate's (below zero: behind), beyond"
            " a minute of which it vacuums nothing; with SQLite, by which it was set since the start",
        ),
        gauge("batch_queue_items", "texts, heads or passages that wait for the next call", "operation"),
    ),
    "Answering": (
        counter("answers", "answers that were completed", "route", "reason", initial=ENDS),
        counter("answers_failed", "questions that ended in `answer.failed`", "code", initial=FAILURES),
        counter("answers_sent_again", "ends that were decided before a crash and sent after it"),
        histogram(
            "answer_total_seconds",
            "from the question's timestamp to its answer's end",
            "route",
            initial=ROUTES,
        ),
        histogram(
            "answer_first_token_seconds",
            "until the model's first token",
            "route",
            initial=(("primary",), ("fallback",)),
        ),
        counter(
            "answer_tokens",
            "tokens that the models read (`prompt`) and wrote (`completion`) for answers",
            "route",
            "kind",
            initial=tuple(product(("primary", "fallback"), ("prompt", "completion"))),
        ),
        histogram(
            "answer_grounded_ratio",
            "the share of an answer's sentences that what they cite supports",
            "route",
            initial=(("primary",), ("fallback",)),
            buckets=SHARES,
        ),
        counter("answer_resets", "answers begun anew, by what took over", "reason", "route"),
        counter(
            "answer_retries", "calls that failed and were made again within the deadline", "step", "code"
        ),
        counter(
            "answer_checks_failed",
            "answers of which it could not be told whether a citation changed meanwhile",
        ),
        counter(
            "answer_by_words", "questions searched by words alone, as the embedder gave no vector in time"
        ),
        counter("answer_superseded_hits", "hits that were dropped since no current head lists them"),
        counter(
            "answers_truncated",
            "answers that were stopped at `STREAMS_MAX_ANSWER_TOKENS`, maybe in the middle",
            "route",
            initial=(("primary",), ("fallback",)),
        ),
        counter("answer_prompts_cut", "prompts that left something out to fit the model's context"),
        counter("answer_prompts_over", "prompts that had more tokens than the window leaves to one", "route"),
        counter(
            "answer_follow_ups", "follow-up questions made to stand alone, by a model or by program", "by"
        ),
        gauge("circuit_open", "1 while a model is left alone since it kept failing", "model"),
        gauge("model_loading", "1 while a worker has the model server load a model", "model"),
        histogram(
            "model_load_seconds", "loads of models; `outcome`: `loaded`, or what failed", "model", "outcome"
        ),
        gauge("questions_waiting", "questions that wait for a place"),
        gauge("answer_slots", "replies that may be generated at a time"),
        gauge("answer_slots_busy", "replies that are generated now"),
        counter(
            "guard_hits",
            "what [the guard](../how-to/guard.md) found in a `question`, a `passage` or an `answer`",
            "where",
            "kind",
        ),
        counter(
            "shadow_answers",
            "what became of a [shadow model's](../how-to/rollout-and-shadow.md) answers",
            "outcome",
        ),
    ),
    "Gateway": (
        counter("gateway_requests", "requests, by the path of their endpoint", "route", "method", "status"),
        histogram("gateway_response_seconds", "until a response began", "route", "method"),
        counter(
            "gateway_refusals",
            "requests that were turned away at the door",
            "reason",
            initial=REFUSALS,
        ),
        counter(
            "gateway_key_files",
            "times that the file of keys was another one: `read`, or `broken`, so that the keys before stay",
            "outcome",
            initial=(("read",), ("broken",)),
        ),
    ),
}

GATEWAY = frozenset({"Gateway"})
"""The sections of the gateway; all others are a worker's."""
METRICS: Mapping[str, Metric] = {metric.name: metric for metrics in CATALOGUE.values() for metric in metrics}
