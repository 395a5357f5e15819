"""`/v1/questions`: asked, waited for, streamed, followed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from streams.errors import Rejected, StreamsError
from streams.gateway.access.doorkeeper import Asker
from streams.gateway.access.keys import Key
from streams.gateway.access.waiting import while_it_stands
from streams.gateway.asking.past import Sent
from streams.gateway.http import events
from streams.gateway.http.bodies import QuestionBody, body_of, described_body
from streams.gateway.http.problems import Problem
from streams.gateway.http.trace import trace
from streams.gateway.openapi.responses import EVENTS, PROBLEMS
from streams.gateway.parts import Parts
from streams.messages.answers import AnswerCompleted, AnswerFailed
from streams.messages.questions import Question
from streams.messages.reader import Event
from streams.messages.records import Offset

FAILED: Mapping[str, int] = {
    "deadline_exceeded": 504, "stale_index": 503, "unavailable": 503, "refused": 403, "invalid_question": 422,
}  # fmt: skip

router = APIRouter(tags=["questions"])
Body = Annotated[Any, Depends(body_of(QuestionBody, "invalid_question"))]


class Accepted(BaseModel):
    """A question that was sent, and is not waited for."""

    question_id: str
    question: Offset


def question_for(key: Key, fields: Mapping[str, Any], **fixed: Any) -> Question:
    """The question, in the name of the key alone. Raises `Rejected` where its text is blank."""
    question = Question(
        **{**fields, "tenant": key.tenant, "principals": list(key.principals), "id": None, **fixed}
    )
    if not question.text.strip():
        raise Rejected("text: there is nothing but spaces", code="invalid_question")
    return question


def failure(failed: AnswerFailed) -> Problem:
    """What a question that ended without an answer is to whoever waits for one."""
    headers = {"Retry-After": "1"} if failed.retryable else {}
    return Problem(
        FAILED[failed.code], failed.code, failed.message, headers=headers,
        question_id=failed.question_id, retryable=failed.retryable,
    )  # fmt: skip


async def whole(answer: AsyncGenerator[Event, None]) -> AnswerCompleted:
    """The event that ends the answer. Raises `Problem` where that is `answer.failed`."""
    terminal: Event | None = None
    async with aclosing(answer):
        async for event in answer:
            terminal = event
    if isinstance(terminal, AnswerFailed):
        raise failure(terminal)
    assert isinstance(terminal, AnswerCompleted)  # noqa: S101 - answers end so, or raise
    return terminal


@router.post(
    "/v1/questions",
    summary="Ask a question",
    response_model=AnswerCompleted,
    responses={
        202: {"model": Accepted, "description": "Sent, with `Prefer: respond-async`."},
        **EVENTS,
        **PROBLEMS,
    },
    openapi_extra=described_body(QuestionBody),
)
async def ask(
    request: Request,
    key: Asker,
    body: Body,
    prefer: Annotated[str | None, Header(description="`respond-async`: don't wait.")] = None,
) -> Response:
    """Waits for the answer; or, where asked to, streams its events, or gives the question's place at once."""
    parts: Parts = request.app.state.parts
    fields = body.model_dump(exclude_unset=True)
    streamed = fields.pop("stream", False) or events.MEDIA_TYPE in request.headers.get("accept", "")
    later = "respond-async" in (prefer or "")
    question = question_for(key, fields, stream=streamed or later)

    def stands() -> bool:
        return parts.keyring.stands(key)

    async with AsyncExitStack() as stack:
        stack.enter_context(parts.door.place(key))
        sent, answer = await parts.asking.ask(question, trace(request), stack, stands=stands)
        headers = {"Location": f"/v1/questions/{sent.id}/events"}
        if streamed:
            chunks = _chunks(sent, answer)
            return events.EventStream(chunks, stack.pop_all(), headers, stands=stands)
        if later:
            body = Accepted(question_id=sent.id, question=sent.at).model_dump(mode="json")
            return JSONResponse(body, 202, {**headers, "Preference-Applied": "respond-async"})
        try:
            completed = await while_it_stands(whole(answer), stands)
        except Problem as problem:
            problem.headers = {**(problem.headers or {}), **headers}
            raise
        return Response(completed.model_dump_json(), 200, headers, "application/json")


@router.get(
    "/v1/questions/{id}/events",
    summary="Follow a question",
    response_class=Response,
    responses={**EVENTS, 204: {"description": "Nothing comes after `Last-Event-ID`."}, **PROBLEMS},
)
async def follow(
    request: Request,
    key: Asker,
    id_: Annotated[str, Path(alias="id", description="The question's id, as `Location` named it.")],
    last_event_id: Annotated[
        str | None, Header(description="`ATTEMPT.SEQ` of the last event seen.", examples=["1.4"])
    ] = None,
) -> Response:
    """The events of a question that was asked here or at another gateway, as server-sent events."""
    parts: Parts = request.app.state.parts
    try:
        last = events.last_seen(last_event_id)
    except ValueError:
        raise Problem(
            400, "invalid_request", "Last-Event-ID must be ATTEMPT.SEQ, as the events have it"
        ) from None
    async with AsyncExitStack() as stack:
        stack.enter_context(parts.door.place(key))
        sent = await parts.asking.find(id_, key)
        answer = parts.asking.follow(sent, key_id=key.id)
        if last is not None and await parts.asking.ended_at(sent, key_id=key.id) == last:
            return Response(status_code=204)
        chunks = _chunks(sent, answer, last)
        return events.EventStream(chunks, stack.pop_all(), stands=lambda: parts.keyring.stands(key))


async def _chunks(
    sent: Sent, answer: AsyncGenerator[Event, None], last: events.Last | None = None
) -> AsyncGenerator[bytes, None]:
    async with aclosing(answer):
        try:
            async for event in answer:
                if events.after(event, last, terminal=isinstance(event, AnswerCompleted | AnswerFailed)):
                    yield events.written(event)
        except StreamsError as error:
            yield events.failed(error, question_id=sent.id)
