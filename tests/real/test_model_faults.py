"""Ollama behind a network that fails: each question ends by its deadline, and says why it ends as it does."""

import asyncio
import json
import time
import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from ops.servers.ollama_models import EMBED_MODEL, GENERATE_MODEL
from ops.servers.process import free_ports
from streams.kafka.consume import tail
from tests.asked import Site
from tests.proxy import proxied

LATE_S = 8.0
"""How much later than its deadline an end may be on a machine that is busy: one that waited for a hung model
instead would be later."""
FALLBACK_MODEL = f"smollm2-{uuid.uuid4().hex[:8]}:135m"
"""The same model by another name, of this run alone: servers share a folder of models."""
MAX_TOKENS = 24
CHAT = {"only": b"POST /api/chat"}
EMBED = {"only": b"POST /api/embed"}
FIRST = CHAT | {"about": f'"model":"{GENERATE_MODEL}"'.encode()}
"""What strikes the first model alone."""
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


@pytest.fixture
def fallback(ollama):
    copied = {"source": GENERATE_MODEL, "destination": FALLBACK_MODEL}
    httpx.post(f"{ollama}/api/copy", json=copied, timeout=60).raise_for_status()
    yield FALLBACK_MODEL
    gone = httpx.request("DELETE", f"{ollama}/api/delete", json={"model": FALLBACK_MODEL}, timeout=60)
    gone.raise_for_status()


@pytest.fixture
def site(kafka, fallback, tmp_path):
    site = Site(
        kafka, tmp_path, f"http://127.0.0.1:{free_ports()}",
        STREAMS_EMBED_MODEL=EMBED_MODEL,
        STREAMS_GENERATE_MODEL=GENERATE_MODEL,
        STREAMS_FALLBACK_MODEL=fallback,
        STREAMS_MAX_ANSWER_TOKENS=str(MAX_TOKENS),
        STREAMS_FIRST_TOKEN_TIMEOUT_MS="15000",
        STREAMS_TOKEN_TIMEOUT_MS="5000",
        STREAMS_RETRY_BACKOFF_MS="50",
    )  # fmt: skip
    asyncio.run(site.create())
    return site


def said(events):
    """What happened, without the deltas between."""
    return [
        (event.type.removeprefix("answer."), getattr(event, "reason", None))
        for event in events
        if event.type != "answer.delta"
    ]


@pytest.mark.timeout(240)
async def test_whatever_becomes_of_ollama_each_question_has_its_end_by_its_deadline(site, ollama, fallback):
    own, upstream = (int(url.rsplit(":", 1)[1]) for url in (site.environ["STREAMS_OLLAMA_URL"], ollama))
    async with proxied(own, upstream) as proxy, site.asking() as ask:
        with site.worker() as worker:
            await asyncio.to_thread(worker.ready)
            after = await ask.put(site.changes, "doc")

            async def asked(deadline_ms, routes, text="What is said of alpha?", **fault):
                proxy.strike(**fault)
                began = time.monotonic()
                events = await ask.events(after, deadline_ms=deadline_ms, text=text)
                assert time.monotonic() - began <= deadline_ms / 1000 + LATE_S, fault
                proxy.strike()
                assert events[-1].type == "answer.completed"
                assert events[-1].route in routes
                assert events[-1].truncated == (events[-1].usage.completion_tokens >= MAX_TOKENS)
                return events

            # A reply that is cut has begun; what was said is taken back, and the fallback answers.
            events = await asked(60_000, {"fallback"}, **FIRST, cut_after=600)
            assert said(events) == [("started", None), ("reset", "error"), ("completed", "error")]
            assert (events[1].type, events[-1].model) == ("answer.delta", fallback)
            # What is late, but not too late, is waited for.
            events = await asked(60_000, {"primary"}, **FIRST, delay_s=1)
            assert said(events) == [("started", None), ("completed", None)]
            assert events[-1].timings.first_token >= 2000
            events = await asked(60_000, {"fallback"}, **FIRST, says=BUSY)
            assert said(events) == [("started", None), ("reset", "error"), ("completed", "error")]
            # How much of a short deadline the fallback needs is this machine's affair.
            events = await asked(6_000, {"fallback", "extract"}, **FIRST, hangs=True)
            assert events[-1].reason in {"timeout", "deadline"}
            events = await asked(60_000, {"fallback"}, **FIRST, delay_s=8)
            assert said(events) == [("started", None), ("reset", "timeout"), ("completed", "timeout")]

            # Neither model can be reached: passages are quoted.
            events = await asked(60_000, {"extract"}, **CHAT, says=BUSY)
            assert said(events)[:2] == [("started", None), ("reset", "error")]
            assert events[-1].reason == "error"

            # Not even the question can be embedded: its words find what is answered from, or quoted.
            text, any_route = "What is alpha of doc?", {"primary", "fallback", "extract"}
            for fault, routes in (
                (EMBED | {"says": BUSY}, any_route),
                (EMBED | {"hangs": True}, any_route),
                ({"hangs": True}, {"extract"}),
                ({"says": BUSY}, {"extract"}),
            ):
                events = await asked(4000, routes, text, **fault)
                assert events[-1].by_words
                assert events[0].citations[0].document_id == "doc"
            await proxy.refuse()
            assert (await asked(4000, {"extract"}, text))[-1].by_words
            await proxy.listen()
            assert (await ask(after)).type == "answer.completed"


@pytest.mark.timeout(240)
async def test_a_worker_has_the_models_loaded_that_were_not_and_kept_so(site, ollama, fallback):
    async with httpx.AsyncClient(base_url=ollama, timeout=60, trust_env=False) as http:
        unload = {"model": GENERATE_MODEL, "messages": [], "keep_alive": 0}
        (await http.post("/api/chat", json=unload)).raise_for_status()

        async def kept():
            """Hours for which each model that is loaded stays so."""
            models = (await http.get("/api/ps")).json()["models"]
            return {
                one["name"]: (datetime.fromisoformat(one["expires_at"]) - datetime.now(UTC))
                / timedelta(hours=1)
                for one in models
            }

        async with asyncio.timeout(60):
            while {GENERATE_MODEL, fallback} & (await kept()).keys():  # noqa: ASYNC110 - Ollama tells nobody
                await asyncio.sleep(0.1)
        site.environ["STREAMS_OLLAMA_URL"] = ollama
        with site.worker() as worker:
            await asyncio.to_thread(worker.ready)
            loaded = {
                name: hours for name, hours in (await kept()).items() if name in {GENERATE_MODEL, fallback}
            }
            assert loaded
            assert all(hours > 23 for hours in loaded.values())


PASSAGES = 800
KILLS = 3
BATCH = 32
CALLS = 10
"""For embeddings, until the server goes away: three times as many are not enough for all."""


async def gauges(worker):
    """What the worker's metrics are, by their names and labels."""
    async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
        text = (await http.get(f"http://127.0.0.1:{worker.port}/metrics")).text
    lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


async def until(worker, holds):
    async with asyncio.timeout(120):
        while not holds(await gauges(worker)):  # noqa: ASYNC110 - a worker is scraped
            await asyncio.sleep(0.02)


@pytest.mark.timeout(240)
async def test_a_large_document_goes_on_where_it_was_when_the_model_server_was_away(site, ollama):
    own, upstream = (int(url.rsplit(":", 1)[1]) for url in (site.environ["STREAMS_OLLAMA_URL"], ollama))
    site.environ["STREAMS_CHUNK_CHARACTERS"] = "100"
    text = "\n\n".join(
        f"Paragraph {number} tells of the thing that has number {number * 7919} in the long list of things."
        for number in range(PASSAGES)
    )
    lacking = "streams_slowest_document_lacking_texts"
    async with (
        proxied(own, upstream) as proxy,
        tail(site.connection, f"{site.name}.indexed") as receipts,
        site.asking() as ask,
    ):
        with site.worker(roles="index") as worker:
            await asyncio.to_thread(worker.ready)
            proxy.strike(**EMBED)
            await ask.put(site.changes, "large", more=text)
            for _ in range(KILLS):
                async with asyncio.timeout(120):
                    await proxy.asked(CALLS)
                proxy.strike(**EMBED, hangs=True)
                await until(worker, lambda now: 0 < now[lacking] < PASSAGES)
                await proxy.refuse()
                proxy.strike(**EMBED)
                await until(worker, lambda now: now['streams_pump_running{pump="index"}'] == 0)
                await proxy.listen()
            async with asyncio.timeout(120):
                receipt = json.loads((await anext(receipts)).value)
            asked_for = (await gauges(worker))["streams_embed_batch_texts_sum"]
    assert receipt["outcome"] == "indexed"
    assert receipt["passages"]["embedded"] == receipt["passages"]["total"] >= PASSAGES
    # What was under way or in line when the server went, and was not made.
    assert asked_for <= receipt["passages"]["total"] + KILLS * 6 * BATCH
