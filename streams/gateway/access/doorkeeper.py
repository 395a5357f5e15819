"""Who asks, and whether they may: the key, its scope, its rate, and the version of the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from typing import Annotated

import structlog
from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from streams.gateway.access.keyring import Keyring, Refused
from streams.gateway.access.keys import Key, Scope
from streams.gateway.access.places import Places
from streams.gateway.access.rates import Rates
from streams.gateway.http.problems import Problem
from streams.ports import Observed, Observer

VERSIONS = ("1",)
"""Versions of our own endpoints that are served."""

log = structlog.get_logger("streams.gateway")

MESSAGES: Mapping[str, str] = {
    "key_missing": "send `Authorization: Bearer KEY`; `rag-streams keys create` makes a key",
    "key_unknown": "this key is not known here",
    "key_revoked": "this key was revoked",
}


class Doorkeeper:
    """Lets keys in. What it turns away is counted, logged without the key, and slowed down.

    Of one address the log has a line a minute for each reason: strangers are not to fill it.
    """

    def __init__(self, keyring: Keyring, rates: Rates, observe: Observer) -> None:
        self._keyring, self._rates, self._observe = keyring, rates, observe
        self._places = Places(observe)

    def place(self, key: Key) -> AbstractContextManager[None]:
        """Room for a request of the key that stays open. Raises `Problem` (`too_many_open`)."""
        return self._places.place(key.id)

    async def admit(self, request: Request, text: str | None, scope: Scope | None) -> Key:
        """The key, where it may do this now. Raises `Problem`."""
        try:
            key = self._keyring.key(text)
        except Refused as refused:
            raise await self._turned_away(request, refused.code, refused.key_id, 401) from None
        if scope is not None and scope not in key.scopes:
            raise await self._turned_away(request, "scope_missing", key.id, 403, scope)
        quota = await self._rates.count(key.id, key.rate_limit)
        request.scope.setdefault("state", {})["headers"] = quota.headers()
        if not quota.allowed:
            self._observe(Observed("gateway_refusals", labels={"reason": "rate_limited"}))
            raise Problem(429, "rate_limited", f"{quota.limit} requests in {quota.window_s} s are allowed")
        return key

    async def _turned_away(
        self, request: Request, code: str, key_id: str | None, status: int, scope: str | None = None
    ) -> Problem:
        self._observe(Observed("gateway_refusals", labels={"reason": code}))
        address = request.client.host if request.client else "unknown"
        if await self._rates.worth_a_line(address, code):
            log.warning("turned away", reason=code, key=key_id, scope=scope, address=address)
        wait_s = await self._rates.failed(address)
        detail = f"this key lacks the scope {scope}" if scope else MESSAGES[code]
        if wait_s is not None:
            detail = f"too many requests from this address were turned away; of this one: {detail}"
            return Problem(429, "rate_limited", detail, headers={"Retry-After": str(wait_s)})
        headers = {"WWW-Authenticate": 'Bearer realm="rag-streams"'} if status == 401 else {}  # noqa: PLR2004 - HTTP's number
        return Problem(status, code, detail, headers=headers)


_bearer = HTTPBearer(auto_error=False, description="A key, as `rag-streams keys create` shows it.")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


Version = Annotated[str | None, Header(description="The version of the API: `1`. Required.", examples=["1"])]


def key_with(scope: Scope | None) -> Callable[..., Awaitable[Key]]:
    """A dependency of our own endpoints: the key, which must have this scope; the version must be served."""

    async def admitted(request: Request, bearer: Bearer, x_api_version: Version = None) -> Key:
        key = await _key(request, bearer, scope)
        if x_api_version not in VERSIONS:
            raise _unserved(x_api_version)
        return key

    return admitted


async def chatting(request: Request, bearer: Bearer) -> Key:
    """A dependency of the endpoints in OpenAI's shape, which know no version: the key, which may ask."""
    return await _key(request, bearer, "ask")


async def _key(request: Request, bearer: HTTPAuthorizationCredentials | None, scope: Scope | None) -> Key:
    door: Doorkeeper = request.app.state.parts.door
    return await door.admit(request, bearer.credentials if bearer else None, scope)


def _unserved(asked: str | None) -> Problem:
    served = ", ".join(VERSIONS)
    if asked is None:
        detail = f"send the header X-API-Version; served: {served}"
        return Problem(400, "version_missing", detail, versions=list(VERSIONS))
    return Problem(
        400, "version_unknown", f"this version is not served; served: {served}", versions=list(VERSIONS)
    )


Asker = Annotated[Key, Depends(key_with("ask"))]
Writer = Annotated[Key, Depends(key_with("write"))]
Reader = Annotated[Key, Depends(key_with("read"))]
Administrator = Annotated[Key, Depends(key_with("admin"))]
Anyone = Annotated[Key, Depends(key_with(None))]
Chatter = Annotated[Key, Depends(chatting)]
