"""The application: every endpoint, what stands before all of them, and the document that describes them."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams import __version__
from streams.gateway.access.doorkeeper import VERSIONS
from streams.gateway.endpoints import completions, console, documents, history, operations, questions
from streams.gateway.endpoints.chat import ChatBody
from streams.gateway.http import problems
from streams.gateway.http.bodies import DECODED_AT_ONCE, DocumentBody, QuestionBody
from streams.gateway.http.bounds import Bounds, Framed
from streams.gateway.http.queries import known
from streams.gateway.openapi.examples import SHOWN
from streams.gateway.parts import Parts
from streams.gateway.reading.standing import OK
from streams.ports import Observed, Observer

BODIES: tuple[type[BaseModel], ...] = (QuestionBody, DocumentBody, ChatBody)
ROOM = 64 * 1024
"""Bytes that a request's body may have beyond the largest record, for what JSON adds to it."""
ABOUT = """Ask, and see the answer arrive; write documents; see the index follow.

Every request needs a key, `Authorization: Bearer KEY`; our own endpoints need `X-API-Version` too."""


def application(parts: Parts) -> FastAPI:
    """The application over these parts."""
    app = described()
    app.state.parts, app.state.description = parts, json.dumps(openapi(), ensure_ascii=False).encode()
    app.state.decoding = asyncio.Semaphore(DECODED_AT_ONCE)
    settings = parts.settings
    app.add_middleware(
        Bounds, max_bytes=settings.topic_max_message_bytes + ROOM, timeout_s=settings.body_timeout_s
    )
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=settings.cors_origins.split(","), allow_methods=["*"],
            allow_headers=["authorization", "content-type", "x-api-version", "last-event-id", "prefer"],
            expose_headers=["location", "ratelimit", "ratelimit-policy", "retry-after"],
        )  # fmt: skip
    app.add_middleware(Framed)
    app.add_middleware(Seen, observe=parts.observe)
    return app


def described() -> FastAPI:
    """The application without parts: enough to describe it."""
    app = FastAPI(
        title="rag-streams",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # Those of the framework go to whatever host the request named, and ask for no key.
        redirect_slashes=False,
    )
    problems.install(app)
    for router in (questions.router, documents.router, history.router, operations.router):
        app.include_router(router, dependencies=[Depends(known)])
    app.include_router(completions.router)
    app.include_router(console.router())
    _probes(app)
    return app


def openapi() -> dict[str, Any]:
    """The OpenAPI document."""
    app = described()
    made = get_openapi(
        title=app.title, version=VERSIONS[-1], openapi_version=app.openapi_version, description=ABOUT,
        routes=app.routes, license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )  # fmt: skip
    schemas = made["components"]["schemas"]
    for body in BODIES:
        schema = body.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {}) | {body.__name__: schema}
    for name, example in SHOWN.items():
        schemas[name]["examples"] = [example]
    return made


def _probes(app: FastAPI) -> None:
    @app.api_route("/livez", methods=["GET", "HEAD"], include_in_schema=False)
    async def livez() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @app.api_route("/readyz", methods=["GET", "HEAD"], include_in_schema=False)
    async def readyz(request: Request) -> JSONResponse:
        """Ready while Kafka is there; a broken file of keys or a store that is down is said, and no more."""
        said = await request.app.state.parts.standing.brief()
        ready = said["kafka"] == OK
        return JSONResponse({"ready": ready, "parts": dict(said)}, 200 if ready else 503)

    @app.get("/openapi.json", include_in_schema=False)
    async def description(request: Request) -> Response:
        # Made once: making it takes the time of many requests, and anyone may ask for it.
        return Response(request.app.state.description, media_type="application/json")


class Seen:
    """Counts requests, and puts headers on every response: the quota, no guessing of types, no caching.

    What fails in a way that nobody foresaw is answered here too, so that it is counted like any other.
    """

    def __init__(self, app: ASGIApp, observe: Observer) -> None:
        self._app, self._observe = app, observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or lets others answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, state, answered = time.monotonic(), scope.setdefault("state", {}), False

        async def sent(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                headers = MutableHeaders(scope=message)
                for name, value in {"X-Content-Type-Options": "nosniff", **state.get("headers", {})}.items():
                    headers[name] = value
                if scope["path"].startswith("/v1/"):
                    headers.setdefault("Cache-Control", "no-store")
                self._count(scope, message["status"], time.monotonic() - began)
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except ClientDisconnect:
            return  # Nobody is there to be answered, and it is no fault of ours.
        except Exception as error:
            if answered:
                raise
            await problems.unforeseen(Request(scope), error)(scope, receive, sent)

    def _count(self, scope: Scope, status: int, took_s: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        labels = {"route": route, "method": scope["method"] if route != "none" else "any"}
        self._observe(Observed("gateway_requests", labels=labels | {"status": str(status)}))
        self._observe(Observed("gateway_response_seconds", took_s, labels))
