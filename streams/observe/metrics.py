"""Metrics: each `Observed` event counted as the catalogue says, and gauges that are read at each scrape."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from streams.observe.catalogue import CATALOGUE, GATEWAY, METRICS, PREFIX, Metric
from streams.ports import Observed

logger = logging.getLogger(__name__)

MOST_SERIES = 500
"""Of one metric. Whatever a label turns out to hold, memory and Prometheus are not filled with it."""
OTHER = "other"

Values = Callable[[], Mapping[tuple[str, ...], float]]
"""The present values of a gauge, by its labels."""


class Metrics:
    """An observer that counts into `registry`.

    An event that the catalogue does not have is not counted, and said once. A metric has at most
    `most_series` series; what comes beyond is counted with `other` for each label. `gateway`: the series that
    are there from the start are the gateway's, else a worker's.
    """

    def __init__(
        self, registry: CollectorRegistry, *, most_series: int = MOST_SERIES, gateway: bool = False
    ) -> None:
        self.registry = registry
        self._most = most_series
        self._series: dict[str, _Series] = {}
        self._read = _Read()
        self._unknown: set[str] = set()
        own = [metrics for section, metrics in CATALOGUE.items() if (section in GATEWAY) == gateway]
        for metric in (metric for metrics in own for metric in metrics):
            if not metric.labels and metric.kind != "gauge":
                self._of(metric.name)
            for labels in metric.initial:
                self._of(metric.name).one(labels)
        registry.register(self._read)
        ProcessCollector(registry=registry)

    def __call__(self, event: Observed, /) -> None:
        """Counts one event."""
        metric = METRICS.get(event.name)
        if metric is None or event.labels.keys() != set(metric.labels):
            self._say(event)
            return
        one = self._of(event.name).one(tuple(event.labels[name] for name in metric.labels))
        if isinstance(one, Histogram):
            one.observe(event.value)
        elif isinstance(one, Gauge):
            one.set(event.value)
        else:
            one.inc(event.value)

    def read(self, name: str, values: Values) -> None:
        """Has the gauge `name` shown as `values` gives it at each scrape."""
        self._read.gauges[name] = (METRICS[name], values)

    def _of(self, name: str) -> _Series:
        if name not in self._series:
            self._series[name] = _Series(METRICS[name], self.registry, self._most)
        return self._series[name]

    def _say(self, event: Observed) -> None:
        if event.name not in self._unknown:
            self._unknown.add(event.name)
            logger.error("no metric is named %s with the labels %s", event.name, sorted(event.labels))


class _Series:
    """The series of one metric, by the values of its labels, of which there are no more than `most`."""

    def __init__(self, metric: Metric, registry: CollectorRegistry, most: int) -> None:
        self._most = most
        self._known: dict[tuple[str, ...], Counter | Gauge | Histogram] = {}
        self._all = _made(metric, registry)

    def one(self, labels: tuple[str, ...]) -> Counter | Gauge | Histogram:
        """That of these labels."""
        if not labels:
            return self._all
        if labels not in self._known:
            if len(self._known) >= self._most:
                labels = (OTHER,) * len(labels)
            self._known[labels] = self._all.labels(*labels)
        return self._known[labels]


class _Read(Collector):
    """Gauges that are asked for their values when they are scraped."""

    def __init__(self) -> None:
        self.gauges: dict[str, tuple[Metric, Values]] = {}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Each gauge with what it is now."""
        for metric, values in list(self.gauges.values()):
            family = GaugeMetricFamily(f"{PREFIX}_{metric.name}", metric.help, labels=metric.labels)
            for labels, value in values().items():
                family.add_metric(labels, value)
            yield family

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing before it is read."""
        return ()


def _made(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    name = f"{PREFIX}_{metric.name}"
    if metric.kind == "gauge":
        return Gauge(name, metric.help, metric.labels, registry=registry)
    if metric.kind == "histogram":
        return Histogram(name, metric.help, metric.labels, registry=registry, buckets=metric.buckets)
    return Counter(name, metric.help, metric.labels, registry=registry)
