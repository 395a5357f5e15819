"""From produce to searchable: a small document at a time, searched for until it is found."""

from __future__ import annotations

import asyncio
import time

from aiokafka import AIOKafkaProducer

from tests.bench.contenders import Contender, running
from tests.bench.corpus import Page

PAUSE_S = 0.05
LOOK_S = 0.002
LIMIT_S = 60
WARM_UP = 10


async def produce_to_searchable(contender: Contender, count: int) -> list[float]:
    """Milliseconds for each of `count` documents."""
    settings = contender.settings
    async with running(contender), AIOKafkaProducer(bootstrap_servers=settings.kafka) as producer:
        took = []
        for number in range(WARM_UP + count):
            word = f"word{number}x"
            page = Page(f"d{number}", f"A small document about {word}, and nothing else.")
            began = time.monotonic()
            await producer.send_and_wait(settings.topic_changes, page.value, page.key)
            async with asyncio.timeout(LIMIT_S):
                while not await contender.finds(word):  # noqa: ASYNC110 - a store tells of nothing
                    await asyncio.sleep(LOOK_S)
            took.append((time.monotonic() - began) * 1000)
            await asyncio.sleep(PAUSE_S)
    return took[WARM_UP:]
