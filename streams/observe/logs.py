"""Logs: one event a line with its ids, for people or as JSON. No secret, no document text."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Literal, TextIO

import structlog

NOISY = (
    "aiokafka", "faust", "mode", "httpx", "httpcore", "weaviate", "asyncio", "opentelemetry", "urllib3",
    "grpc", "streams.agents.app", "streams.agents.member", "streams.agents.transport",
)  # fmt: skip
"""Libraries (and the modules that stand in for Faust's) whose routine is not ours to report."""


def configure(
    *,
    level: str,
    style: Literal["console", "json"],
    stream: TextIO | None = None,
    ids: Callable[[], Mapping[str, str]] = dict,
) -> None:
    """Sends the program's and its libraries' log lines to `stream` (standard error), in one form.

    `ids` gives what a line belongs to: the record that is worked on when it is written.
    """
    stream = stream or sys.stderr

    def identified(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for name, text in ids().items():
            event.setdefault(name, text)
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        identified,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
