"""A connection to Weaviate, and what every call over it shares."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from weaviate import WeaviateAsyncClient
from weaviate.classes.config import ConsistencyLevel
from weaviate.classes.init import AdditionalConfig, Auth, Timeout
from weaviate.collections import CollectionAsync
from weaviate.config import GrpcConfig
from weaviate.connect import ConnectionParams

from streams.errors import Misconfigured
from streams.ports import Monotonic
from streams.stores.chunks import chunks
from streams.stores.weaviate import faults
from streams.stores.weaviate.superseded import Superseded

Collection = CollectionAsync[Any, Any]

TENANTS_AT_ONCE = 100
TENANTS_USED = 1000
"""Tenants whose collection is kept: to make one takes as long as to send a query."""
RECONNECT_MS = 2_000
"""The longest that the gRPC channel waits before it tries again: its own default is two minutes."""


@dataclass(frozen=True, slots=True)
class WeaviateConfig:
    """Where Weaviate is, and which collections hold the index. Timeouts in seconds, for each call.

    Collections are named `PREFIX…_GENERATION`: letters, digits and underscores, the prefix with a
    capital first. The gRPC port is on the URL's host. `ef_construction` and `max_connections` are HNSW's,
    for collections that are made: how many neighbours are weighed for a passage, and how many are kept.
    """

    url: str = "http://localhost:8080"
    grpc_port: int = 50051
    api_key: str | None = field(default=None, repr=False)
    replication_factor: int = 1
    ef_construction: int = 64
    max_connections: int = 16
    generation: str = "g1"
    dimension: int = 768
    prefix: str = "Streams"
    query_timeout: float = 10.0
    write_timeout: float = 60.0

    @property
    def passages(self) -> str:
        """The name of the passages' collection."""
        return f"{self.prefix}Passages_{self.generation}"

    @property
    def heads(self) -> str:
        """The name of the heads' collection."""
        return f"{self.prefix}Heads_{self.generation}"

    @property
    def record(self) -> str:
        """The name of the collection whose description says which generation is live."""
        return f"{self.prefix}Generation"


class Session:
    """An open client, its collections, and what is known: which tenants exist, which heads are superseded."""

    def __init__(
        self, client: WeaviateAsyncClient, config: WeaviateConfig, monotonic: Monotonic = time.monotonic
    ) -> None:
        self.client = client
        self.config = config
        self.superseded = Superseded(monotonic)
        self._tenants: set[str] = set()
        self._used: OrderedDict[str, Collection] = OrderedDict()
        self._creating = asyncio.Lock()
        self._has_ids: bool | None = None

    @cached_property
    def heads(self) -> Collection:
        """Heads, read and written at ALL: a filtered query reads one replica, so every one must have them."""
        return self._collection(self.config.heads).with_consistency_level(ConsistencyLevel.ALL)

    @cached_property
    def all_passages(self) -> Collection:
        """The passages' collection, for what is no single tenant's."""
        return self._collection(self.config.passages).with_consistency_level(ConsistencyLevel.QUORUM)

    def _collection(self, name: str) -> Collection:
        """Without the client's check of arguments, whose types are known here: a tenth of a search's time."""
        return self.client.collections.use(name, skip_argument_validation=True)

    def passages(self, tenant: str) -> Collection:
        """One tenant's passages, read and written at QUORUM."""
        used = self._used.pop(tenant, None) or self.all_passages.with_tenant(tenant)
        self._used[tenant] = used
        if len(self._used) > TENANTS_USED:
            self._used.popitem(last=False)
        return used

    async def has_ids(self) -> bool:
        """Whether heads can be looked up by the id of their document: in an index made before, they can't."""
        if self._has_ids is None:
            async with self.querying():
                properties = (await self.heads.config.get()).properties
            self._has_ids = any(one.name == "document_id" and one.index_filterable for one in properties)
        return self._has_ids

    def querying(self) -> AbstractAsyncContextManager[None]:
        """For one read: its time limit, its failures named."""
        return faults.named(self.config.url, self.config.query_timeout)

    def writing(self) -> AbstractAsyncContextManager[None]:
        """For one write: its time limit, its failures named."""
        return faults.named(self.config.url, self.config.write_timeout)

    async def ensure_tenants(self, tenants: Sequence[str]) -> None:
        """Creates those tenants that are not known to exist; creating one that does is no error."""
        async with self._creating:
            missing = sorted(set(tenants) - self._tenants)
            for some in chunks(missing, TENANTS_AT_ONCE):
                async with self.writing():
                    await self.all_passages.tenants.create(list(some))
                self._tenants.update(some)

    def forget_tenant(self, tenant: str) -> None:
        """Another has deleted it: create it before the next write."""
        self._tenants.discard(tenant)


async def connect(config: WeaviateConfig) -> WeaviateAsyncClient:
    """An open client.

    Raises `Retryable` where nobody answers, `Misconfigured` for a URL or a key that is wrong.
    """
    # The client logs the objects that were refused, text and all.
    logging.getLogger("weaviate-client").setLevel(logging.CRITICAL)
    client = WeaviateAsyncClient(
        connection_params=_address(config),
        auth_client_secret=Auth.api_key(config.api_key) if config.api_key else None,
        additional_config=AdditionalConfig(
            timeout=Timeout(
                init=config.query_timeout, query=config.query_timeout, insert=config.write_timeout
            ),
            grpc_config=GrpcConfig(channel_options=[("grpc.max_reconnect_backoff_ms", RECONNECT_MS)]),
        ),
        # The checks would look for a newer client in a package index.
        skip_init_checks=True,
    )
    try:
        async with faults.named(config.url, config.query_timeout):
            await client.connect()
    except BaseException:
        await client.close()
        raise
    return client


def _address(config: WeaviateConfig) -> ConnectionParams:
    if config.url.rstrip("/").endswith(f":{config.grpc_port}"):
        raise Misconfigured(
            f"{faults.GRPC_PORT} is the port of {faults.URL}, {config.grpc_port}: gRPC has a port of its own,"
            " 50051 unless Weaviate was told otherwise",
            setting=faults.GRPC_PORT,
        )
    try:
        return ConnectionParams.from_url(config.url, config.grpc_port)
    except ValueError as error:
        raise Misconfigured(
            f"{faults.URL} is no URL of a Weaviate: {config.url!r}; it looks like http://localhost:8080",
            setting=faults.URL,
        ) from error
