"""Traces: what spans there are, in whose trace, linked how, and what they never say."""

import asyncio
import json
import sys
from datetime import UTC, datetime

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from streams import sources
from streams.agents.followed import Followed
from streams.agents.indexing import Indexing, _says
from streams.agents.pump.work import Ended
from streams.errors import Misconfigured, Rejected, Retryable
from streams.indexing.applied import Applied
from streams.indexing.batching.embed import CoalescedEmbedder
from streams.messages.records import Record
from streams.observe import otel
from streams.observe.tracing import Tracing
from streams.ports import ChatChunk, ChatMessage, ChatRequest, unobserved

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
SECRET = "the canary's own text"
NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.fixture
def exported():
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exported):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exported))
    return Tracing(provider, server="gpu:11434", store="weaviate")


class Embedder:
    """A model whose calls last until it is told."""

    model, dimension, window = "all-minilm", 2, 256

    def __init__(self):
        self.calls, self.called, self.go_on = [], asyncio.Event(), asyncio.Event()

    async def embed_documents(self, texts):
        self.calls.append(len(texts))
        self.called.set()
        await self.go_on.wait()
        return [[1.0, 0.0] for _ in texts]


class Indexer:
    """Embeds what it is to apply, and refuses what is called bad."""

    def __init__(self, embedder):
        self.embedder = embedder

    async def apply(self, change):
        if change.document.id == "bad":
            raise Rejected("never", code="too_deep")
        await self.embedder.embed_documents([change.document.text])
        return Applied("indexed", None, change.document.tenant, change.document.id, None)


def record(number, name="doc", traceparent=PARENT):
    headers = (("traceparent", traceparent.encode()), ("tracestate", b"vendor=1"), ("mine", b"kept"))
    value = json.dumps({"id": name, "text": f"{SECRET} {number}"}).encode()
    return Record("changes", 0, number, 1_000, f"default/{name}".encode(), value, headers)


class Bench:
    """Indexing, followed and traced, with what it sends."""

    def __init__(self, tracing):
        self.embedder, self.sent = Embedder(), []
        watched = CoalescedEmbedder(self.embedder, max_in_flight=1, watch=tracing.embeddings("all-minilm"))

        async def deliver(outgoing):
            self.sent.append(outgoing)

        work = Indexing(
            lambda record: sources.decode(sources.Source("changes"), record, max_bytes=10_000),
            Indexer(watched), retry_topic="retry", receipts_topic="receipts", deliver=deliver,
            embed_model=lambda: "all-minilm", now=lambda: NOW, observe=unobserved,
        )  # fmt: skip
        traces = (lambda record: tracing.record(record, "rag-streams-index")) if tracing else None
        self.work = Followed(work, traces=traces, says=_says)

    async def process(self, record):
        """As the pump does: handled, then concluded."""
        ((_, item),) = self.work.prepare(record)
        try:
            outcome = await self.work.handle(item)
        except Rejected as error:
            outcome = error
        await self.work.conclude(record, [Ended(item, outcome)])


def named(exported, name):
    return [span for span in exported.get_finished_spans() if span.name == name]


def hexadecimal(span):
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"


async def test_a_change_is_a_span_in_its_producers_trace_and_its_receipt_goes_on_with_it(tracing, exported):
    bench = Bench(tracing)
    bench.embedder.go_on.set()
    await bench.process(record(7))
    (span,) = named(exported, "process changes")
    assert (hexadecimal(span)[0], f"{span.parent.span_id:016x}") == (TRACE, "00f067aa0ba902b7")
    assert span.kind.name == "CONSUMER"
    assert span.attributes["messaging.system"] == "kafka"
    assert span.attributes["messaging.operation.type"] == "process"
    assert span.attributes["messaging.destination.name"] == "changes"
    assert span.attributes["messaging.kafka.offset"] == 7
    assert span.attributes["messaging.consumer.group.name"] == "rag-streams-index"
    assert span.attributes["streams.outcome"] == "indexed"
    assert span.attributes["streams.document.id"] == "doc"
    headers = dict(bench.sent[0].headers)
    assert headers["traceparent"].decode() == f"00-{TRACE}-{hexadecimal(span)[1]}-01"
    assert headers["tracestate"] == b"vendor=1"


async def test_a_call_for_one_change_is_within_its_trace(tracing, exported):
    bench = Bench(tracing)
    bench.embedder.go_on.set()
    await bench.process(record(1))
    (process,), (waits,), (call,) = (
        named(exported, name) for name in ("process changes", "embed", "embeddings all-minilm")
    )
    assert waits.parent.span_id == process.context.span_id
    assert call.parent.span_id == waits.context.span_id
    assert {hexadecimal(span)[0] for span in (process, waits, call)} == {TRACE}
    assert call.kind.name == "CLIENT"
    assert call.attributes["gen_ai.operation.name"] == "embeddings"
    assert call.attributes["gen_ai.request.model"] == "all-minilm"
    assert (call.attributes["server.address"], call.attributes["server.port"]) == ("gpu", 11434)


async def test_a_call_for_several_is_a_trace_of_its_own_linked_with_each_of_theirs(tracing, exported):
    bench = Bench(tracing)
    parents = [f"00-{number:032x}-00f067aa0ba902b7-01" for number in (1, 2, 3)]
    first, *others = (
        asyncio.create_task(bench.process(record(number, f"doc-{number}", parent)))
        for number, parent in enumerate(parents)
    )
    await bench.embedder.called.wait()
    bench.embedder.go_on.set()
    await asyncio.gather(first, *others)
    waits = {hexadecimal(span)[0]: span for span in named(exported, "embed")}
    calls = named(exported, "embeddings all-minilm")
    joint = [call for call in calls if call.links]
    assert sorted(waits) == [f"{number:032x}" for number in (1, 2, 3)]
    assert sum(call.attributes["streams.items"] for call in calls) == 3
    assert len(joint) == 1
    linked = {f"{link.context.trace_id:032x}" for link in joint[0].links}
    assert len(linked) == joint[0].attributes["streams.items"] > 1
    assert joint[0].parent is None
    for trace_id in linked:
        assert [link.context.span_id for link in waits[trace_id].links] == [joint[0].context.span_id]


async def test_a_change_that_is_refused_is_a_span_with_its_code(tracing, exported):
    bench = Bench(tracing)
    await bench.process(record(1, "bad"))
    (span,) = named(exported, "process changes")
    assert span.status.status_code.name == "ERROR"
    assert span.attributes["error.type"] == "too_deep"
    assert span.attributes["streams.outcome"] == "dead"


async def test_a_change_that_is_let_go_has_a_span_and_another_when_it_comes_again(tracing, exported):
    bench = Bench(tracing)
    ((_, item),) = bench.work.prepare(record(1))
    task = asyncio.create_task(bench.work.handle(item))
    await bench.embedder.called.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (span,) = named(exported, "process changes")
    assert span.attributes["error.type"] == "let_go"
    bench.embedder.go_on.set()
    await bench.process(record(1))
    assert len(named(exported, "process changes")) == 2


async def test_a_record_without_a_trace_or_with_a_broken_one_begins_its_own(tracing, exported):
    bench = Bench(tracing)
    bench.embedder.go_on.set()
    await bench.process(record(1, traceparent="00-nonsense"))
    (span,) = named(exported, "process changes")
    assert span.parent is None


async def test_what_is_not_traced_makes_no_spans_and_its_traceparent_is_carried_on(tracing, exported):
    bench = Bench(tracing)
    bench.work = Followed(bench.work._work)
    bench.embedder.go_on.set()
    await bench.process(record(1))
    assert exported.get_finished_spans() == ()
    assert dict(bench.sent[0].headers)["traceparent"].decode() == PARENT


async def test_a_trace_that_is_not_sampled_is_carried_on_and_makes_no_span(tracing, exported):
    bench = Bench(tracing)
    bench.embedder.go_on.set()
    await bench.process(record(1, traceparent=f"00-{TRACE}-00f067aa0ba902b7-00"))
    assert exported.get_finished_spans() == ()
    assert dict(bench.sent[0].headers)["traceparent"].decode().startswith(f"00-{TRACE}-")


class Model:
    """A generator that says this, then fails where it is told to."""

    def __init__(self, failure=None):
        self.failure = failure

    async def chat(self, _request):
        yield ChatChunk(SECRET)
        if self.failure:
            raise self.failure
        yield ChatChunk("", done=True, done_reason="stop", prompt_tokens=11, completion_tokens=3)


REQUEST = ChatRequest(
    model="llama3:70b", messages=(ChatMessage("user", SECRET),), max_tokens=64, temperature=0.0, num_ctx=512
)


async def said(tracing, model):
    span = tracing.record(record(1), "rag-streams-answer")
    with span.active():
        text = [chunk.text async for chunk in tracing.generator(model).chat(REQUEST)]
    span.end(None, {})
    return text


async def test_a_reply_is_a_span_with_what_the_model_counted(tracing, exported):
    assert await said(tracing, Model()) == [SECRET, ""]
    (chat,) = named(exported, "chat llama3:70b")
    assert chat.kind.name == "CLIENT"
    assert hexadecimal(chat)[0] == TRACE
    assert chat.attributes["gen_ai.operation.name"] == "chat"
    assert chat.attributes["gen_ai.provider.name"] == "ollama"
    assert chat.attributes["gen_ai.usage.input_tokens"] == 11
    assert chat.attributes["gen_ai.usage.output_tokens"] == 3
    assert chat.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert [event.name for event in chat.events] == ["first_token"]


async def test_a_reply_that_fails_is_a_span_with_the_code(tracing, exported):
    with pytest.raises(Retryable):
        await said(tracing, Model(Retryable(SECRET, code="broken_stream")))
    (chat,) = named(exported, "chat llama3:70b")
    assert chat.attributes["error.type"] == "broken_stream"


async def test_a_call_to_the_store_is_a_span_by_the_conventions_for_databases(tracing, exported):
    span = tracing.record(record(1), "rag-streams-answer")
    with span.active(), pytest.raises(Retryable), tracing.store().call("hybrid", 1):
        raise Retryable(SECRET, code="store_down")
    span.end(None, {})
    (call,) = named(exported, "hybrid weaviate")
    assert (call.attributes["db.system.name"], call.attributes["db.operation.name"]) == ("weaviate", "hybrid")
    assert call.attributes["error.type"] == "store_down"


async def test_no_span_holds_a_text(tracing, exported):
    bench = Bench(tracing)
    bench.embedder.go_on.set()
    await bench.process(record(1))
    await bench.process(record(2, "bad"))
    await said(tracing, Model())
    with pytest.raises(Retryable):
        await said(tracing, Model(Retryable(SECRET, code="x")))
    spans = exported.get_finished_spans()
    assert len(spans) > 6
    assert not [span for span in spans if SECRET in span.to_json()]


@pytest.mark.parametrize(
    ("environ", "answer"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, False),
    ],
)
def test_traces_are_on_where_the_standard_variables_say_where_to_send_them(environ, answer):
    assert otel.wanted(environ) is answer


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_TRACES_EXPORTER": "zipkin"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    ],
)
def test_what_we_cannot_send_stops_the_worker_by_the_variables_name(environ):
    with pytest.raises(Misconfigured) as stopped:
        otel.tracing(environ, server="", store="")
    assert stopped.value.setting in environ


def test_traces_that_are_wanted_without_the_library_stop_the_worker_and_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(Misconfigured, match=r"pip install 'rag-streams\[otel\]'"):
        otel.tracing({"OTEL_TRACES_EXPORTER": "otlp"}, server="", store="")
