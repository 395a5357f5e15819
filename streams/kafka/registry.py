"""A schema registry that speaks Confluent's REST API: Confluent's own, Apicurio's, Karapace, Redpanda's.

Two requests of that API are used: `GET /schemas/ids/{id}`, and for what a schema references
`GET /subjects/{subject}/versions/{version}`.
"""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
import stamina

from streams.errors import Misconfigured, Rejected, Retryable
from streams.loopback import is_loopback
from streams.ports import RegisteredSchema

SOURCES = "STREAMS_SOURCES"
USERNAME = "STREAMS_SCHEMA_REGISTRY_USERNAME"
UNKNOWN_SCHEMA = "unknown_schema"
NO_ID = 0
"""A number that no registry gives to a schema: what it says of it shows that it works."""
MAX_REFERENCES = 100
"""Schemas that one may reference, those that they reference included."""

_UNKNOWN = range(404_00, 405_00)
"""Confluent's error codes for what is not there; a 404 without one comes from something else."""
_AGAIN = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.CONFLICT}
)


@dataclass(frozen=True, slots=True)
class RegistryConfig:
    """Where the registry is, who asks, and how much patience there is. Times in seconds.

    A request is sent `attempts` times, with a pause of `backoff_s` that doubles, and jitter.
    """

    url: str
    username: str | None = None
    password: str | None = None
    timeout_s: float = 5.0
    attempts: int = 3
    backoff_s: float = 0.2
    backoff_max_s: float = 2.0


class ConfluentRegistry:
    """A client of one registry: see `streams.ports.SchemaRegistry`. An async context manager."""

    def __init__(self, config: RegistryConfig, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._config = config
        self._answered = False
        self._where = httpx.URL(config.url).netloc.decode()
        auth = httpx.BasicAuth(config.username, config.password or "") if config.username else None
        self._http = httpx.AsyncClient(
            base_url=config.url,
            auth=auth,
            headers={"Accept": "application/vnd.schemaregistry.v1+json, application/json"},
            timeout=config.timeout_s,
            transport=transport,
            # A proxy for the outside world can't reach this machine's own loopback.
            trust_env=not is_loopback(httpx.URL(config.url).host),
        )

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes every connection."""
        await self._http.aclose()

    async def schema(self, id_: int) -> RegisteredSchema:
        """The schema of that number, with all that it references.

        One that is not there is asked for as often as one that can't be had: a follower may lag behind.
        Raises `Rejected` (`unknown_schema`), `Retryable` (`registry_down`), `Misconfigured`.
        """
        said = await self._get(f"/schemas/ids/{id_}")
        texts: dict[tuple[str, int], str] = {}
        await self._references(said, texts)
        return RegisteredSchema(said.get("schemaType") or "AVRO", self._text(said), tuple(texts.values()))

    async def probe(self) -> None:
        """Returns where the registry answers as one does, asked once: who probes it asks again."""
        try:
            await self._once(f"/schemas/ids/{NO_ID}")
        except Rejected:
            return

    async def _references(self, said: dict[str, Any], texts: dict[tuple[str, int], str]) -> None:
        for reference in said.get("references") or ():
            place = self._place(reference)
            if place in texts:
                continue
            if len(texts) >= MAX_REFERENCES:
                raise Rejected(f"a schema references more than {MAX_REFERENCES} others", code=UNKNOWN_SCHEMA)
            texts[place] = ""  # so that a circle ends; it is put behind what it references below
            inner = await self._get(f"/subjects/{quote(place[0], safe='')}/versions/{place[1]}")
            await self._references(inner, texts)
            del texts[place]
            texts[place] = self._text(inner)

    def _place(self, reference: Any) -> tuple[str, int]:
        try:
            return str(reference["subject"]), int(reference["version"])
        except (TypeError, KeyError, ValueError):
            raise Rejected(
                f"a schema in the registry at {self._where} references one without subject and version",
                code=UNKNOWN_SCHEMA,
            ) from None

    def _text(self, said: dict[str, Any]) -> str:
        text = said.get("schema")
        if not isinstance(text, str):
            raise self._no_registry("its answer holds no schema")
        return text

    async def _get(self, path: str) -> dict[str, Any]:
        config = self._config
        attempts = stamina.retry_context(
            on=_may_pass,
            attempts=config.attempts,
            timeout=None,
            wait_initial=config.backoff_s,
            wait_max=config.backoff_max_s,
            wait_jitter=config.backoff_s,
        )
        async for attempt in attempts:
            with attempt:
                return await self._once(path)
        raise AssertionError("stamina gives a result or raises")

    async def _once(self, path: str) -> dict[str, Any]:
        try:
            response = await self._http.get(path)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        return self._read(response)

    def _unreachable(self, error: BaseException) -> Misconfigured | Retryable:
        if _is_untrusted(error):
            return Misconfigured(
                f"the certificate of the schema registry at {self._where} is not trusted: renew it there, or "
                "let SSL_CERT_FILE name its CA's (PEM)",
                setting=SOURCES,
            )
        return Retryable(
            f"the schema registry at {self._where} cannot be reached ({type(error).__name__}): start it, "
            f"or correct schema_registry in the file that {SOURCES} names",
            code="registry_down",
        )

    def _read(self, response: httpx.Response) -> dict[str, Any]:
        status, said = response.status_code, _object(response.content)
        unknown = said is not None and said.get("error_code") in _UNKNOWN
        self._answered |= unknown or (status == HTTPStatus.OK and said is not None and "schema" in said)
        if status == HTTPStatus.OK and said is not None:
            return said
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise Misconfigured(
                f"the schema registry at {self._where} refuses us ({status}): check {USERNAME} and "
                "STREAMS_SCHEMA_REGISTRY_PASSWORD, and let that user read every schema",
                setting=USERNAME,
            )
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _AGAIN:
            raise Retryable(
                f"the schema registry at {self._where} could not answer ({status}): see its log",
                code="registry_down",
            )
        if unknown:
            raise Rejected(
                f"the schema registry at {self._where} has no such schema: register it there under the "
                "number that the record names, then replay; or correct schema_registry",
                code=UNKNOWN_SCHEMA,
            )
        raise self._no_registry(f"it answers {status}")

    def _no_registry(self, why: str) -> Misconfigured | Retryable:
        """Something else answers: for a person, unless the registry was there before, and may come back."""
        if self._answered:
            return Retryable(
                f"something else answers where the schema registry was, at {self._where} ({why})",
                code="registry_down",
            )
        return Misconfigured(
            f"no schema registry answers at {self._where} ({why}): schema_registry in the file that "
            f"{SOURCES} names is the address of Confluent's API, which in Apicurio ends in /apis/ccompat/v7",
            setting=SOURCES,
        )


def _may_pass(error: Exception) -> bool:
    """Whether the same request may be answered soon: a follower may not have what its leader has just got."""
    return isinstance(error, Retryable) or (isinstance(error, Rejected) and error.code == UNKNOWN_SCHEMA)


def _is_untrusted(error: BaseException | None) -> bool:
    """Whether what kept us from connecting is, at its root, a certificate."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
