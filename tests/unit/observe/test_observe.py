"""What is seen from outside: health, metrics, logs."""

import io
import json
import logging

import httpx
import structlog
from prometheus_client import CollectorRegistry

from streams.observe import health, logs
from streams.observe.metrics import Metrics
from streams.ports import Observed


async def answers_of(readiness, paths, registry=None):
    registry = registry or CollectorRegistry()
    app = health.application(readiness, registry)
    async with health.serve(app, host="127.0.0.1", port=0) as port, httpx.AsyncClient() as client:
        return [await client.get(f"http://127.0.0.1:{port}{path}") for path in paths]


async def test_readyz_says_what_is_not_ready_while_livez_stays_green():
    async def readiness():
        return {"store": None, "kafka": "no broker at localhost:9092"}

    live, ready = await answers_of(readiness, ["/livez", "/readyz"])
    assert live.status_code == 200
    assert ready.status_code == 503
    assert ready.json() == {"ready": False, "parts": {"store": "ok", "kafka": "no broker at localhost:9092"}}


async def test_readyz_is_green_when_every_part_is():
    async def readiness():
        return {"store": None}

    (ready,) = await answers_of(readiness, ["/readyz"])
    assert (ready.status_code, ready.json()["ready"]) == (200, True)


async def test_what_is_observed_can_be_scraped():
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics(Observed("receipts", labels={"outcome": "indexed", "reason": ""}))
    metrics(Observed("receipts", 2, {"reason": "", "outcome": "indexed"}))
    metrics(Observed("embed_seconds", 0.2))
    metrics(Observed("reconcile_differing_documents", 3, {"source": "kb"}))

    async def readiness():
        return {}

    (scraped,) = await answers_of(readiness, ["/metrics"], registry)
    assert 'streams_receipts_total{outcome="indexed",reason=""} 3.0' in scraped.text
    assert "streams_embed_seconds_count 1.0" in scraped.text
    assert 'streams_reconcile_differing_documents{source="kb"} 3.0' in scraped.text
    assert "process_resident_memory_bytes" in scraped.text


def test_what_may_happen_is_there_at_zero_so_that_its_first_time_is_seen_as_a_rise():
    registry = CollectorRegistry()
    Metrics(registry)
    assert registry.get_sample_value("streams_records_total", {"pump": "index", "outcome": "dead"}) == 0
    assert registry.get_sample_value("streams_answers_failed_total", {"code": "deadline_exceeded"}) == 0
    assert registry.get_sample_value("streams_freshness_seconds_count") == 0


def test_a_gauge_shows_what_is_there_when_it_is_scraped_and_no_more():
    registry, waiting = CollectorRegistry(), {("kb",): 3.0, ("cms",): 1.0}
    Metrics(registry).read("batch_queue_items", lambda: waiting)
    assert registry.get_sample_value("streams_batch_queue_items", {"operation": "kb"}) == 3
    waiting = {("kb",): 4.0}
    assert registry.get_sample_value("streams_batch_queue_items", {"operation": "kb"}) == 4
    assert registry.get_sample_value("streams_batch_queue_items", {"operation": "cms"}) is None


def test_a_label_that_takes_ever_more_values_makes_no_more_series():
    registry = CollectorRegistry()
    metrics = Metrics(registry, most_series=50)
    for number in range(1000):
        metrics(Observed("dead_letters", labels={"pump": "index", "code": f"code-{number}"}))
    counted = [
        sample
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "streams_dead_letters_total"
    ]
    assert len(counted) == 51
    assert sum(sample.value for sample in counted) == 1000


def test_an_event_that_no_metric_is_for_is_said_once_and_harms_nothing(caplog):
    metrics = Metrics(CollectorRegistry())
    for _ in range(2):
        metrics(Observed("no_such_thing"))
        metrics(Observed("records", labels={"tenant": "acme"}))
    assert [record.getMessage() for record in caplog.records] == [
        "no metric is named no_such_thing with the labels []",
        "no metric is named records with the labels ['tenant']",
    ]


def test_a_json_log_line_is_one_object_whoever_wrote_it():
    out = io.StringIO()
    before = logging.getLogger().handlers[:]
    try:
        logs.configure(level="info", style="json", stream=out)
        structlog.get_logger().info("worker started", roles=["index"])
        logging.getLogger("aiokafka").info("routine")
        logging.getLogger("aiokafka").error("no connection")
    finally:
        logging.getLogger().handlers[:] = before
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert (first["event"], first["roles"], first["level"]) == ("worker started", ["index"], "info")
    assert (second["event"], second["logger"]) == ("no connection", "aiokafka")
