"""Ollama's requests as the model server reads them, and its replies. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streams.embedded.smollm2 import Finished


class Call(BaseModel):
    """A request; fields that are unknown are ignored, as Ollama does."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str = ""


class Named(Call):
    """`/api/show`, `/api/pull`: older clients say `name`."""

    name: str = ""
    stream: bool = True

    @property
    def wanted(self) -> str:
        """The model that is meant."""
        return self.model or self.name


class Embed(Call):
    """`/api/embed`."""

    input: str | list[str] = []
    truncate: bool = True

    @property
    def texts(self) -> list[str]:
        """The texts; an empty string alone is none."""
        return self.input if isinstance(self.input, list) else [self.input] if self.input else []


class Options(BaseModel):
    """How to generate."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    num_ctx: Annotated[int | None, Field(ge=1)] = None
    num_predict: int | None = None
    temperature: Annotated[float | None, Field(ge=0)] = None
    stop: str | list[str] | None = None
    seed: int | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None


class Turn(BaseModel):
    """A message."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""


class Generation(Call):
    """What `/api/chat` and `/api/generate` have in common."""

    stream: bool = True
    options: Options = Options()

    @property
    def turns(self) -> list[dict[str, str]]:
        """The conversation; empty: only load the model."""
        raise NotImplementedError

    def said(self, text: str) -> dict[str, Any]:
        """A piece of the answer, in this endpoint's form."""
        raise NotImplementedError


class Chat(Generation):
    """`/api/chat`."""

    messages: list[Turn] = []

    @property
    def turns(self) -> list[dict[str, str]]:
        """The messages."""
        return [turn.model_dump() for turn in self.messages]

    def said(self, text: str) -> dict[str, Any]:
        """As a message."""
        return {"message": {"role": "assistant", "content": text}}


class Generate(Generation):
    """`/api/generate`."""

    prompt: str = ""
    system: str = ""

    @property
    def turns(self) -> list[dict[str, str]]:
        """The prompt as a conversation of one message."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, {"role": "user", "content": self.prompt}] if self.prompt else []

    def said(self, text: str) -> dict[str, Any]:
        """As a response."""
        return {"response": text}


def line(call: Generation, text: str, now: datetime, end: Finished | None = None) -> dict[str, Any]:
    """One line of an answer, or a whole one; `end` makes it the last."""
    stamp = now.astimezone(UTC).isoformat().replace("+00:00", "Z")
    reply = {"model": call.model, "created_at": stamp, **call.said(text), "done": end is not None}
    return reply | _counted(end) if end else reply


def loaded(call: Generation, now: datetime) -> dict[str, Any]:
    """The reply to a request without a prompt."""
    return line(call, "", now) | {"done": True, "done_reason": "load"}


def complaint(error: ValidationError) -> str:
    """What is wrong with a request: the first problem's place and kind, never the value."""
    problem = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in problem['loc']) or 'body'}: {problem['msg']}"


def _counted(end: Finished) -> dict[str, Any]:
    return {
        "done_reason": end.reason,
        "total_duration": end.prompt_ns + end.completion_ns,
        "prompt_eval_count": end.prompt_tokens,
        "prompt_eval_duration": end.prompt_ns,
        "eval_count": end.completion_tokens,
        "eval_duration": end.completion_ns,
    }
