"""Traces: OpenTelemetry's spans of records, of calls to store and models, and of what links them.

Names and attributes are those of its semantic conventions for messaging, databases and generative AI. No
attribute holds a text of a document, a question or an answer, or a secret.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from streams import __version__
from streams.errors import StreamsError
from streams.messages.headers import TRACE, Headers, along
from streams.messages.records import Record
from streams.ports import ChatChunk, ChatRequest, Generator, Watch

_W3C = TraceContextTextMapPropagator()
ROOT = Context()

Attributes = Mapping[str, AttributeValue]
Named = Callable[[str], tuple[str, Attributes]]
"""What the span of an operation is called, and what it says."""


class Tracing:
    """Makes spans with `provider`. `server` is the model server's `host:port`, `store` the store's name."""

    def __init__(self, provider: TracerProvider, *, server: str = "", store: str = "") -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("rag-streams", __version__)
        self._server, self._store = server, store

    def record(self, record: Record, group: str) -> RecordSpan:
        """Begins the span of a record that `group` works on, in the trace that its headers name."""
        carrier = {
            name: text.decode("ascii", "replace") for name, text in along(record.headers, TRACE) if text
        }
        return RecordSpan(
            self._tracer.start_span(
                f"process {record.topic}",
                context=_W3C.extract(carrier, ROOT),
                kind=SpanKind.CONSUMER,
                attributes=_of_record(record, group),
            )
        )

    def store(self) -> Watch:
        """Watches the calls of the store."""
        return Calls(
            self._tracer, lambda operation: (f"{operation} {self._store}", self._of_store(operation))
        )

    def embeddings(self, model: str) -> Watch:
        """Watches the calls of an embedding model."""
        attributes = _of_model("embeddings", model, self._server)
        return Calls(self._tracer, lambda _operation: (f"embeddings {model}", attributes))

    def generator(self, generator: Generator) -> Generator:
        """The generator, each reply of which is a span."""
        return TracedGenerator(generator, self._tracer, self._server)

    def close(self) -> None:
        """Sends what has not been sent yet. Blocks until that is done, or has failed."""
        self._provider.shutdown()

    def _of_store(self, operation: str) -> Attributes:
        return {"db.system.name": self._store, "db.operation.name": operation}


@dataclass(frozen=True, slots=True)
class RecordSpan:
    """The span of one record's processing; see `streams.agents.followed.Span`."""

    span: trace.Span

    def active(self) -> AbstractContextManager[object]:
        """What is begun within is its child."""
        return trace.use_span(self.span, record_exception=False, set_status_on_exception=False)

    def headers(self) -> Headers:
        """`traceparent`, and `tracestate` where there is one."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, trace.set_span_in_context(self.span, ROOT))
        return tuple((name, text.encode()) for name, text in carrier.items())

    def end(self, error: str | None, said: Mapping[str, str]) -> None:
        """Ends it."""
        self.span.set_attributes({f"streams.{name}": text for name, text in said.items()})
        if error is not None:
            _failed(self.span, error)
        self.span.end()


class Calls:
    """Watches calls: a span for who waits, and one for the call, linked where it is made for several.

    A call for one caller is a child of that one's span; a call for several is a trace of its own. One that
    is made for nobody who is traced has none.
    """

    def __init__(self, tracer: trace.Tracer, named: Named) -> None:
        self._tracer, self._named = tracer, named

    @contextmanager
    def asked(self, operation: str, items: int) -> Iterator[object]:
        """A span for as long as somebody waits; gives it. None where that one is not traced."""
        if not trace.get_current_span().is_recording():
            yield None
            return
        with (
            self._tracer.start_as_current_span(
                operation,
                attributes={"streams.items": items},
                record_exception=False,
                set_status_on_exception=False,
            ) as span,
            _error_of(span),
        ):
            yield span

    @contextmanager
    def call(self, operation: str, items: int, callers: Sequence[object] = ()) -> Iterator[None]:
        """A span for the call."""
        known = list(
            dict.fromkeys(one for one in callers if isinstance(one, trace.Span) and one.is_recording())
        )
        if not callers and (current := trace.get_current_span()).is_recording():
            known = [current]
        if not known:
            yield
            return
        alone = len(known) == 1
        name, attributes = self._named(operation)
        span = self._tracer.start_span(
            name,
            context=trace.set_span_in_context(known[0], ROOT) if alone else ROOT,
            kind=SpanKind.CLIENT,
            attributes={**attributes, "streams.items": items},
            links=[] if alone else [Link(one.get_span_context()) for one in known],
        )
        if not alone:
            for one in known:
                one.add_link(span.get_span_context())
        try:
            with _error_of(span):
                yield
        finally:
            span.end()


class TracedGenerator:
    """A `Generator` each reply of which is a span, from the request to its last piece."""

    def __init__(self, generator: Generator, tracer: trace.Tracer, server: str) -> None:
        self._generator, self._tracer, self._server = generator, tracer, server

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        """As the generator's."""
        chunks = self._generator.chat(request)
        span = self._span(request)
        first = True
        try:
            with _error_of(span):
                async for chunk in chunks:
                    if first and chunk.text:
                        first = False
                        span.add_event("first_token")
                    if chunk.done:
                        span.set_attributes(_of_reply(request, chunk))
                    yield chunk
        finally:
            span.end()
            if close := getattr(chunks, "aclose", None):
                await close()

    def _span(self, request: ChatRequest) -> trace.Span:
        if not trace.get_current_span().is_recording():
            return trace.INVALID_SPAN
        attributes = {
            **_of_model("chat", request.model, self._server),
            "gen_ai.request.max_tokens": request.max_tokens,
            "gen_ai.request.temperature": request.temperature,
        }
        return self._tracer.start_span(f"chat {request.model}", kind=SpanKind.CLIENT, attributes=attributes)


def _of_record(record: Record, group: str) -> Attributes:
    return {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": record.topic,
        "messaging.destination.partition.id": str(record.partition),
        "messaging.kafka.offset": record.offset,
        "messaging.kafka.message.tombstone": record.value is None and not record.dropped,
        "messaging.consumer.group.name": group,
        "messaging.message.body.size": len(record.value or b"") + record.dropped,
    }


def _of_model(operation: str, model: str, server: str) -> Attributes:
    host, _, port = server.rpartition(":")
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": "ollama",
        "gen_ai.request.model": model,
        **({"server.address": host, "server.port": int(port)} if port.isdecimal() else {}),
    }


def _of_reply(request: ChatRequest, chunk: ChatChunk) -> Attributes:
    told = {
        "gen_ai.usage.input_tokens": chunk.prompt_tokens,
        "gen_ai.usage.output_tokens": chunk.completion_tokens,
    }
    reasons = {"gen_ai.response.finish_reasons": (chunk.done_reason,)} if chunk.done_reason else {}
    counted = {name: count for name, count in told.items() if count is not None}
    return {"gen_ai.response.model": request.model, **reasons, **counted}


@contextmanager
def _error_of(span: trace.Span) -> Iterator[None]:
    """Says in the span what failed: by its code, never by what it says."""
    try:
        yield
    except StreamsError as error:
        _failed(span, error.code)
        raise


def _failed(span: trace.Span, code: str) -> None:
    span.set_attribute("error.type", code)
    span.set_status(StatusCode.ERROR)
