"""The baseline: what a careful person writes in an afternoon. A consumer, windows of 800 characters, the
model's API, `insert_many`; a window overwrites the one that stood at its place. `python
tests/bench/plain_loop.py KAFKA TOPIC DONE_TOPIC HTTP_PORT GRPC_PORT OLLAMA_URL` runs until it is killed,
and says on DONE_TOPIC what it has done with each record.
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid

import httpx
import weaviate
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from weaviate.classes.config import Configure, DataType, Property, Tokenization
from weaviate.classes.data import DataObject

COLLECTION = "Plain"
CHARACTERS = 800
BATCH = 32
RECORDS = 500


def windows(text: str) -> list[str]:
    return [text[start : start + CHARACTERS] for start in range(0, len(text), CHARACTERS)]


async def collection(client: weaviate.WeaviateAsyncClient):
    if not await client.collections.exists(COLLECTION):
        await client.collections.create(
            COLLECTION,
            properties=[
                Property(name="text", data_type=DataType.TEXT),
                Property(name="document", data_type=DataType.TEXT, tokenization=Tokenization.FIELD),
                Property(name="number", data_type=DataType.INT),
            ],
            vector_config=Configure.Vectors.self_provided(),
        )
    return client.collections.use(COLLECTION)


async def embedded(http: httpx.AsyncClient, texts: list[str]) -> list[list[float]]:
    vectors: list[list[float]] = []
    for start in range(0, len(texts), BATCH):
        body = {"model": "stub-embed", "input": texts[start : start + BATCH]}
        vectors += (await http.post("/api/embed", json=body, timeout=120)).json()["embeddings"]
    return vectors


async def index(records, http: httpx.AsyncClient, into) -> list[int]:
    """Indexes these records; how many windows each has."""
    pieces = []
    for record in records:
        change = json.loads(record.value)
        pieces.append([(change["id"], number, text) for number, text in enumerate(windows(change["text"]))])
    every = [piece for some in pieces for piece in some]
    vectors = await embedded(http, [text for _, _, text in every])
    objects = [
        DataObject(
            uuid=uuid.uuid5(uuid.NAMESPACE_URL, f"{document}#{number}"),
            properties={"text": text, "document": document, "number": number},
            vector=vector,
        )
        for (document, number, text), vector in zip(every, vectors, strict=True)
    ]
    if objects and (done := await into.data.insert_many(objects)).has_errors:
        raise RuntimeError(next(iter(done.errors.values())).message)
    return [len(some) for some in pieces]


async def main(kafka: str, topic: str, done_topic: str, http_port: str, grpc_port: str, url: str) -> None:
    client = weaviate.use_async_with_local(port=int(http_port), grpc_port=int(grpc_port))
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka, group_id=f"{topic}-plain", auto_offset_reset="earliest",
        enable_auto_commit=False,
    )  # fmt: skip
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    async with client, consumer, producer, httpx.AsyncClient(base_url=url) as http:
        into = await collection(client)
        print("ready", flush=True)
        while True:
            got = await consumer.getmany(timeout_ms=500, max_records=RECORDS)
            records = [record for some in got.values() for record in some]
            if not records:
                continue
            counts = await index(records, http, into)
            await consumer.commit()
            for record, count in zip(records, counts, strict=True):
                said = {"partition": record.partition, "offset": record.offset, "windows": count}
                await producer.send(done_topic, json.dumps(said).encode())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
