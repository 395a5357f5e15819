"""The two limits of indexing: the embedder alone, and the store alone, on the same texts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence

import weaviate
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.data import DataObject

from ops.servers.launch import Weaviate
from streams.ollama.client import OllamaClient
from streams.ollama.embedder import open_embedder
from streams.settings import Settings
from streams.worker.parts import ollama_config

BATCH = 32
OBJECTS = 500


async def embedder_alone(settings: Settings, texts: Sequence[str]) -> tuple[float, list[Sequence[float]]]:
    """Passages a second, two batches of 32 at a time; and the vectors."""
    async with OllamaClient(ollama_config(settings)) as client:
        embedder = await open_embedder(client, settings.embed_model, settings.embed_dimension)
        vectors: list[Sequence[float]] = [()] * len(texts)
        begins = iter(range(0, len(texts), BATCH))

        async def one() -> None:
            for begin in begins:
                vectors[begin : begin + BATCH] = await embedder.embed_documents(texts[begin : begin + BATCH])

        began = time.monotonic()
        await asyncio.gather(one(), one())
        return len(texts) / (time.monotonic() - began), vectors


def store_alone(server: Weaviate, texts: Sequence[str], vectors: Iterable[Sequence[float]]) -> float:
    """Passages a second of `insert_many` with ready vectors and one property, 500 at a time."""
    with weaviate.connect_to_local(port=server.http_port, grpc_port=server.grpc_port) as client:
        client.collections.delete("Alone")
        client.collections.create(
            "Alone",
            properties=[Property(name="text", data_type=DataType.TEXT)],
            vector_config=Configure.Vectors.self_provided(),
            multi_tenancy_config=Configure.multi_tenancy(enabled=True, auto_tenant_creation=True),
        )
        objects = [
            DataObject(properties={"text": text}, vector=list(vector))
            for text, vector in zip(texts, vectors, strict=True)
        ]
        tenant = client.collections.use("Alone").with_tenant("default")
        began = time.monotonic()
        for begin in range(0, len(objects), OBJECTS):
            if (done := tenant.data.insert_many(objects[begin : begin + OBJECTS])).has_errors:
                raise RuntimeError(f"the store refused objects: {next(iter(done.errors.values())).message}")
        took = time.monotonic() - began
        client.collections.delete("Alone")
    return len(texts) / took
