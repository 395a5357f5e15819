"""Two deployments on one index: the second is refused, by every command that writes, until it takes over."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from streams import settings as configuration
from streams.cli.app import app
from streams.cli.output import exit_code
from streams.errors import StreamsError
from streams.worker.parts import open_index
from tests.apart import apart, weaviate_settings
from tests.bench.index import stub
from tests.bench.workers import Worker

LIMIT_S = 90


@pytest.fixture
def environ(kafka, weaviate, tmp_path):
    with stub(embed_ms=0) as url:
        yield {
            "STREAMS_KAFKA_BOOTSTRAP_SERVERS": kafka,
            **weaviate_settings(weaviate),
            "STREAMS_INDEX_NAME": f"T{uuid.uuid4().hex[:12]}",
            "STREAMS_OLLAMA_URL": url,
            "STREAMS_EMBED_MODEL": "stub-embed",
            "STREAMS_EMBED_DIMENSION": "384",
            "STREAMS_GENERATE_MODEL": "stub",
            "STREAMS_FALLBACK_MODEL": "stub",
            "STREAMS_TOPIC_PARTITIONS": "1",
            "STREAMS_STATE_DIR": str(tmp_path),
            **apart(f"owner-{uuid.uuid4().hex[:6]}"),
        }


def command(environ, *words):
    """A command's exit code, and all that it said."""
    done = CliRunner().invoke(app, list(words), env=environ)
    if isinstance(done.exception, StreamsError):
        return exit_code(done.exception), str(done.exception)
    return done.exit_code, done.output


async def noted(settings, change=None):
    """The cluster that the index is noted to be of; `change` names another one."""
    index = await open_index(settings)
    try:
        record = await index.generations()
        if change is not None:
            assert await index.replace_generations(record, replace(record, kafka=change))
        return record and record.kafka
    finally:
        await index.close()


@pytest.mark.timeout(300)
def test_an_index_of_another_kafka_is_refused_until_it_is_taken_over(environ, tmp_path):
    given = {name.removeprefix("STREAMS_").lower(): value for name, value in environ.items()}
    settings = configuration.load(env_file=None, **given)
    assert command(environ, "topics", "create")[0] == 0
    worker = Worker(tmp_path, environ, roles="index").start()
    worker.ready()
    assert worker.stop() == 0
    mine = asyncio.run(noted(settings, "another-cluster"))
    assert mine
    refused = subprocess.run(
        [sys.executable, "-m", "streams", "worker", "--roles", "index"],
        env={**os.environ, **environ}, capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    said = [(refused.returncode, refused.stdout + refused.stderr)]
    said += [
        command(environ, "reconcile"),
        command(environ, "reindex", "--chunk-characters", "300"),
        command(environ, "doctor"),
    ]
    for code, text in said:
        assert code == 2, text
        assert "another-cluster" in text
        assert "STREAMS_INDEX_NAME" in text
        assert "--take-over" in text
    assert command(environ, "reindex", "--take-over")[0] == 0
    assert asyncio.run(noted(settings)) == mine
    assert command(environ, "reconcile")[0] == 0
