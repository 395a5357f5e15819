"""Requests to one Ollama: limits, timeouts, retries, and failures turned into errors."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
import stamina
from pydantic import BaseModel

from streams.errors import Misconfigured, Retryable, StreamsError
from streams.loopback import is_loopback
from streams.ollama.errors import (
    URL_SETTING,
    BrokenStream,
    Overloaded,
    ServerFailed,
    Timeout,
    Unreachable,
)
from streams.ollama.faults import error_text, of_line, of_reply, of_transport
from streams.ollama.lines import LineSplitter, LineTooLong
from streams.ports import Observed, Observer, unobserved

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

T = TypeVar("T")

NOT_TAKEN: tuple[type[Retryable], ...] = (Unreachable, Overloaded)
"""Ollama did not begin: any request may be sent again."""
BEFORE_FIRST: tuple[type[Retryable], ...] = (*NOT_TAKEN, BrokenStream)
"""Nothing was seen of a stream yet. A timeout is not in here: the model may be at work on it."""
IDLE_S = 30.0
"""How long a connection is kept that nobody uses; proxies close theirs after a minute or so."""
NOT_TOO_SLOW: tuple[type[Retryable], ...] = (*BEFORE_FIRST, ServerFailed)
"""Of what may be done twice, but would take as long again."""
IDEMPOTENT: tuple[type[Retryable], ...] = (*BEFORE_FIRST, Timeout, ServerFailed)
"""Twice is as good as once."""


@dataclass(frozen=True, slots=True)
class OllamaConfig:
    """Where Ollama is, and how much patience there is. Times in seconds.

    `read_timeout_s` is the longest silence within a reply, `load_timeout_s` the same while a model is
    loaded or pulled. A call that may be repeated is tried `attempts` times, with a pause of `backoff_s`
    that doubles, and jitter; a `Retry-After` is honoured up to `retry_after_max_s`. `keep_alive` is how
    long a model stays loaded, in Ollama's notation (`"30m"`, `"-1m"` for ever); None leaves it to the server.
    """

    url: str = "http://localhost:11434"
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 120.0
    load_timeout_s: float = 900.0
    connections: int = 32
    attempts: int = 3
    backoff_s: float = 0.2
    backoff_max_s: float = 5.0
    retry_after_max_s: float = 30.0
    keep_alive: str | None = None
    max_line_bytes: int = 1 << 20


class Connection:
    """An HTTP client for one Ollama. An async context manager; closing it drops what is under way.

    By aiohttp, whose parser is compiled: in Python alone, to read a reply word by word took a third of all
    that a worker did for an answer. To be made where an event loop runs.
    """

    def __init__(self, config: OllamaConfig, observe: Observer = unobserved) -> None:
        url = _url(config.url)
        self._observe = observe
        self.host = host_of(url)
        self._config = config
        self._root = str(url.copy_with(userinfo=b"")).rstrip("/")
        self._places = asyncio.Semaphore(config.connections)
        self._http = aiohttp.ClientSession(
            headers=_authorization(url),
            connector=aiohttp.TCPConnector(
                limit=0,  # the places are: who waits for one too long is told so
                keepalive_timeout=IDLE_S,
                # Trusts whom the registry's and the store's clients trust.
                ssl=httpx.create_ssl_context() if url.scheme == "https" else True,
            ),
            proxy=_proxy(url),
        )

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes every connection."""
        await self._http.close()

    async def reply(
        self,
        method: str,
        path: str,
        body: BaseModel | None = None,
        *,
        model: str = "",
        read_s: float | None = None,
        again: tuple[type[Retryable], ...] = IDEMPOTENT,
    ) -> bytes:
        """The body of a 200 reply. Raises as `streams.ollama.errors` says, after tries `again`."""
        return await self._retried(again, partial(self._reply, method, path, body, model, read_s))

    async def lines(
        self, path: str, body: BaseModel, *, model: str = "", read_s: float | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The lines of a streamed reply, tried again only before the first. Close it to stop the server.

        An error line raises. Whether the stream is complete is the caller's to see.
        """
        async with AsyncExitStack() as stack:
            begin = partial(self._begin, stack, path, body, model, read_s)
            first, lines = await self._retried(BEFORE_FIRST, begin)
            yield first
            async for line in lines:
                yield self._sound(line, model)

    async def _reply(
        self, method: str, path: str, body: BaseModel | None, model: str, read_s: float | None
    ) -> bytes:
        async with self._exchange(method, path, body, model, read_s) as response:
            return await response.read()

    async def _begin(
        self, stack: AsyncExitStack, path: str, body: BaseModel, model: str, read_s: float | None
    ) -> tuple[bytes, AsyncIterator[bytes]]:
        async with AsyncExitStack() as attempt:
            response = await attempt.enter_async_context(self._exchange("POST", path, body, model, read_s))
            lines = self._split(response)
            first = await anext(lines, None)
            if first is None:
                raise BrokenStream(f"Ollama at {self.host} sent an empty stream")
            self._sound(first, model)
            await stack.enter_async_context(attempt.pop_all())
        return first, lines

    async def _split(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        splitter = LineSplitter(self._config.max_line_bytes)
        try:
            async for chunk in response.content.iter_any():
                for line in splitter.feed(chunk):
                    yield line
            for line in splitter.rest():
                yield line
        except LineTooLong as error:
            raise BrokenStream(f"no Ollama answers at {self.host} ({error}): see {URL_SETTING}") from None

    def _sound(self, line: bytes, model: str) -> bytes:
        # Whatever a model writes, quotes in it are escaped: the test is cheap and misses no error.
        said = error_text(line) if b'"error"' in line else None
        if said is not None:
            raise of_line(said, self.host, model)
        return line

    @asynccontextmanager
    async def _exchange(
        self, method: str, path: str, body: BaseModel | None, model: str, read_s: float | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        seconds = read_s or self._config.read_timeout_s
        operation, began = path.rpartition("/")[2], time.monotonic()
        try:
            async with self._place(seconds), await self._asked(method, path, body, seconds) as response:
                if response.status != HTTPStatus.OK:
                    said = await response.read()
                    raise of_reply(response.status, response.headers, said, self.host, model)
                yield response
        except aiohttp.ClientError as error:
            raise self._failed(operation, of_transport(error, self.host, seconds)) from None
        except StreamsError as error:
            self._failed(operation, error)
            raise
        self._observe(Observed("ollama_request_seconds", time.monotonic() - began, {"operation": operation}))

    @asynccontextmanager
    async def _place(self, seconds: float) -> AsyncIterator[None]:
        """One of the connections that may be open."""
        try:
            async with asyncio.timeout(seconds):
                await self._places.acquire()
        except TimeoutError:
            raise Timeout(f"all connections to Ollama at {self.host} were busy for {seconds:g} s") from None
        try:
            yield
        finally:
            self._places.release()

    async def _asked(
        self, method: str, path: str, body: BaseModel | None, seconds: float
    ) -> aiohttp.ClientResponse:
        """The reply, as soon as its head is there."""
        connect_s = self._config.connect_timeout_s
        limits = aiohttp.ClientTimeout(total=None, sock_connect=connect_s, sock_read=seconds)
        try:
            # aiohttp itself waits for ever where a server takes no more of a request.
            async with asyncio.timeout(connect_s + seconds) as whole:
                return await self._http.request(
                    method,
                    self._root + path,
                    data=body.model_dump_json(exclude_none=True).encode() if body else None,
                    headers={"Content-Type": "application/json"} if body else None,
                    timeout=limits,
                    allow_redirects=False,
                )
        except TimeoutError as error:
            if whole.expired():
                raise aiohttp.SocketTimeoutError from error
            raise

    def _failed(self, operation: str, error: StreamsError) -> StreamsError:
        self._observe(Observed("ollama_errors", labels={"operation": operation, "code": error.code}))
        return error

    async def _retried(self, on: tuple[type[Retryable], ...], call: Callable[[], Awaitable[T]]) -> T:
        config = self._config
        attempts = stamina.retry_context(
            on=partial(_wait, on, config.retry_after_max_s),
            attempts=config.attempts,
            timeout=None,
            wait_initial=config.backoff_s,
            wait_max=config.backoff_max_s,
            wait_jitter=config.backoff_s,
        )
        async for attempt in attempts:
            with attempt:
                return await call()
        raise AssertionError("stamina gives a result or raises")


def _wait(on: tuple[type[Retryable], ...], retry_after_max_s: float, error: Exception) -> bool | float:
    if not isinstance(error, on):
        return False
    asked = error.retry_after
    return True if asked is None else min(asked, retry_after_max_s)


def _url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host or not 0 < (url.port or 80) < 1 << 16:
        raise Misconfigured(f"{URL_SETTING} must be like http://localhost:11434", setting=URL_SETTING)
    return url


def _proxy(url: httpx.URL) -> str | None:
    """The proxy that the environment names for this server, if any."""
    # One for the outside world can't reach this machine's own loopback.
    port = url.port or (443 if url.scheme == "https" else 80)
    if is_loopback(url.host) or proxy_bypass(f"{url.host}:{port}"):
        return None
    named = getproxies()
    proxy = named.get(url.scheme) or named.get("all")
    if not proxy:
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not proxy.startswith(("http://", "https://")):
        raise Misconfigured(
            f"the environment's proxy is no HTTP proxy ({proxy.partition('://')[0]}): name {url.host} in"
            " NO_PROXY, or an HTTP proxy in HTTP_PROXY and HTTPS_PROXY",
            setting="ALL_PROXY",
        )
    return proxy


def _authorization(url: httpx.URL) -> dict[str, str]:
    """For the name and password in the URL, as RFC 7617 has them in UTF-8."""
    if not url.userinfo:
        return {}
    said = b64encode(f"{url.username}:{url.password}".encode())
    return {"Authorization": f"Basic {said.decode()}"}


def host_of(url: httpx.URL) -> str:
    """`host:port`, which is all of a URL that is fit for a message: it may hold a password."""
    name = f"[{url.host}]" if ":" in url.host else url.host
    return f"{name}:{url.port}" if url.port else name
