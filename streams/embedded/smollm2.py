"""SmolLM2-135M-Instruct on llama.cpp: one answer at a time, piece by piece."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams.embedded.models import SMOLLM2

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_CONTEXT = 4096
"""What Ollama takes where nothing is said."""
UNLIMITED = -1
QUIET = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer's end: `stop` or `length`, and what it took. Times in nanoseconds."""

    reason: str
    prompt_tokens: int
    completion_tokens: int
    prompt_ns: int
    completion_ns: int


@dataclass(frozen=True, slots=True)
class Refused:
    """No answer; `too_long` where the prompt does not fit the context."""

    message: str
    too_long: bool


Emit = Callable[[Piece | Finished | Refused], bool]
"""Takes the next event; True stops the answer."""


class SmolLM2:
    """The model. Calls block; one at a time."""

    def __init__(self, gguf: Path, threads: int) -> None:
        self._gguf, self._threads = gguf, threads
        self._server: Any = None
        self._num_ctx = 0

    def load(self, num_ctx: int = DEFAULT_CONTEXT) -> None:
        """Loads the model with a context of at least `num_ctx` tokens, as far as it was made for.

        A larger context than before loads it again.
        """
        wanted = min(num_ctx, SMOLLM2.context_length)
        if wanted > self._num_ctx:
            self._server = None
            self._server, self._num_ctx = self._start(wanted), wanted

    def _start(self, num_ctx: int) -> Any:
        # Here, not above: importing it starts OpenMP, which reads its environment then.
        import xllamacpp  # noqa: PLC0415 - see above

        params = xllamacpp.CommonParams()
        params.model.path = str(self._gguf)
        params.n_ctx = num_ctx
        params.n_parallel = 1
        params.cpuparams.n_threads = self._threads
        # A prompt is read in large steps, between which threads seldom wait for one another.
        params.cpuparams_batch.n_threads = self._threads + 1
        params.warmup = False
        params.verbosity = QUIET
        # It would keep the state of 8 GiB of prompts that were read before.
        params.cache_ram_mib = 0
        # It also listens on a port of its own, which nobody is to use.
        params.hostnames = ["127.0.0.1"]
        params.api_keys = [secrets.token_urlsafe()]
        return xllamacpp.Server(params)

    def chat(self, messages: list[dict[str, str]], options: Mapping[str, Any], emit: Emit) -> None:
        """Answers; events go to `emit` as they come, the last one Finished or Refused.

        `options` as Ollama names them.
        """
        self.load(options.get("num_ctx", DEFAULT_CONTEXT))
        answer = _Answer(emit)
        request = {"messages": messages, "stream": True, "stream_options": {"include_usage": True}}
        try:
            self._server.handle_chat_completions(request | _sampling(options), answer.take)
        except ValueError as error:
            emit(Refused(str(error), too_long=False))


class _Answer:
    """From the events of an OpenAI-style stream to ours."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._reason = "stop"

    def take(self, event: dict[str, Any]) -> bool:
        if "error" in event:
            return self._emit(_refused(event["error"]))
        for choice in event.get("choices", ()):
            self._reason = choice.get("finish_reason") or self._reason
            text = choice.get("delta", {}).get("content")
            if text and self._emit(Piece(text)):
                return True
        if "usage" in event:
            return self._emit(_finished(self._reason, event["usage"], event.get("timings", {})))
        return False


def _refused(error: Mapping[str, Any]) -> Refused:
    too_long = error.get("type") == "exceed_context_size_error"
    return Refused(str(error.get("message", "no answer")), too_long=too_long)


def _finished(reason: str, usage: Mapping[str, Any], timings: Mapping[str, Any]) -> Finished:
    return Finished(
        reason=reason,
        prompt_tokens=usage["prompt_tokens"],
        completion_tokens=usage["completion_tokens"],
        prompt_ns=int(timings.get("prompt_ms", 0) * 1e6),
        completion_ns=int(timings.get("predicted_ms", 0) * 1e6),
    )


PENALTIES = ("repeat_penalty", "presence_penalty", "frequency_penalty")
SAME_NAME = ("temperature", "top_k", "top_p", "min_p", "seed", *PENALTIES)
DEFAULT_TEMPERATURE = 0.8


def _sampling(options: Mapping[str, Any]) -> dict[str, Any]:
    """Ollama's options as llama.cpp names them, with Ollama's defaults."""
    given = {name: options[name] for name in SAME_NAME if options.get(name) is not None}
    stop = options.get("stop") or []
    return {
        "temperature": DEFAULT_TEMPERATURE,
        **given,
        "max_tokens": options.get("num_predict") or UNLIMITED,
        "stop": [stop] if isinstance(stop, str) else list(stop),
    }
