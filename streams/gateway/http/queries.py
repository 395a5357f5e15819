"""The query of a request: nothing in it is passed over; a misspelt `reader` would leave a document to all."""

from __future__ import annotations

from fastapi import Request
from fastapi.routing import APIRoute

from streams.errors import Rejected


async def known(request: Request) -> None:
    """A dependency: raises `Rejected` (`unknown_field`) with the names that the endpoint does not know."""
    route = request.scope["route"]
    allowed = _names(route) if isinstance(route, APIRoute) else ()
    unknown = [name for name in request.query_params if name not in allowed]
    if unknown:
        shown = ", ".join(ascii(name[:60]) for name in unknown[:5])
        has = ", ".join(allowed) or "none"
        raise Rejected(f"unknown in the query: {shown}; known there: {has}", code="unknown_field")


def _names(route: APIRoute) -> tuple[str, ...]:
    asking = (route.dependant, *route.dependant.dependencies)
    return tuple(field.alias for one in asking for field in one.query_params)
