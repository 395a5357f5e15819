"""Metrics: each `Observed` event as a Prometheus counter.

A histogram where its name ends in `_seconds`, a gauge where it ends in `_timestamp_seconds`.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from streams.ports import Observed

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
"""Seconds, from a query of the store to the longest answer."""


class Metrics:
    """An observer that counts into `registry`. Labels must be the same for every event of a name."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._series: dict[str, Counter | Gauge | Histogram] = {}

    def __call__(self, event: Observed, /) -> None:
        """Counts one event."""
        series = self._series.get(event.name)
        if series is None:
            series = self._series[event.name] = self._make(event)
        one = series.labels(**event.labels) if event.labels else series
        if isinstance(one, Histogram):
            one.observe(event.value)
        elif isinstance(one, Gauge):
            one.set(event.value)
        else:
            one.inc(event.value)

    def _make(self, event: Observed) -> Counter | Gauge | Histogram:
        name, labels = f"streams_{event.name}", tuple(sorted(event.labels))
        if event.name.endswith("_timestamp_seconds"):
            return Gauge(name, event.name.replace("_", " "), labels, registry=self.registry)
        if event.name.endswith("_seconds"):
            return Histogram(
                name, event.name.replace("_", " "), labels, registry=self.registry, buckets=BUCKETS
            )
        return Counter(name, event.name.replace("_", " "), labels, registry=self.registry)
