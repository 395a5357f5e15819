"""Whether traces are wanted, by OpenTelemetry's own environment variables; its library is an extra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from streams import __version__
from streams.errors import Misconfigured

if TYPE_CHECKING:
    from streams.observe.tracing import Tracing

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ENDPOINT)
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
EXPORTER = "OTEL_TRACES_EXPORTER"
HTTP = "http/protobuf"


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether traces are to be sent. Raises `Misconfigured` where they are to be sent as we can't."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get(EXPORTER) == "none":
        return False
    if environ.get(EXPORTER) not in {None, "", "otlp"}:
        raise Misconfigured(f"{EXPORTER} must be otlp or none", setting=EXPORTER)
    if environ.get(EXPORTER) != "otlp" and not any(environ.get(name) for name in ENDPOINTS):
        return False
    named = next((name for name in PROTOCOLS if environ.get(name)), None)
    if named is not None and environ[named] != HTTP:
        raise Misconfigured(f"{named} must be {HTTP}: nothing else is spoken", setting=named)
    return True


def tracing(environ: Mapping[str, str], *, server: str, store: str) -> Tracing | None:
    """What makes and sends the traces that `environ` wants; None where it wants none.

    Where to, how often and which are the library's to read from the environment: `OTEL_EXPORTER_OTLP_…`,
    `OTEL_BSP_…`, `OTEL_TRACES_SAMPLER`, `OTEL_RESOURCE_ATTRIBUTES`. Raises `Misconfigured` where the library
    is not installed.
    """
    if not wanted(environ):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - an extra
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        from streams.observe.tracing import Tracing  # noqa: PLC0415
    except ImportError as error:
        raise Misconfigured(
            f"{ENDPOINT} wants traces, which need {error.name}: pip install 'rag-streams[otel]'",
            setting=ENDPOINT,
        ) from error
    provider = TracerProvider(resource=Resource.create(_service(environ)), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider, server=server, store=store)


def _service(environ: Mapping[str, str]) -> Mapping[str, str]:
    """What the process is called, where the environment does not say so."""
    named = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return {"service.version": __version__, **({} if named else {"service.name": "rag-streams"})}
