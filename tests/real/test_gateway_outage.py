"""Two gateways whose Kafka goes away and comes back: what is asked meanwhile is answered, and soon, by 503."""

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import httpx
import pytest

from streams.gateway import keys
from streams.messages.receipts import IndexReceipt
from streams.settings import load
from tests.consoles import Gateway
from tests.staged import ANSWERS, QUESTIONS, Stage

pytestmark = pytest.mark.timeout(300)

BOUND_S = 60
"""Within which a request must have ended, on a machine under load."""
ASKED = {"text": "When does the ferry leave?", "deadline_ms": 300_000}


class Doors:
    """Two gateways, and the part of the workers; no index is needed."""

    def __init__(self, kafka, folder):
        self.kafka, self.folder = kafka, folder
        self.settings = {
            "kafka_bootstrap_servers": kafka.bootstrap, "store": "sqlite", "sqlite_path": folder / "index.db",
            "topic_questions": QUESTIONS, "topic_answers": ANSWERS, "topic_partitions": 1,
            "api_keys_file": folder / "keys.json",
        }  # fmt: skip
