"""A stand-in for the workers, so that the way there and back is what is measured.

Reads the questions of these settings and answers each: after `--first-ms` piece by piece, one each 50 ms as a
worker sends them, for a second.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from streams import settings as configuration
from streams.messages.answers import AnswerCompleted, AnswerDelta, AnswerStarted, Timings, Usage

PIECES, PIECE_MS = tuple(f"piece {number} " for number in range(20)), 50.0


def events(question: dict, place: str) -> list[AnswerStarted | AnswerDelta | AnswerCompleted]:
    of_it = {
        "tenant": question["tenant"], "question_id": question["id"], "question": place, "attempt": 1,
        "at": datetime.now(UTC),
    }  # fmt: skip
    text = "".join(PIECES)
    about = {"model": "echo", "route": "primary", "citations": [], "watermark": []}
    return [
        AnswerStarted(**of_it, seq=0, **about),
        *(AnswerDelta(**of_it, seq=n, text=piece) for n, piece in enumerate(PIECES, 1)),
        AnswerCompleted(
            **of_it, **about, seq=len(PIECES) + 1, text=text, reason=None, abstained=False, grounded=None,
            sha256=hashlib.sha256(text.encode()).hexdigest(), usage=Usage(), timings=Timings(),
        ),
    ]  # fmt: skip


async def main(first_ms: float) -> None:
    settings = configuration.load(env_file=None)
    consumer = AIOKafkaConsumer(settings.topic_questions, bootstrap_servers=settings.kafka)
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka) as producer, consumer:
        print("ready", flush=True)

        async def answer(question: dict, place: str) -> None:
            await asyncio.sleep(first_ms / 1000)
            for event in events(question, place):
                value = event.model_dump_json().encode()
                await producer.send(settings.topic_answers, value, question["id"].encode())
                if isinstance(event, AnswerDelta):
                    await asyncio.sleep(PIECE_MS / 1000)

        async with asyncio.TaskGroup() as group:
            async for record in consumer:
                place = f"{record.topic}-{record.partition}-{record.offset}"
                group.create_task(answer(json.loads(record.value), place))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first-ms", type=float, default=50.0)
    asyncio.run(main(parser.parse_args().first_ms))
