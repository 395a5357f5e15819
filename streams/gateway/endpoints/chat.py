"""OpenAI's chat completions: what of a request is a question, and how an answer is said. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from streams.errors import Rejected
from streams.gateway.http.bodies import QuestionBody
from streams.messages.answers import AnswerCompleted, Citation
from streams.messages.markers import markers
from streams.messages.questions import MAX_QUESTION_CHARACTERS

MODEL = "rag-streams"
TURNS, TURN_CHARACTERS = 100, 32_000
SOURCES = "\n\nSources:\n"
AGAIN = "\n\n[The answer starts over: forget what stands above.]\n\n"


class TextPart(BaseModel):
    """A piece of a message's text."""

    model_config = ConfigDict(extra="ignore")

    type: str
    text: str | None = None


class Message(BaseModel):
    """A message of the conversation."""

    model_config = ConfigDict(extra="ignore")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[TextPart] | None = None

    @property
    def text(self) -> str:
        """What it says. Raises `Rejected` where it holds anything but text."""
        if isinstance(self.content, str) or self.content is None:
            return self.content or ""
        if any(part.type != "text" for part in self.content):
            raise Rejected("messages: only text is understood here", code="invalid_request")
        return "".join(part.text or "" for part in self.content)


class StreamOptions(BaseModel):
    """What a stream holds beside the answer."""

    model_config = ConfigDict(extra="ignore")

    include_usage: bool | None = None


class ChatBody(BaseModel):
    """A request for a chat completion. Fields that steer a model are ignored."""

    model_config = ConfigDict(
        extra="ignore",
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {
                    "model": MODEL,
                    "messages": [{"role": "user", "content": "How do I reset my password?"}],
                    "stream": True,
                }
            ]
        },
    )

    model: Annotated[str, Field(max_length=256)]
    """`rag-streams`."""
    messages: Annotated[list[Message], Field(min_length=1, max_length=2000)]
    """The last one of a user is the question; those before it are its history."""
    stream: bool | None = None
    """Whether the answer comes piece by piece, as server-sent events."""
    stream_options: StreamOptions | None = None
    """`include_usage`: the last piece holds the tokens that were used."""
    n: int | None = None
    """1, where it is there."""
    tools: list[Any] | None = None
    """None: there are no tools here."""
    rag_streams: dict[str, Any] | None = None
    """`filters`, `top_k`, `deadline_ms`, `language`, `after`, `allow_stale` of the question."""


BESIDE = ("filters", "top_k", "deadline_ms", "language", "after", "allow_stale")


def fields_of(body: ChatBody) -> dict[str, Any]:
    """The fields of the question that a request asks. Raises `Rejected` for what can't be done here."""
    if body.model != MODEL:
        raise Rejected(f"model: there is only {MODEL} here", code="model_not_found")
    if (body.n or 1) != 1:
        raise Rejected("n: there is one answer", code="invalid_request")
    if body.tools:
        raise Rejected("tools: there are none here", code="invalid_request")
    beside = body.rag_streams or {}
    if unknown := sorted(set(beside) - set(BESIDE)):
        raise Rejected(
            f"rag_streams: unknown fields {', '.join(ascii(one[:60]) for one in unknown[:5])}; there are"
            f" {', '.join(BESIDE)}",
            code="unknown_field",
        )
    said = [(message.role, message.text) for message in body.messages]
    users = [number for number, (role, _) in enumerate(said) if role == "user"]
    if not users:
        raise Rejected("messages: there is none of a user", code="invalid_question")
    return {"text": _question(said[users[-1]][1]), "history": _history(said[: users[-1]]), **beside}


def question_fields(body: ChatBody) -> dict[str, Any]:
    """As `fields_of`, checked. Raises `Rejected`, and `ValidationError` where a field is not right."""
    return QuestionBody.model_validate(fields_of(body)).model_dump(exclude_unset=True)


def _question(text: str) -> str:
    if len(text) > MAX_QUESTION_CHARACTERS:
        raise Rejected(
            f"a question has at most {MAX_QUESTION_CHARACTERS} characters", code="invalid_question"
        )
    return text


def _history(said: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """The turns before the question: the last ones."""
    turns = [
        {"role": role, "content": _answer(text) if role == "assistant" else text}
        for role, text in said
        if role in {"user", "assistant"} and text
    ]
    return [turn | {"content": turn["content"][-TURN_CHARACTERS:]} for turn in turns[-TURNS:]]


def _answer(content: str) -> str:
    """Of a completion's content the answer that stands: not what was voided, nor the list under it."""
    stands = content.rpartition(AGAIN)[2]
    return stands.rpartition(SOURCES)[0] if SOURCES in stands else stands


def sources(completed: AnswerCompleted) -> str:
    """The list of what the text points at, to stand under it; empty where it points at nothing."""
    cited = [one for one in completed.citations if one.cited]
    return SOURCES + "\n".join(map(_source, cited)) if cited else ""


def _source(citation: Citation) -> str:
    name = " ".join((citation.title or citation.document_id).split())
    return f"[{citation.n}] {name}" + (f" ({citation.url})" if citation.url else "")


def url_citations(completed: AnswerCompleted, start: int = 0) -> list[dict[str, Any]]:
    """Each `[n]` of the text, outside code, whose document has an address, as OpenAI's `url_citation`.

    `start`: where in the content the text begins.
    """
    by_number = {one.n: one for one in completed.citations if one.url}
    found = [(marker, by_number.get(marker.n)) for marker in markers(completed.text)]
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": start + marker.start, "end_index": start + marker.end,
                "url": one.url, "title": one.title or one.document_id,
            },
        }
        for marker, one in found
        if one is not None
    ]  # fmt: skip


def usage(completed: AnswerCompleted) -> dict[str, int]:
    """Tokens, as the model counted them."""
    used = completed.usage
    return {
        "prompt_tokens": used.prompt_tokens,
        "completion_tokens": used.completion_tokens,
        "total_tokens": used.prompt_tokens + used.completion_tokens,
    }


def finish(completed: AnswerCompleted) -> str:
    """OpenAI's word for how the text ended: `length` where the model was stopped before it was done."""
    return "length" if completed.truncated else "stop"


def about(completed: AnswerCompleted) -> dict[str, Any]:
    """What OpenAI's shape has no place for: `rag_streams` of a completion."""
    fields = {
        "question_id", "text", "citations", "route", "reason", "model", "abstained", "grounded", "truncated",
        "stale", "by_words", "outdated", "watermark",
    }  # fmt: skip
    return completed.model_dump(mode="json", include=fields)


def completion(completed: AnswerCompleted) -> dict[str, Any]:
    """The whole answer, as a chat completion."""
    message = {
        "role": "assistant", "content": completed.text + sources(completed), "refusal": None,
        "annotations": url_citations(completed),
    }  # fmt: skip
    return {
        **envelope(completed.question_id, int(completed.at.timestamp()), "chat.completion"),
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish(completed)}],
        "usage": usage(completed),
        "rag_streams": about(completed),
    }


def chunk(
    question_id: str, created: int, delta: Mapping[str, Any], finish: str | None = None, **more: Any
) -> dict[str, Any]:
    """A piece of a streamed completion."""
    choice = {"index": 0, "delta": dict(delta), "logprobs": None, "finish_reason": finish}
    return {**envelope(question_id, created, "chat.completion.chunk"), "choices": [choice], **more}


def envelope(question_id: str, created: int, kind: str) -> dict[str, Any]:
    """What every object of a completion has."""
    return {"id": f"chatcmpl-{question_id}", "object": kind, "created": created, "model": MODEL}


def model(created: int = 0) -> dict[str, Any]:
    """The one model, as `GET /v1/models` lists it."""
    return {"id": MODEL, "object": "model", "created": created, "owned_by": MODEL}
