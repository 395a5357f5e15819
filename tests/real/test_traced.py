"""A worker that is traced, and the spans that an OTLP receiver gets of it; its log lines by record."""

from __future__ import annotations

import asyncio
import gzip
import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.bench.stub import stub
from tests.observed import FIRST, Watched

SECRET = "otlp-canary-41c7"
TEXT = "quetzalite"
CHANGE, QUESTION, BAD = (f"{number:032x}" for number in (0xC4A, 0x0E5, 0xBAD))
PARENT = "00f067aa0ba902b7"


class Receiver:
    """An OTLP receiver: what it was sent, and who is told when there is more."""

    def __init__(self):
        self.spans, self.bodies, self.headers, self.more = [], [], {}, asyncio.Condition()

    async def take(self, request):
        body = await request.read()
        sent = ExportTraceServiceRequest.FromString(
            gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        )
        async with self.more:
            self.headers = request.headers.copy()
            self.bodies.append(str(sent))
            self.spans += [
                (dict(attributes(resource.resource)), span)
                for resource in sent.resource_spans
                for scope in resource.scope_spans
                for span in scope.spans
            ]
            self.more.notify_all()
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(), content_type="application/x-protobuf"
        )

    async def span(self, trace, name):
        """The span of that name in that trace, once it is here."""
        async with asyncio.timeout(60), self.more:
            while not (found := [s for _, s in self.spans if (s.trace_id.hex(), s.name) == (trace, name)]):
                await self.more.wait()
        return found[0]


def attributes(of):
    return {one.key: one.value.string_value or one.value.int_value for one in of.attributes}


@asynccontextmanager
async def receiving():
    receiver = Receiver()
    app = web.Application(client_max_size=1 << 24)
    app.add_routes([web.post("/v1/traces", receiver.take)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield receiver, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def traceparent(trace):
    return ("traceparent", f"00-{trace}-{PARENT}-01".encode())


def along(record):
    return dict(record.headers)["traceparent"].decode().split("-")


@pytest.mark.timeout(400)
async def test_one_trace_leads_from_a_producer_through_the_index_or_the_models_to_what_is_sent(
    kafka, weaviate, tmp_path
):
    async with receiving() as (receiver, url), asyncio.timeout(300):
        with stub(embed_ms=1, first_ms=1, token_ms=1, tokens=5) as models:
            environ = {
                "OTEL_EXPORTER_OTLP_ENDPOINT": url,
                "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{SECRET}",
                "OTEL_BSP_SCHEDULE_DELAY": "200",
                "STREAMS_LOG_LEVEL": "debug",
                "STREAMS_LOG_FORMAT": "json",
            }
            async with Watched(tmp_path, kafka, weaviate, models, environ) as watched:
                await indexed(watched, receiver)
                await answered(watched, receiver)
                await buried(watched)
    assert watched.stopped == 0
    assert receiver.headers["authorization"] == f"Bearer {SECRET}"
    assert {resource["service.name"] for resource, _ in receiver.spans} == {"rag-streams"}
    assert not [body for body in receiver.bodies if TEXT in body or SECRET in body]
    log = watched.worker.log.read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    assert SECRET not in log
    assert not [line for line in lines if line["level"] != "debug" and TEXT in json.dumps(line)]
    letters = [line for line in lines if "dead letter" in line["event"]]
    assert [line["record"] for line in letters] == [f"{watched.name}.changes-0-1"]


async def indexed(watched, receiver):
    """A change, in its trace: waiting, the model's call, the store's, and its receipt."""
    value = json.dumps({"id": "kb/1", "text": f"The {TEXT} lamp hangs over the door."}).encode()
    await watched.send("changes", (b"default/kb/1", value), headers=[traceparent(CHANGE)])
    process = await receiver.span(CHANGE, f"process {watched.name}.changes")
    said = attributes(process)
    assert process.parent_span_id.hex() == PARENT
    assert (said["messaging.system"], said["messaging.kafka.offset"]) == ("kafka", 0)
    assert (said["streams.outcome"], said["streams.document.id"]) == ("indexed", "kb/1")
    waits = await receiver.span(CHANGE, "embed")
    call = await receiver.span(CHANGE, "embeddings all-minilm")
    write = await receiver.span(CHANGE, "write_heads weaviate")
    assert (waits.parent_span_id, call.parent_span_id) == (process.span_id, waits.span_id)
    assert attributes(write)["db.operation.name"] == "write_heads"
    (receipt,) = await watched.records("indexed", lambda got: got)
    assert along(receipt) == ["00", CHANGE, process.span_id.hex(), "01"]


async def answered(watched, receiver):
    """A question, in its trace: the search, the model's reply, and its answer."""
    value = json.dumps({"id": "q-1", "text": f"where does the {TEXT} lamp hang over the door?"}).encode()
    await watched.send("questions", (None, value), headers=[traceparent(QUESTION)])
    process = await receiver.span(QUESTION, f"process {watched.name}.questions")
    chat = await receiver.span(QUESTION, f"chat {FIRST}")
    search = await receiver.span(QUESTION, "hybrid weaviate")
    assert attributes(process)["streams.question.id"] == "q-1"
    assert {chat.parent_span_id, search.parent_span_id} == {process.span_id}
    assert attributes(chat)["gen_ai.usage.input_tokens"] == 100
    events = await watched.records("answers", lambda got: got and b"answer.completed" in got[-1].value)
    assert {tuple(along(event)) for event in events} == {("00", QUESTION, process.span_id.hex(), "01")}


async def buried(watched):
    """A dead letter keeps the headers that it came with."""
    await watched.send("changes", (b"default/bad", b'{"id": "bad"}'), headers=[traceparent(BAD)])
    (letter,) = await watched.records("documents.dead", lambda got: got)
    assert along(letter) == ["00", BAD, PARENT, "01"]
