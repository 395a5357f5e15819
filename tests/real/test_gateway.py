"""The gateway on real Kafka, Weaviate and Ollama, with `curl` and the `openai` package as its clients."""

import json
import shutil
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime

import httpx
import openai
import pytest

from ops.servers.process import free_ports
from streams.gateway.access import keys
from tests.apart import apart, weaviate_settings
from tests.bench.workers import Worker
from tests.conftest import lacking
from tests.unit.answering.rules import check_events

pytestmark = pytest.mark.timeout(300)

WAIT_S = 90
QUESTION = "How many steps does the lighthouse of Roscoff have?"
STEPS = "# Roscoff\n\nThe lighthouse of Roscoff has two hundred and nine steps. It was built in 1884.\n"


class House:
    """A worker, two gateways, a key."""

    def __init__(self, kafka, weaviate, ollama, folder, stack):
        name = f"gw-{uuid.uuid4().hex[:6]}"
        self.folder, self.stack = folder, stack
        self.environ = {
            "STREAMS_KAFKA_BOOTSTRAP_SERVERS": kafka,
            **weaviate_settings(weaviate),
            "STREAMS_OLLAMA_URL": ollama,
            "STREAMS_EMBED_MODEL": "all-minilm",
            "STREAMS_EMBED_DIMENSION": "384",
            "STREAMS_GENERATE_MODEL": "smollm2:135m",
            "STREAMS_FALLBACK_MODEL": "smollm2:135m",
            "STREAMS_NUM_CTX": "2048",
            "STREAMS_MAX_ANSWER_TOKENS": "32",
            "STREAMS_BRIEF_PROMPT": "true",
            "STREAMS_FIRST_TOKEN_TIMEOUT_MS": "30000",
            "STREAMS_TOKEN_TIMEOUT_MS": "10000",
            "STREAMS_TOPIC_PARTITIONS": "3",
            "STREAMS_API_KEYS_FILE": str(folder / "keys.json"),
            **apart(name),
        }
        key, self.key = keys.made(
            tenant="acme", principals=["group:a"], scopes=keys.SCOPES, now=datetime.now(UTC)
        )
        keys.write(folder / "keys.json", keys.KeyFile(keys=(key,)))
        self.run("topics", "create")
        self.worker = Worker(folder, self.environ).start()
        stack.callback(self.worker.kill)
        self.ports = (free_ports(), free_ports())
        self.gateways = [self.gateway(port) for port in self.ports]
        self.worker.ready()
        for port in self.ports:
            self.serving(port)

    def run(self, *command):
        environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ".", **self.environ}
        subprocess.run([sys.executable, "-m", "streams", *command], env=environ, check=True, timeout=WAIT_S)

    def gateway(self, port):
        environ = self.worker.environ | {"STREAMS_GATEWAY_PORT": str(port)}
        environ.pop("STREAMS_METRICS_PORT")
        with (self.folder / "gateway.log").open("ab") as log:
            process = subprocess.Popen([sys.executable, "-m", "streams", "gateway"], env=environ, stderr=log)
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        return process

    def serving(self, port):
        until = time.monotonic() + WAIT_S
        while True:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False, timeout=10).is_success:
                    return
            except httpx.HTTPError:
                pass
            assert time.monotonic() < until, (self.folder / "gateway.log").read_text()[-2000:]
            time.sleep(0.1)

    def curl(self, path, *options, gateway=0, check=True):
        """What `curl` prints."""
        command = ["curl", "-sS", "--noproxy", "*", "-m", str(WAIT_S), *options, "-H", "X-API-Version: 1"]
        url = f"http://127.0.0.1:{self.ports[gateway]}{path}"
        done = subprocess.run(
            [*command, "-H", f"Authorization: Bearer {self.key}", url], capture_output=True, check=False
        )
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout.decode()

    def streamed(self, text):
        """The events that a stream holds."""
        lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def house(kafka, weaviate, ollama, tmp_path_factory):
    if shutil.which("curl") is None:
        lacking("no curl on the PATH")
    with ExitStack() as stack:
        yield House(kafka, weaviate, ollama, tmp_path_factory.mktemp("gateway"), stack)


def test_curl_writes_a_document_and_asks_for_what_it_wrote(house):
    page = house.folder / "page.md"
    page.write_text(STEPS)
    at = json.loads(
        house.curl("/v1/documents/guide/roscoff", "-T", str(page), "-H", "Content-Type: text/markdown")
    )
    asked = json.dumps({"text": QUESTION, "after": [at], "deadline_ms": 60000})
    completed = json.loads(house.curl("/v1/questions", "-d", asked))
    assert completed["type"] == "answer.completed"
    assert completed["citations"][0]["document_id"] == "guide/roscoff"
    held = json.loads(house.curl("/v1/documents/guide/roscoff"))
    assert (held["tenant"], held["source"]) == ("acme", at)
    assert json.loads(house.curl("/v1/status"))["behind"] == 0
    history = json.loads(house.curl("/v1/history/guide/roscoff", gateway=1))
    assert [receipt["outcome"] for receipt in history["receipts"]] == ["indexed"]


def test_an_answer_whose_gateway_is_killed_is_followed_at_another_without_a_gap(house):
    asked = json.dumps({"text": QUESTION, "stream": True, "deadline_ms": 60000})
    stream = subprocess.Popen(
        ["curl", "-sSN", "--noproxy", "*", "-i", "-d", asked, "-H", "X-API-Version: 1",
         "-H", f"Authorization: Bearer {house.key}", f"http://127.0.0.1:{house.ports[0]}/v1/questions"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    seen, where, last = [], None, None
    for line in stream.stdout:
        where = line.split()[1] if line.lower().startswith("location:") else where
        last = line.split()[1] if line.startswith("id: ") else last
        seen += house.streamed(line)
        if seen:
            break
    house.gateways[0].kill()
    stream.kill()
    stream.wait()
    rest = house.streamed(house.curl(where, "-N", "-H", f"Last-Event-ID: {last}", gateway=1))
    check_events(seen + rest)
    assert rest[-1]["type"] == "answer.completed"
    house.gateways[0] = house.gateway(house.ports[0])
    house.serving(house.ports[0])
    assert house.streamed(house.curl(where, "-N")) == seen + rest


def test_the_openai_package_asks_and_streams(house):
    with openai.OpenAI(
        base_url=f"http://127.0.0.1:{house.ports[1]}/v1", api_key=house.key,
        http_client=httpx.Client(trust_env=False, timeout=WAIT_S),
    ) as client:  # fmt: skip
        (model,) = client.models.list()
        asked = {"model": model.id, "messages": [{"role": "user", "content": QUESTION}]}
        whole = client.chat.completions.create(**asked)
        assert whole.rag_streams["citations"][0]["document_id"] == "guide/roscoff"
        pieces = list(client.chat.completions.create(**asked, stream=True))
        said = "".join(piece.choices[0].delta.content or "" for piece in pieces)
        assert said.startswith(pieces[-1].rag_streams["text"])
        assert pieces[-1].choices[0].finish_reason == "stop"
