"""The console: one page, served as it lies in `console/`, under headers that let it load nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
INDEX = "index.html"
READ = ["GET", "HEAD"]

# `form-action`: a form that its script did not take sends nothing, least of all a key in an address.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Content-Security-Policy (level 3, with Trusted Types): what is not served here is not loaded, nor run."""

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Each time asked for by its tag: a new version is a new page at once, and none is old in part.
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page, and its tag: the hash of what is in it."""

    content: bytes
    media_type: str
    etag: str


def assets() -> Mapping[str, Asset]:
    """The page's files by name."""
    folder = files("streams.gateway") / "console"
    found = {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()}
    return {
        name: Asset(
            content, MEDIA_TYPES[name.rpartition(".")[2]], f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        )
        for name, content in found.items()
    }


def router() -> APIRouter:
    """The page at `/console/`, to which `/` and `/console` lead. Anybody may have it: it holds no data."""
    page, routes = assets(), APIRouter(include_in_schema=False)

    @routes.api_route("/", methods=READ)
    @routes.api_route("/console", methods=READ)
    async def lead() -> Response:
        return RedirectResponse("console/", headers=HEADERS)  # wherever a proxy has put it

    @routes.api_route("/console/", methods=READ)
    async def index(request: Request) -> Response:
        return served(page[INDEX], request)

    @routes.api_route("/console/{name}", methods=READ)
    async def asset(name: str, request: Request) -> Response:
        found = page.get(name)
        return Response(status_code=404, headers=HEADERS) if found is None else served(found, request)

    return routes


def served(asset: Asset, request: Request) -> Response:
    """The file, or that it is the one that the browser has (RFC 9110, section 13.1.2)."""
    headers = {**HEADERS, "ETag": asset.etag}
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)
