"""What a worker shows of itself while it waits for Kafka to start with."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request

from ops.servers.process import HOST, free_ports
from tests.bench.workers import Worker

LIMIT_S = 60


def said(worker, path):
    try:
        with urllib.request.urlopen(f"http://{HOST}:{worker.port}/{path}", timeout=10) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()
    except OSError:
        return ""


def until(worker, path, *wanted):
    ends = time.monotonic() + LIMIT_S
    while not all(what in (text := said(worker, path)) for what in wanted):
        assert time.monotonic() < ends, f"{text}\n{worker.tail()}"
        time.sleep(0.1)
    return text


def test_a_worker_that_has_not_found_kafka_yet_is_seen_as_one_that_waits_for_it(tmp_path):
    nowhere = f"{HOST}:{free_ports()}"
    settings = {"STREAMS_KAFKA_BOOTSTRAP_SERVERS": nowhere, "STREAMS_STORE": "sqlite"}
    worker = Worker(tmp_path, settings | {"STREAMS_SQLITE_PATH": str(tmp_path / "index.db")}).start()
    try:
        ready = json.loads(until(worker, "readyz", nowhere))
        assert not ready["ready"]
        asked = worker.environ | {"STREAMS_METRICS_PORT": str(worker.port)}
        status = [sys.executable, "-m", "streams", "status"]
        ended = subprocess.run(status, env=asked, capture_output=True, text=True, check=False)
        assert ended.returncode == 3, ended.stderr
        assert ended.stdout.startswith("WAITS worker"), ended.stdout
        assert nowhere in ended.stdout
        assert len(ended.stderr.splitlines()) <= 2, ended.stderr
        until(
            worker,
            "metrics",
            "streams_kafka_up 0.0",
            'streams_pump_running{pump="index"} 0.0',
            'streams_pump_running{pump="answer"} 0.0',
            "streams_build_info{",
        )
    finally:
        assert worker.stop() == 0
