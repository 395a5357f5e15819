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
    metrics(Observed("changes", labels={"outcome": "indexed"}))
    metrics(Observed("changes", 2, {"outcome": "indexed"}))
    metrics(Observed("embed_seconds", 0.2))

    async def readiness():
        return {}

    (scraped,) = await answers_of(readiness, ["/metrics"], registry)
    assert 'streams_changes_total{outcome="indexed"} 3.0' in scraped.text
    assert "streams_embed_seconds_count 1.0" in scraped.text


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
