"""`/v1/chat/completions` and `/v1/models`: for any client that speaks OpenAI's API."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError

from streams.errors import StreamsError
from streams.gateway.access.doorkeeper import Chatter
from streams.gateway.access.waiting import while_it_stands
from streams.gateway.asking.past import Sent
from streams.gateway.endpoints import chat
from streams.gateway.endpoints.chat import ChatBody
from streams.gateway.endpoints.questions import failure, question_for, whole
from streams.gateway.http import events
from streams.gateway.http.bodies import body_of, described_body
from streams.gateway.http.problems import Problem, openai_error, problem_of, rejected
from streams.gateway.http.trace import trace
from streams.gateway.openapi.responses import CHAT, OPENAI_ERRORS
from streams.gateway.parts import Parts
from streams.messages.answers import AnswerCompleted, AnswerDelta, AnswerFailed
from streams.messages.reader import Event, Shown

DONE = b"data: [DONE]\n\n"

router = APIRouter(tags=["chat"])
Body = Annotated[ChatBody, Depends(body_of(ChatBody, "invalid_request", unknown=True))]


class Model(BaseModel):
    """A model, as OpenAI's API lists it."""

    id: str
    object: str
    created: int
    owned_by: str


class Models(BaseModel):
    """All models."""

    object: str = "list"
    data: list[Model]


@router.post(
    "/v1/chat/completions",
    summary="Ask as in OpenAI's API",
    response_class=Response,
    responses={**CHAT, **OPENAI_ERRORS},
    openapi_extra=described_body(ChatBody),
)
async def complete(request: Request, key: Chatter, body: Body) -> Response:
    """An answer in OpenAI's shape, whole or streamed."""
    parts: Parts = request.app.state.parts
    try:
        fields = chat.question_fields(body)
    except ValidationError as error:
        raise rejected(error, "invalid_question") from None
    question = question_for(key, fields, stream=bool(body.stream))

    def stands() -> bool:
        return parts.keyring.stands(key)

    async with AsyncExitStack() as stack:
        stack.enter_context(parts.door.place(key))
        sent, answer = await parts.asking.ask(question, trace(request), stack, stands=stands)
        if not body.stream:
            completed = await while_it_stands(asked(answer), stands)
            return JSONResponse(chat.completion(completed))
        pieces = _Pieces(
            sent,
            held=parts.settings.min_grounded > 0,
            with_usage=bool(body.stream_options and body.stream_options.include_usage),
        )
        return events.EventStream(
            pieces.of(answer), stack.pop_all(), stands=stands,
            ended=lambda problem: _data(openai_error(problem)) + DONE,
        )  # fmt: skip


async def asked(answer: AsyncGenerator[Event, None]) -> AnswerCompleted:
    """As `whole`; a failure keeps OpenAI's clients from asking by themselves what was asked already."""
    try:
        return await whole(answer)
    except (Problem, StreamsError) as error:
        problem = error if isinstance(error, Problem) else problem_of(error)
        problem.headers = {**(problem.headers or {}), "x-should-retry": "false"}
        raise problem from None


@router.get("/v1/models", summary="The one model there is", responses=OPENAI_ERRORS)
async def models(_key: Chatter) -> Models:
    """As OpenAI's API lists models."""
    return Models(data=[Model(**chat.model())])


@router.get("/v1/models/{model}", summary="A model", responses=OPENAI_ERRORS)
async def one_model(_key: Chatter, model: str) -> Model:
    """The one there is."""
    if model != chat.MODEL:
        raise Problem(404, "model_not_found", f"there is only {chat.MODEL} here")
    return Model(**chat.model())


class _Pieces:
    """A streamed completion. `held`: the text is not sent before it stands, since it may be replaced."""

    def __init__(self, sent: Sent, *, held: bool, with_usage: bool) -> None:
        self._sent, self._held, self._with_usage = sent, held, with_usage
        self._created = sent.timestamp // 1000
        self._shown = Shown()
        self._content = 0
        self._start = 0
        """How many characters were sent, and where among them the text of this attempt begins."""

    async def of(self, answer: AsyncGenerator[Event, None]) -> AsyncGenerator[bytes, None]:
        """The chunks of an answer, and the end of the stream."""
        yield self._chunk({"role": "assistant", "content": ""})
        async with aclosing(answer):
            try:
                async for event in answer:
                    for said in self._said(event):
                        yield said
            except StreamsError as error:
                yield _data(openai_error(problem_of(error)))
        yield DONE

    def _said(self, event: Event) -> list[bytes]:
        if isinstance(event, AnswerDelta):
            return [] if self._held else [self._piece(event.text, again=self._shown.add(event))]
        if isinstance(event, AnswerCompleted):
            return self._end(event)
        if isinstance(event, AnswerFailed):
            return [_data(openai_error(failure(event)))]
        return []

    def _piece(self, text: str, *, again: bool) -> bytes:
        """The next piece; `again`, where it starts over: what was sent can't be taken back here."""
        if again:
            text = chat.AGAIN + text
            self._start = self._content + len(chat.AGAIN)
        self._content += len(text)
        return self._chunk({"content": text})

    def _end(self, completed: AnswerCompleted) -> list[bytes]:
        """What was not shown of the text, its sources, and the end."""
        text, again = self._shown.left(completed)
        said = [self._piece(text, again=again)]
        if listed := chat.sources(completed):
            said.append(self._chunk({"content": listed}))
        beside = {"annotations": found} if (found := chat.url_citations(completed, self._start)) else {}
        said.append(self._chunk(beside, chat.finish(completed), rag_streams=chat.about(completed)))
        if self._with_usage:
            envelope = chat.envelope(self._sent.id, self._created, "chat.completion.chunk")
            said.append(_data({**envelope, "choices": [], "usage": chat.usage(completed)}))
        return said

    def _chunk(self, delta: Mapping[str, Any], finish: str | None = None, **more: Any) -> bytes:
        return _data(chat.chunk(self._sent.id, self._created, delta, finish, **more))


def _data(said: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(said, ensure_ascii=False)}\n\n".encode()
