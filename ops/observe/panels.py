"""What the dashboard shows: panels with their queries, in rows. `dashboard.json` is made from this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

RATE = "$__rate_interval"
"""Grafana's name for a window that fits the scrape interval and the step."""

Unit = Literal["short", "s", "percentunit", "ops", "bytes", "bool_on_off"]


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression, and what its series are called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: lines over time, or a single number (`stat`). `help` says what to make of it."""

    title: str
    unit: Unit
    queries: Sequence[Query]
    help: str = ""
    stat: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that belong together."""

    title: str
    panels: Sequence[Panel]


def rate(name: str, by: str = "", where: str = "") -> str:
    """The rate of a counter, summed over all workers."""
    series = f"streams_{name}" + (f"{{{where}}}" if where else "")
    return f"sum{f' by ({by}) ' if by else ''}(rate({series}[{RATE}]))"


def of_workers(process: str) -> str:
    """What the processes say of themselves that are workers."""
    return f"{process} and on (instance, job) streams_build_info"


def quantile(q: float, name: str, by: str = "") -> str:
    """A quantile of a histogram, over all workers."""
    return f"histogram_quantile({q}, {rate(f'{name}_bucket', ', '.join(filter(None, ('le', by))))})"


def mean(name: str, by: str = "") -> str:
    """The mean of a histogram, over all workers."""
    return f"{rate(f'{name}_sum', by)} / {rate(f'{name}_count', by)}"


def quantiles(name: str) -> Sequence[Query]:
    """Median and tails."""
    return tuple(Query(quantile(q, name), f"p{round(100 * q)}") for q in (0.5, 0.95, 0.99))


FALLBACK = 'route=~"fallback|extract"'
ANSWERED = 'route!="none"'
ABSTAINED = rate("answers_total", where='route="none"')
FALLBACK_SHARE = f"{rate('answers_total', where=FALLBACK)} / {rate('answers_total', where=ANSWERED)}"

ROWS: Sequence[Row] = (
    Row(
        "At a glance",
        (
            Panel("Workers", "short", (Query("count(streams_build_info)"),), stat=True),
            Panel(
                "Behind",
                "short",
                (Query("sum by (pump) (streams_lag_records)", "{{pump}}"),),
                "Records that are not done with.",
                stat=True,
            ),
            Panel(
                "Oldest record in hand",
                "s",
                (Query("max by (pump) (streams_lag_seconds)", "{{pump}}"),),
                stat=True,
            ),
            Panel(
                "A change can be found after (p95)",
                "s",
                (Query(quantile(0.95, "freshness_seconds")),),
                stat=True,
            ),
            Panel("Answers not by the first model", "percentunit", (Query(FALLBACK_SHARE),), stat=True),
            Panel(
                "Dead letters in an hour",
                "short",
                (Query('sum(increase(streams_records_total{outcome="dead"}[1h]))'),),
                "What they are, and what to do: docs/how-to/dead-letters.md.",
                stat=True,
            ),
        ),
    ),
    Row(
        "Answering",
        (
            Panel(
                "Answers by route",
                "ops",
                (Query(rate("answers_total", "route"), "{{route}}"),),
                "primary: the first model; fallback: the second; extract: passages, quoted; none: abstained.",
            ),
            Panel(
                "Why not the first model",
                "ops",
                (Query(rate("answers_total", "reason", FALLBACK), "{{reason}}"),),
            ),
            Panel(
                "Questions without an answer",
                "ops",
                (Query(rate("answers_failed_total", "code"), "{{code}}"),),
            ),
            Panel(
                "First token (p95)",
                "s",
                (Query(quantile(0.95, "answer_first_token_seconds", "route"), "{{route}}"),),
            ),
            Panel(
                "Whole answer (p95)",
                "s",
                (Query(quantile(0.95, "answer_total_seconds", "route"), "{{route}}"),),
            ),
            Panel(
                "Circuit",
                "bool_on_off",
                (Query("max by (model) (streams_circuit_open)", "{{model}}"),),
                "On: the model is left alone since it kept failing, and tried now and then.",
            ),
            Panel(
                "Slots and who waits",
                "short",
                (
                    Query("sum(streams_answer_slots_busy)", "busy"),
                    Query("sum(streams_answer_slots)", "slots"),
                    Query("sum(streams_questions_waiting)", "waiting"),
                ),
            ),
            Panel(
                "Tokens a second",
                "short",
                (Query(rate("answer_tokens_total", "route, kind"), "{{route}} {{kind}}"),),
            ),
            Panel(
                "Grounded (mean)",
                "percentunit",
                (Query(mean("answer_grounded_ratio", "route"), "{{route}}"),),
                "The share of an answer's sentences that what they cite supports.",
            ),
            Panel("Guard", "ops", (Query(rate("guard_hits_total", "where, kind"), "{{where}} {{kind}}"),)),
            Panel(
                "Abstained",
                "percentunit",
                (Query(f"{ABSTAINED} / {rate('answers_total')}"),),
                "Questions for which the index holds no evidence.",
            ),
        ),
    ),
    Row(
        "Indexing",
        (
            Panel("Records by outcome", "ops", (Query(rate("receipts_total", "outcome"), "{{outcome}}"),)),
            Panel(
                "Behind, by topic",
                "short",
                (Query("sum by (pump, topic) (streams_lag_records)", "{{pump}} {{topic}}"),),
            ),
            Panel("A change can be found after", "s", quantiles("freshness_seconds")),
            Panel(
                "Where a change's time goes (mean)",
                "s",
                tuple(Query(mean(f"{step}_seconds"), step) for step in ("queued", "embed", "write")),
            ),
            Panel(
                "Passages",
                "ops",
                (
                    Query(rate("passages_embedded_total"), "embedded"),
                    Query(rate("passages_reused_total"), "reused"),
                ),
            ),
            Panel(
                "Standing still",
                "s",
                (Query("max by (pump) (streams_watermark_stalled_seconds)", "{{pump}}"),),
                "For how long a partition that has records to do has done none.",
            ),
            Panel(
                "Dead letters", "ops", (Query(rate("dead_letters_total", "pump, code"), "{{pump}} {{code}}"),)
            ),
            Panel("Tries again", "ops", (Query(rate("retries_total", "pump, code"), "{{pump}} {{code}}"),)),
            Panel(
                "Documents that differ from their source",
                "short",
                (Query("max by (source) (streams_reconcile_differing_documents)", "{{source}}"),),
                "As `rag-streams reconcile` last found it.",
            ),
        ),
    ),
    Row(
        "Store and models",
        (
            Panel(
                "Model server (p95)",
                "s",
                (Query(quantile(0.95, "ollama_request_seconds", "operation"), "{{operation}}"),),
            ),
            Panel(
                "Model server, failures",
                "ops",
                (Query(rate("ollama_errors_total", "operation, code"), "{{operation}} {{code}}"),),
            ),
            Panel(
                "Store (p95)",
                "s",
                (Query(quantile(0.95, "store_request_seconds", "operation"), "{{operation}}"),),
            ),
            Panel(
                "Store, failures",
                "ops",
                (Query(rate("store_errors_total", "operation, code"), "{{operation}} {{code}}"),),
            ),
            Panel(
                "Items in a call (mean)",
                "short",
                (
                    Query(mean("embed_batch_texts"), "embed"),
                    Query(mean("store_batch_objects", "operation"), "{{operation}}"),
                ),
                "Batches grow with the load.",
            ),
            Panel(
                "Waiting for the next call",
                "short",
                (Query("sum by (operation) (streams_batch_queue_items)", "{{operation}}"),),
            ),
        ),
    ),
    Row(
        "Processes",
        (
            Panel("Memory", "bytes", (Query(of_workers("process_resident_memory_bytes"), "{{instance}}"),)),
            Panel(
                "Processor",
                "percentunit",
                (Query(of_workers(f"rate(process_cpu_seconds_total[{RATE}])"), "{{instance}}"),),
            ),
            Panel("Open files", "short", (Query(of_workers("process_open_fds"), "{{instance}}"),)),
            Panel(
                "At work",
                "bool_on_off",
                (Query("min by (instance, pump) (streams_pump_running)", "{{instance}} {{pump}}"),),
                "Off: the role starts, drains, or waits for a server; /readyz says which.",
            ),
            Panel(
                "Kafka answers",
                "bool_on_off",
                (Query("min by (instance) (streams_kafka_up)", "{{instance}}"),),
                "Off: it did not answer twice in a row; it is asked every five seconds.",
            ),
            Panel(
                "Kafka's answer takes",
                "s",
                (Query("max by (instance) (streams_kafka_answer_seconds)", "{{instance}}"),),
                "A request that Kafka has next to nothing to do for: well below 0.1 s while all is well.",
            ),
        ),
    ),
)

PANELS: Sequence[Panel] = tuple(panel for row in ROWS for panel in row.panels)
