"""The worker's small HTTP face: `/livez`, `/readyz` and `/metrics`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from streams.errors import Misconfigured

Readiness = Callable[[], Awaitable[Mapping[str, str | None]]]
"""Gives, for each part that has to be ready, None where it is, else what is wrong with it."""


def application(readiness: Readiness, registry: CollectorRegistry) -> web.Application:
    """The endpoints: 200, or from `/readyz` 503 with a JSON object that says what is not ready."""

    async def livez(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_request: web.Request) -> web.Response:
        parts = await readiness()
        ready = not any(parts.values())
        body = {"ready": ready, "parts": {name: problem or "ok" for name, problem in parts.items()}}
        return web.Response(
            text=json.dumps(body) + "\n", status=200 if ready else 503, content_type="application/json"
        )

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app


@asynccontextmanager
async def serve(app: web.Application, *, host: str, port: int) -> AsyncIterator[int]:
    """Serves `app` while the context lasts; gives the port, which differs from `port` where that is 0."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise Misconfigured(
                f"STREAMS_METRICS_PORT: nothing can listen on {host}:{port} ({error.strerror}); choose"
                " another, or leave it unset",
                setting="STREAMS_METRICS_PORT",
            ) from error
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
