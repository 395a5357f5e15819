"""Where Kafka is and who we are there, as arguments for aiokafka's clients."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import CloseReason, create_conn

from streams.errors import Misconfigured, StreamsError
from streams.kafka.faults import ADDRESS, CAFILE, FAULTS, fault

REQUEST_MS = 10_000
"""How long a request may take: a connection that leads nowhere any more is noticed by nothing else."""
PROBE_MS = 5_000
"""How long an address that let nobody in has to say why."""
METADATA_S = 0.05
"""Between two looks for a partition's leader."""


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """One Kafka. `embedded`: it is the broker in memory, with the limits that it has."""

    bootstrap_servers: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    ssl_cafile: str | None = None
    embedded: bool = False

    @property
    def servers(self) -> Sequence[tuple[str, int]]:
        """Host and port of each server. Raises `Misconfigured` where one is not `HOST:PORT`."""
        found = []
        for server in self.bootstrap_servers.split(","):
            host, _, port = server.strip().rpartition(":")
            if not host or not port.isdecimal():
                raise Misconfigured(
                    f"{ADDRESS} must be HOST:PORT[,HOST:PORT…], not {self.bootstrap_servers!r}",
                    setting=ADDRESS,
                )
            found.append((host.strip("[]"), int(port)))
        return found

    def kwargs(self) -> dict[str, Any]:
        """Arguments for any of aiokafka's clients. Raises `Misconfigured` naming the setting at fault."""
        servers = [server.strip() for server in self.bootstrap_servers.split(",")]
        return {"bootstrap_servers": servers, **self._who()}

    def producer_kwargs(self) -> dict[str, Any]:
        """As `kwargs`, for a producer that loses nothing and, but on the embedded broker, repeats nothing."""
        # The embedded broker knows no producer ids, and tells a partition's end by its last batch.
        batch = {"max_batch_size": 1} if self.embedded else {}
        return {
            **self.kwargs(),
            "acks": "all",
            "enable_idempotence": not self.embedded,
            "request_timeout_ms": REQUEST_MS,
            **batch,
        }

    def consumer_kwargs(self) -> dict[str, Any]:
        """As `kwargs`, for a consumer of committed records that commits nothing by itself."""
        return {
            **self.kwargs(),
            "isolation_level": "read_committed",
            "enable_auto_commit": False,
            "request_timeout_ms": REQUEST_MS,
        }

    def ssl_context(self) -> ssl.SSLContext | None:
        """What checks the broker's certificate; None where the protocol has no TLS."""
        if self.security_protocol not in {"SSL", "SASL_SSL"}:
            return None
        try:
            return ssl.create_default_context(cafile=self.ssl_cafile)
        except OSError as error:
            raise Misconfigured(
                f"{CAFILE} must name a file of CA certificates in PEM, not {self.ssl_cafile}"
                f" ({type(error).__name__})",
                setting=CAFILE,
            ) from None

    def _who(self) -> dict[str, Any]:
        _ = self.servers
        sasl = {
            "sasl_mechanism": self.sasl_mechanism or "PLAIN",
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": self.sasl_password,
        }
        given = sasl if self.security_protocol.startswith("SASL") else {}
        return {"security_protocol": self.security_protocol, "ssl_context": self.ssl_context(), **given}

    async def refusal(self) -> StreamsError | None:
        """What keeps us out of every server, where that is more than silence; None if one lets us in."""
        found: StreamsError | None = None
        for host, port in self.servers:
            try:
                (await create_conn(host, port, request_timeout_ms=PROBE_MS, **self._who())).close()
            except FAULTS as error:
                meant = fault(self.bootstrap_servers, error)
                found = meant if isinstance(meant, Misconfigured) else found
            else:
                return None
        return found

    async def answering(self) -> tuple[KafkaConnection, Sequence[str]]:
        """The same Kafka by those of its addresses alone that answer, and the others; itself if none does.

        They are asked all at once: a client goes through them one by one, and waits for each that is silent.
        """
        addresses = [server.strip() for server in self.bootstrap_servers.split(",")]
        there = await asyncio.gather(*(self._answers(*server) for server in self.servers))
        silent = [address for address, answers in zip(addresses, there, strict=True) if not answers]
        if len(silent) in {0, len(addresses)}:
            return self, silent
        loud = ",".join(address for address in addresses if address not in silent)
        return replace(self, bootstrap_servers=loud), silent

    async def _answers(self, host: str, port: int) -> bool:
        try:
            (await create_conn(host, port, request_timeout_ms=PROBE_MS, **self._who())).close()
        except FAULTS:
            return False
        return True


class Client(Protocol):
    """What aiokafka's consumers and producers have alike."""

    async def start(self) -> None:
        """Connects."""

    async def stop(self) -> None:
        """Lets go of the connection."""


C = TypeVar("C", bound=Client)


@contextlib.asynccontextmanager
async def started(connection: KafkaConnection, client: C) -> AsyncIterator[C]:
    """The client, started, and stopped at the end. Raises as `start` does."""
    try:
        await start(connection, client)
        yield client
    finally:
        await _stopped(client)


def disconnect(client: AIOKafkaClient) -> None:
    """Closes all connections; what waits for an answer fails, and whoever asks next makes a new one."""
    for connection in list(client._conns.values()):  # noqa: SLF001 - aiokafka closes one only of itself
        connection.close(reason=CloseReason.CONNECTION_TIMEOUT)


def unhurried(client: AIOKafkaClient) -> None:
    """Has a producer's client ask at intervals who leads a partition that nobody leads, not all the time.

    Whoever waits for an answer when the client is closed, or asks it then, gets False.
    """
    update: Callable[[], Awaitable[bool]] = client.force_metadata_update
    close: Callable[[], Awaitable[None]] = client.close
    closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    last, later = float("-inf"), None

    async def after(seconds: float) -> bool:
        nonlocal last
        await asyncio.wait((closed,), timeout=seconds)
        if closed.done():
            return False
        last = asyncio.get_running_loop().time()
        # aiokafka's own look never ends once the client is closed.
        asked = asyncio.ensure_future(update())
        await asyncio.wait((asked, closed), return_when=asyncio.FIRST_COMPLETED)
        return asked.done() and asked.result()

    def paced() -> Awaitable[bool]:
        nonlocal later
        if later is None or later.done():
            wait = last + METADATA_S - asyncio.get_running_loop().time()
            later = asyncio.ensure_future(after(max(wait, 0.0)))
        return asyncio.shield(later)

    async def closing() -> None:
        if not closed.done():
            closed.set_result(None)
        await close()

    client.close = closing
    client.force_metadata_update = paced


async def _stopped(client: Client) -> None:
    """Stops it. aiokafka may raise what it cancelled itself, for want of Kafka: that is no end of ours."""
    try:
        await client.stop()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise


async def start(connection: KafkaConnection, client: Client) -> None:
    """Starts a client, or raises what keeps it out: `Retryable`, or `Misconfigured` naming the setting."""
    try:
        await client.start()
    except FAULTS as error:
        # aiokafka logs why a server let it down, and raises only that all of them did.
        unsaid = isinstance(error, errors.KafkaConnectionError)
        refusal = await connection.refusal() if unsaid else None
        raise refusal or fault(connection.bootstrap_servers, error) from error


@contextlib.contextmanager
def faults(connection: KafkaConnection) -> Iterator[None]:
    """Raises aiokafka's errors by our names."""
    try:
        yield
    except FAULTS as error:
        raise fault(connection.bootstrap_servers, error) from error
