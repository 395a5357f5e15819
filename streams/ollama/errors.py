"""What can go wrong with Ollama, each named by what is done about it.

Retryable
 ├─ Unreachable    nothing listens, or the name does not resolve
 ├─ Timeout        it took longer than the configured time, or than a proxy before it waits
 ├─ Overloaded     its queue is full (503), or a proxy limits us (429)
 ├─ ServerFailed   it answered 5xx: a model that does not load, a runner that died
 ├─ BrokenStream   an answer that ended early, or is none of Ollama's
 └─ TooMuch        (streams.errors) several texts were too many for one call
Rejected
 ├─ BadRequest     it will never take this request
 │   └─ TooLarge   nor one as large
 └─ PromptTooLong  (streams.errors) a text exceeds the model's window
Misconfigured
 ├─ UnknownModel   the model has not been pulled
 └─ WrongServer    what answers at this address is no Ollama, or wants a login
"""

from __future__ import annotations

from streams.errors import Misconfigured, Rejected, Retryable

BAD_VECTOR = "bad_vector"
"""The code of a text that gets zeros, or no numbers, for its vector."""
URL_SETTING = "STREAMS_OLLAMA_URL"
MODEL_SETTINGS = "STREAMS_EMBED_MODEL, STREAMS_GENERATE_MODEL or STREAMS_FALLBACK_MODEL"


class Unreachable(Retryable):
    """No connection to Ollama."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="unreachable")


class Timeout(Retryable):
    """Ollama took too long."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="timeout")


class Overloaded(Retryable):
    """Ollama has too much to do; `retry_after` (seconds) is what it asked for, where it did."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message, code="overloaded", retry_after=retry_after)


class ServerFailed(Retryable):
    """Ollama could not do it, through no fault of the request."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="server_failed")


class BrokenStream(Retryable):
    """An answer stopped before its end, or cannot be read."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="broken_stream")


class BadRequest(Rejected):
    """Ollama will never take this request."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="bad_request")


class TooLarge(BadRequest):
    """The request has more bytes than Ollama, or a proxy before it, takes."""


class UnknownModel(Misconfigured):
    """Ollama has no model of this name; `model` is the name."""

    def __init__(self, model: str, host: str) -> None:
        super().__init__(
            f"Ollama at {host} has no model {model!r}: run `rag-streams models pull`, "
            f"or change {MODEL_SETTINGS}",
            setting=MODEL_SETTINGS,
            code="unknown_model",
        )
        self.model = model


class WrongServer(Misconfigured):
    """The configured address is not that of an Ollama that lets us in."""

    def __init__(self, message: str) -> None:
        super().__init__(message, setting=URL_SETTING, code="wrong_server")
