"""Ollama's endpoints over the bundled models. Models are loaded when they are first used."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web
from pydantic import ValidationError

from streams.embedded.events import Events
from streams.embedded.models import MINILM, MODELS, SMOLLM2, Model, find
from streams.embedded.smollm2 import DEFAULT_CONTEXT, Emit, Finished, Piece, Refused, SmolLM2
from streams.embedded.turns import QueueFull, Turns
from streams.embedded.wire import Call, Chat, Embed, Generate, Generation, Named, complaint, line, loaded

if TYPE_CHECKING:
    from streams.embedded.minilm import MiniLM

VERSION = "0.11.4"
"""The version of Ollama whose API this is."""
MAX_BODY_BYTES = 64 << 20
TOO_LONG = "the input length exceeds the context length"

C = TypeVar("C", bound=Call)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Serving:
    """How to serve. `most` requests of a kind are taken at once, all but one of them waiting."""

    threads: int = 1
    most: int = 64


class Refusal(Exception):
    """A reply that is an error, in Ollama's form."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ModelServer:
    """The endpoints. Models are loaded when they are first used."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._paths = {model.name: model.paths() for model in MODELS}
        self._embedding = Turns("embed", serving.most)
        self._generating = Turns("generate", serving.most)

    def app(self) -> web.Application:
        """The application."""
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[_in_ollamas_form])
        app.add_routes(
            [
                web.get("/", self.root),
                web.get("/api/version", self.version),
                web.get("/api/tags", self.tags),
                web.get("/api/ps", self.running),
                web.post("/api/show", self.show),
                web.post("/api/pull", self.pull),
                web.post("/api/embed", self.embed),
                web.post("/api/chat", partial(self.generate, Chat)),
                web.post("/api/generate", partial(self.generate, Generate)),
            ]
        )
        app.on_cleanup.append(self._close)
        return app

    async def root(self, _request: web.Request) -> web.Response:
        """For health checks."""
        return web.Response(text="Ollama is running")

    async def version(self, _request: web.Request) -> web.Response:
        """The API's version."""
        return web.json_response({"version": VERSION})

    async def tags(self, _request: web.Request) -> web.Response:
        """The models."""
        return web.json_response({"models": [model.entry() for model in MODELS]})

    async def running(self, _request: web.Request) -> web.Response:
        """The models that are loaded: all of them, and none on a GPU."""
        return web.json_response({"models": [{**model.entry(), "size_vram": 0} for model in MODELS]})

    async def show(self, request: web.Request) -> web.Response:
        """One model."""
        return web.json_response(_model((await _read(request, Named)).wanted).shown())

    async def pull(self, request: web.Request) -> web.StreamResponse:
        """What is bundled is there; nothing else can be had."""
        call = await _read(request, Named)
        there = find(call.wanted) is not None
        ending = {"status": "success"} if there else {"error": "pull model manifest: file does not exist"}
        if not call.stream:
            return web.json_response(ending, status=200 if there else 500)
        return await _streamed(request, _each({"status": "pulling manifest"}, ending))

    async def embed(self, request: web.Request) -> web.Response:
        """All vectors or none; a text that is too long is cut only where that was asked for."""
        call = await _read(request, Embed)
        _model(call.model, MINILM)
        with self._embedding.admit():
            model = await self._embedding.run(lambda: self._minilm)
            texts = [await self._embedding.run(partial(model.tokens, text)) for text in call.texts]
            if not call.truncate and any(len(tokens) > MINILM.context_length for tokens in texts):
                raise Refusal(400, TOO_LONG)
            # One at a time: faster here than in batches, and a question need not wait for a document.
            vectors = [await self._embedding.run(partial(model.embed, tokens)) for tokens in texts]
        count = sum(len(tokens) for tokens in texts)
        return web.json_response({"model": call.model, "embeddings": vectors, "prompt_eval_count": count})

    async def generate(self, kind: type[Generation], request: web.Request) -> web.StreamResponse:
        """A chat or a prompt, streamed or whole; without either, the model is loaded."""
        call = await _read(request, kind)
        _model(call.model, SMOLLM2)
        with self._generating.admit():
            if not call.turns:
                num_ctx = call.options.num_ctx or DEFAULT_CONTEXT
                await self._generating.run(lambda: self._smollm2.load(num_ctx))
                return web.json_response(loaded(call, _now()))
            async with self._answer(call) as events:
                if call.stream:
                    return await _streamed(request, _lines(call, events))
                return web.json_response(await _whole(call, events))

    @contextlib.asynccontextmanager
    async def _answer(self, call: Generation) -> AsyncIterator[AsyncIterator[Piece | Finished]]:
        events: Events[Piece | Finished | Refused] = Events()
        job = self._generating.run(partial(self._chat, call, events.emit))
        job.add_done_callback(lambda _: events.end())
        try:
            yield _sound(events)
        finally:
            events.stop()
            job.cancel()

    def _chat(self, call: Generation, emit: Emit) -> None:
        try:
            self._smollm2.chat(call.turns, call.options.model_dump(exclude_none=True), emit)
        except Exception as error:  # noqa: BLE001 - whatever the library raises is this answer's end, no more
            emit(Refused(f"{type(error).__name__} in the model's runner", too_long=False))

    @cached_property
    def _minilm(self) -> MiniLM:
        # Here, not above: ONNX Runtime takes most of a second to import.
        from streams.embedded.minilm import MiniLM  # noqa: PLC0415 - see above

        onnx, tokenizer = self._paths[MINILM.name]
        return MiniLM(onnx, tokenizer, self._serving.threads)

    @cached_property
    def _smollm2(self) -> SmolLM2:
        (gguf,) = self._paths[SMOLLM2.name]
        return SmolLM2(gguf, self._serving.threads)

    async def _close(self, _app: web.Application) -> None:
        self._embedding.close()
        self._generating.close()


async def _read(request: web.Request, kind: type[C]) -> C:
    try:
        return kind.model_validate_json(await request.read())
    except ValidationError as error:
        raise Refusal(400, complaint(error)) from None


def _model(name: str, needed: Model | None = None) -> Model:
    if not name:
        raise Refusal(400, "model is required")
    model = find(name)
    if model is None:
        raise Refusal(404, f"model '{name}' not found")
    if needed is not None and model is not needed:
        raise Refusal(400, f'"{name}" does not support {needed.capability}')
    return model


async def _sound(events: Events[Piece | Finished | Refused]) -> AsyncIterator[Piece | Finished]:
    async for event in events:
        if isinstance(event, Refused):
            raise Refusal(400, TOO_LONG) if event.too_long else Refusal(500, event.message)
        yield event
        if isinstance(event, Finished):
            return
    raise Refusal(500, "the model's runner ended early")


async def _lines(call: Generation, events: AsyncIterator[Piece | Finished]) -> AsyncIterator[dict[str, Any]]:
    async for event in events:
        match event:
            case Piece(text):
                yield line(call, text, _now())
            case Finished():
                yield line(call, "", _now(), event)


async def _whole(call: Generation, events: AsyncIterator[Piece | Finished]) -> dict[str, Any]:
    *pieces, end = [event async for event in events]
    text = "".join(piece.text for piece in pieces if isinstance(piece, Piece))
    return line(call, text, _now(), end if isinstance(end, Finished) else None)


async def _each(*values: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    for value in values:
        yield value


async def _streamed(request: web.Request, lines: AsyncIterator[dict[str, Any]]) -> web.StreamResponse:
    """Sends the lines as they come. What fails before the first is an error reply, later an error line."""
    first = await anext(lines)
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    await response.write(_encoded(first))
    try:
        async for reply in lines:
            await response.write(_encoded(reply))
    except Refusal as refusal:
        await response.write(_encoded({"error": str(refusal)}))
    await response.write_eof()
    return response


def _encoded(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


@web.middleware
async def _in_ollamas_form(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return web.json_response({"error": str(refusal)}, status=refusal.status)
    except QueueFull as full:
        return web.json_response({"error": str(full)}, status=503, headers={"Retry-After": "1"})


def _now() -> datetime:
    return datetime.now(UTC)
