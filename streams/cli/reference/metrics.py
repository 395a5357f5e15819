"""The metrics' page."""

from __future__ import annotations

from collections.abc import Sequence

from streams.observe.catalogue import CATALOGUE, Metric

HEAD = """# Metrics

Where `STREAMS_METRICS_PORT` is set, a worker serves `/metrics` in Prometheus' format, beside `/livez` and
`/readyz`, at `STREAMS_METRICS_HOST` (this machine alone, unless that is set). Labels have few values: none
is an id, a tenant or anything else that comes with a record, and a metric never has more than 500 series.
What `pump` names is a role, `index` or `answer`. Beside these there are those of the process (`process_…`).

[Observing](../how-to/observe.md) has a dashboard and alerts made of them.
"""

FOOT = """
Lag counts the partitions that a worker has been given, so the sum over all workers is a group's. Where no
worker runs there is nothing to scrape: Kafka tells the lag of the groups `STREAMS_GROUP`-index and
`STREAMS_GROUP`-answer then.
"""


def page() -> str:
    """The page's Markdown, made from the catalogue."""
    return HEAD + "".join(_section(title, metrics) for title, metrics in CATALOGUE.items()) + FOOT


def _section(title: str, metrics: Sequence[Metric]) -> str:
    rows = "".join(_row(metric) for metric in metrics)
    return f"\n## {title}\n\n| metric | kind | labels | what it is |\n| --- | --- | --- | --- |\n{rows}"


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.shown}` | {metric.kind} | {labels} | {metric.help} |\n"
