"""The gateway on embedded mode, as programs use it and as those try who hold the wrong key."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime

import httpx
import openai
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from streams.embedded.ports import free_ports
from streams.gateway.access import keys
from streams.gateway.access.places import FOR_ONE_KEY
from streams.gateway.app import openapi
from streams.kafka.connection import KafkaConnection, started
from streams.kafka.consume import stretch
from streams.kafka.produce import Producer
from streams.messages.records import Outgoing
from streams.observe.tracing import Tracing
from tests.e2e.test_embedded import Up
from tests.unit.answering.rules import check_events

SOURCES = """
[[sources]]
topic = "documents.changes"
format = "native"

[[sources]]
topic = "cms.pages"
format = "json"
key = ["id"]
id = "page/{slug}"
tenant = "{org}"
readers = "{readers}"
text = "{body}"
"""
V = {"X-API-Version": "1"}
WAIT_S = 60
CROWDS = 5
"""Keys that each have as many streams open as they may: a thousand in all."""
CANARY = "zebrafish"
PARENT = 0x00F067AA0BA902B7
QUESTION = "How many steps does the lighthouse of Roscoff have?"
STEPS = "The lighthouse of Roscoff has two hundred and nine steps. It was built in 1884."


class Door:
    """The gateways of one `up`, and keys for them."""

    def __init__(self, up):
        self.up, self.state = up, json.loads((up.folder / ".rag-streams/state.json").read_text())["settings"]
        self.url = f"http://127.0.0.1:{self.state['gateway_port']}"
        self.path = up.folder / ".rag-streams/keys.json"
        self.stack = ExitStack()

    def make(self, **wanted):
        """Makes all keys at once, since a gateway looks for new ones once a second."""
        made = {
            name: keys.made(now=datetime.now(UTC), **{"principals": (), "rate_limit": "100000/minute", **one})
            for name, one in wanted.items()
        }
        with keys.changing(self.path) as held:
            keys.write(self.path, keys.KeyFile(keys=(*held.keys, *(key for key, _ in made.values()))))
        self.clients = {name: self.client(text) for name, (_, text) in made.items()}
        until = time.monotonic() + WAIT_S
        while self.clients["mine"].get("/v1/key").status_code == 401:
            assert time.monotonic() < until
            time.sleep(1)

    def revoke(self, name):
        gone = {"revoked_at": datetime.now(UTC)}
        with keys.changing(self.path) as held:
            left = [key.model_copy(update=gone if key.name == name else {}) for key in held.keys]
            keys.write(self.path, keys.KeyFile(keys=tuple(left)))

    def client(self, text, url=None):
        headers = {**V, "Authorization": f"Bearer {text}"}
        made = httpx.Client(base_url=url or self.url, headers=headers, timeout=WAIT_S, trust_env=False)
        return self.stack.enter_context(made)

    def start_another(self):
        """A second gateway of the same Kafka."""
        (self.port,) = free_ports(1)
        environ = {f"STREAMS_{name.upper()}": str(value) for name, value in self.state.items()}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streams", "gateway"],
            env=self.up.environ | environ | {"STREAMS_GATEWAY_PORT": str(self.port)}, stderr=self.up.log,
        )  # fmt: skip
        self.stack.callback(self.process.wait)
        self.stack.callback(self.process.terminate)

    def another(self):
        """Its URL, once it serves."""
        until, url = time.monotonic() + WAIT_S, f"http://127.0.0.1:{self.port}"
        while True:
            try:
                httpx.get(f"{url}/livez", trust_env=False)
            except httpx.HTTPError:
                assert self.process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.2)
            else:
                return url

    async def send(self, topic, key, value):
        connection = KafkaConnection(self.state["kafka_bootstrap_servers"], embedded=True)
        producer = Producer(connection, max_bytes=1_000_000, timeout_s=30)
        async with started(connection, producer):
            return await producer.send(Outgoing(topic, key, value.encode(), ()))

    async def records(self, topic):
        connection = KafkaConnection(self.state["kafka_bootstrap_servers"], embedded=True)
        return [record async for record in stretch(connection, topic)]


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "sources.toml").write_text(SOURCES)
    (folder / ".env").write_text("STREAMS_SOURCES=sources.toml\n")
    up = Up(folder).wait()
    door = Door(up)
    door.start_another()
    # A worker looks for a topic that is not there yet now and then: this makes it.
    asyncio.run(door.send("cms.pages", None, '{"id": 0}'))
    door.make(
        mine={"tenant": "mine", "scopes": keys.SCOPES, "principals": ["group:a"]},
        theirs={"tenant": "theirs", "scopes": keys.SCOPES, "principals": ["group:b"]},
        more={"tenant": "mine", "scopes": ["ask"], "principals": ["group:b", "group:a"]},
        others={"tenant": "mine", "scopes": ["ask"], "principals": ["group:b"]},
        outside={"tenant": "theirs", "scopes": ["ask"], "principals": ["group:a"]},
        reads={"tenant": "mine", "scopes": ["read"], "principals": ["group:c"]},
        passing={"tenant": "mine", "scopes": ["ask"], "name": "passing"},
        **{f"{name}{n}": {"tenant": "mine", "scopes": scopes} for n in range(CROWDS)
           for name, scopes in (("admin", ("read", "admin")), ("reader", ("read",)))},
        slow={"tenant": "mine", "scopes": ["ask", "write"], "name": "slow"},
        seldom={"tenant": "mine", "scopes": ["ask"], "rate_limit": "3/hour"},
    )  # fmt: skip
    yield door
    door.stack.close()
    up.stop()


@pytest.fixture(scope="module")
def mine(door):
    """A key for everything of the tenant `mine`, whose index holds a document."""
    client = door.clients["mine"]
    put(client, "guide/roscoff", {"text": STEPS, "title": "Roscoff", "url": "https://example.org/roscoff"})
    return client


@pytest.fixture(scope="module")
def theirs(door):
    """A key for everything of another tenant, whose documents hold the canary."""
    client = door.clients["theirs"]
    put(client, "plans", {"text": f"The {CANARY} moves to the lighthouse of Roscoff in May."})
    return client


def put(client, id_, body, **query):
    """Writes a document; returns when it is indexed."""
    response = client.put(f"/v1/documents/{id_}", json=body)
    assert response.status_code == 202, response.text
    at, until = response.json(), time.monotonic() + WAIT_S
    while client.get(f"/v1/documents/{id_}", params=query).json().get("source") != at:
        assert time.monotonic() < until
        time.sleep(0.1)
    return at


def frames(text):
    """The events of a stream: id, type and data."""
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            yield fields.get("id"), fields["event"], json.loads(fields["data"])


def ask(client, **more):
    return client.post("/v1/questions", json={"text": QUESTION, "deadline_ms": 60000, **more})


def test_a_document_that_is_put_is_what_the_next_question_is_answered_from(mine):
    at = mine.put("/v1/documents/guide/roscoff", json={"text": STEPS, "title": "Roscoff"}).json()
    response = ask(mine, after=[at])
    assert response.status_code == 200, response.text
    completed = response.json()
    assert completed["type"] == "answer.completed"
    assert completed["citations"][0]["document_id"] == "guide/roscoff"
    assert response.headers["location"] == f"/v1/questions/{completed['question_id']}/events"
    held = mine.get("/v1/documents/guide/roscoff", params={"passages": True}).json()
    assert (held["source"], held["tenant"]) == (at, "mine")
    assert "".join(passage["text"] for passage in held["passages"]) in STEPS


def test_a_question_is_followed_at_another_gateway_from_the_beginning_and_from_where_one_was(door, mine):
    response = ask(mine, stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    here = list(frames(response.text))
    check_events([data for _, _, data in here])
    other = httpx.Client(base_url=door.another(), headers=mine.headers, timeout=WAIT_S, trust_env=False)
    with other:
        where = response.headers["location"]
        assert list(frames(other.get(where).text)) == here
        after = other.get(where, headers={"Last-Event-ID": here[1][0]})
        assert list(frames(after.text)) == here[2:]
        assert other.get(where, headers={"Last-Event-ID": here[-1][0]}).status_code == 204


def test_a_question_that_is_not_waited_for_can_be_followed(mine):
    response = mine.post("/v1/questions", json={"text": QUESTION}, headers={"Prefer": "respond-async"})
    assert response.status_code == 202
    events = [data for _, _, data in frames(mine.get(response.headers["location"]).text)]
    check_events(events)
    assert {event["question_id"] for event in events} == {response.json()["question_id"]}


def test_only_a_key_with_all_principals_of_the_question_may_follow_it(door, mine):
    where = mine.post("/v1/questions", json={"text": QUESTION}, headers={"Prefer": "respond-async"}).headers[
        "location"
    ]
    assert door.clients["more"].get(where).status_code == 200
    assert door.clients["others"].get(where).status_code == 404
    assert door.clients["outside"].get(where).status_code == 404


def test_a_restricted_document_is_held_only_for_its_readers(door, mine):
    put(mine, "hr/pay", {"text": f"The {CANARY} is paid on Fridays.", "readers": ["group:a"]})
    other = door.clients["reads"]
    assert other.get("/v1/documents/hr/pay").status_code == 404
    assert other.get("/v1/history/hr/pay").status_code == 404
    assert mine.get("/v1/history/hr/pay").json()["receipts"][0]["outcome"] == "indexed"


def test_a_deleted_document_is_gone_and_its_history_says_so(mine):
    put(mine, "old", {"text": "The ferry leaves at noon."})
    assert mine.delete("/v1/documents/old").status_code == 202
    until = time.monotonic() + WAIT_S
    while mine.get("/v1/documents/old").status_code != 404:
        assert time.monotonic() < until
        time.sleep(0.1)
    history = mine.get("/v1/history/old").json()
    assert history["heads"][0]["deleted"]
    assert history["receipts"][-1]["outcome"] == "indexed"


async def test_rows_of_a_table_are_found_by_their_id_and_so_is_what_became_of_them(door, mine):
    rows = [
        {"id": 1, "slug": "museum", "org": "mine", "readers": ["*"], "body": "The museum opens at ten."},
        {"id": 2, "slug": "vault", "org": "mine", "readers": ["group:a"], "body": f"The {CANARY} sleeps."},
        {"id": 3, "slug": "far", "org": "theirs", "readers": ["*"], "body": f"A {CANARY} far away."},
    ]
    for row in rows:
        await door.send("cms.pages", None, json.dumps(row))
    reads = door.clients["reads"]
    found(mine, "page/vault")
    held = found(mine, "page/museum")
    assert held["source"]["topic"] == "cms.pages"
    for client in (mine, reads):
        history = client.get("/v1/history/page/museum").json()
        assert [(one["outcome"], one["source"]) for one in history["receipts"]] == [
            ("indexed", held["source"])
        ]
        assert [one["position"] for one in history["heads"]] == [held["position"]]
    for id_, client in (("page/vault", reads), ("page/far", mine), ("page/never", mine)):
        for path in ("documents", "history"):
            assert client.get(f"/v1/{path}/{id_}").status_code == 404, (path, id_)

    at = put(mine, "page/museum", {"text": "A second museum."}, source="documents.changes")
    assert mine.get("/v1/documents/page/museum").json()["sources"] == ["cms.pages", "documents.changes"]
    assert reads.get("/v1/history/page/museum").status_code == 409
    one = reads.get("/v1/history/page/museum", params={"source": "documents.changes"}).json()
    assert [receipt["source"] for receipt in one["receipts"]] == [at]
    both = mine.get("/v1/history/page/museum").json()
    assert {receipt["source"]["topic"] for receipt in both["receipts"]} == {"cms.pages", "documents.changes"}


def found(client, id_):
    until = time.monotonic() + WAIT_S
    while (response := client.get(f"/v1/documents/{id_}")).is_error:
        assert time.monotonic() < until
        time.sleep(0.1)
    return response.json()


def test_the_openai_package_asks_and_streams(door, mine):
    text = mine.headers["authorization"].removeprefix("Bearer ")
    client = openai.OpenAI(base_url=f"{door.url}/v1", api_key=text, http_client=httpx.Client(trust_env=False))
    with client:
        assert [model.id for model in client.models.list()] == ["rag-streams"]
        asked = {"model": "rag-streams", "messages": [{"role": "user", "content": QUESTION}]}
        whole = client.chat.completions.create(**asked)
        message = whole.choices[0].message
        assert "Sources:\n[1] Roscoff" in message.content
        cited = whole.rag_streams["citations"]
        assert cited[0]["document_id"] == "guide/roscoff"
        chunks = list(
            client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
        )
        said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert "Sources:\n[1] Roscoff" in said
        assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
        assert chunks[-1].usage.total_tokens >= 0
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(**asked | {"model": "gpt-x"})
    with (
        openai.OpenAI(
            base_url=f"{door.url}/v1", api_key="sk-no", http_client=httpx.Client(trust_env=False)
        ) as other,
        pytest.raises(openai.AuthenticationError),
    ):
        other.models.list()


def test_what_died_is_listed_shown_and_sent_back_to_its_tenant_alone(door, mine, theirs):
    at = mine.put("/v1/documents/broken", content=b"%PDF-1.7 no", headers={"Content-Type": "application/pdf"})
    source, until = at.json(), time.monotonic() + WAIT_S
    named = f"{source['topic']}-{source['partition']}-{source['offset']}"
    while not (found := [one for one in mine.get("/v1/dead").json()["letters"] if one["source"] == named]):
        assert time.monotonic() < until
        time.sleep(0.2)
    (letter,) = found
    assert (letter["code"], letter["document_id"]) == ("unreadable", "broken")
    assert mine.get(f"/v1/dead/{letter['at']}").json()["key"] == "mine/broken"
    assert theirs.get("/v1/dead").json()["letters"] == []
    assert theirs.get(f"/v1/dead/{letter['at']}").status_code == 404
    assert theirs.post(f"/v1/dead/{letter['at']}/replay").status_code == 404
    while not mine.get("/v1/history/broken").json().get("receipts"):
        assert time.monotonic() < until
        time.sleep(0.2)
    with mine.stream("GET", "/v1/indexed/events", params={"recent": 100}) as response:
        receipts = receipts_of(response, source)
        before = next(receipts)
        sent = mine.post(f"/v1/dead/{letter['at']}/replay")
        assert (sent.status_code, sent.json()["topic"]) == (202, "documents.retry")
        assert next(receipts)["indexed_at"] > before["indexed_at"]


def receipts_of(response, source):
    """The receipts of a record that a stream tells of."""
    until = time.monotonic() + WAIT_S
    for line in response.iter_lines():
        assert time.monotonic() < until
        if line.startswith("data: ") and (said := json.loads(line[6:]))["source"] == source:
            yield said


def test_status_says_how_far_behind_the_index_is(mine):
    said = mine.get("/v1/status").json()
    assert said["parts"] == {"kafka": "ok", "store": "ok", "keys": "ok"}
    assert [source["topic"] for source in said["sources"]] == ["documents.changes"]
    assert said["embed_model"] == "all-minilm"


def test_a_version_that_is_not_served_is_refused_and_those_that_are_are_named(mine):
    for version in ("", "2", "one"):
        response = mine.get("/v1/status", headers={"X-API-Version": version})
        assert response.status_code == 400
        assert response.json()["versions"] == ["1"]
        assert response.headers["content-type"] == "application/problem+json"


def test_a_key_does_only_what_its_scopes_say(door):
    refused = [
        ("more", "PUT", "/v1/documents/x"),
        ("more", "DELETE", "/v1/documents/x"),
        ("more", "GET", "/v1/dead"),
        ("more", "GET", "/v1/documents/x"),
        ("more", "GET", "/v1/history/x"),
        ("more", "GET", "/v1/status"),
        ("more", "GET", "/v1/indexed/events"),
        ("more", "POST", "/v1/dead/documents.dead-0-0/replay"),
        ("reads", "POST", "/v1/questions"),
        ("reads", "POST", "/v1/chat/completions"),
        ("reads", "GET", "/v1/models"),
        ("reads", "GET", "/v1/dead"),
        ("reads", "PUT", "/v1/documents/x"),
    ]

    def status(one):
        name, method, path = one
        return door.clients[name].request(method, path).status_code

    # Side by side: each is slowed down.
    with ThreadPoolExecutor(len(refused)) as pool:
        assert set(pool.map(status, refused)) == {403}


def test_a_request_that_waits_ends_soon_after_its_key_is_revoked(door, mine):
    never = [{"topic": "documents.changes", "partition": 0, "offset": 10**9}]
    asked = {"after": never, "deadline_ms": 120_000}
    chat = {"model": "rag-streams", "messages": [{"role": "user", "content": "?"}], "rag_streams": asked}
    client = door.clients["passing"]
    with ThreadPoolExecutor(2) as threads:
        ours = threads.submit(client.post, "/v1/questions", json={"text": "?", **asked}, timeout=150)
        openais = threads.submit(client.post, "/v1/chat/completions", json=chat, timeout=150)
        sent, until = 0, time.monotonic() + WAIT_S
        while sent < 2:
            assert time.monotonic() < until
            records = asyncio.run(door.records("questions"))
            sent = sum(b'"offset":1000000000' in record.value for record in records)
        door.revoke("passing")
        assert (ours.result().status_code, ours.result().json()["code"]) == (401, "key_revoked")
        assert openais.result().json()["error"]["type"] == "authentication_error"


async def test_a_key_that_is_revoked_while_its_body_comes_neither_asks_nor_writes(door, mine):
    client = door.clients["slow"]
    late = "Asked too late?"
    chat = {"model": "rag-streams", "messages": [{"role": "user", "content": late}]}
    bodies = {
        "PUT /v1/documents/late": {"text": late}, "POST /v1/questions": {"text": late},
        "POST /v1/chat/completions": chat,
    }  # fmt: skip
    connections = []
    for request, body in bodies.items():
        said = json.dumps(body).encode()
        head = f"{request} HTTP/1.1\r\nHost: x\r\nX-API-Version: 1\r\nConnection: close\r\n"
        head += f"Authorization: {client.headers['authorization']}\r\nContent-Length: {len(said)}\r\n"
        head += "Content-Type: application/json\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", door.state["gateway_port"])
        writer.write(head.encode() + said[:5])
        connections.append((reader, writer, said[5:]))
    # What was sent before on other connections is let in by then.
    assert (await asyncio.to_thread(client.get, "/v1/key")).status_code == 200
    door.revoke("slow")
    until = time.monotonic() + WAIT_S
    while (await asyncio.to_thread(client.get, "/v1/key")).status_code == 200:
        assert time.monotonic() < until
        await asyncio.sleep(0.5)
    for reader, writer, rest in connections:
        writer.write(rest)
        async with asyncio.timeout(WAIT_S):
            assert b"401 Unauthorized" in await reader.read()
        writer.close()
    for topic in ("questions", "documents.changes"):
        assert not [record for record in await door.records(topic) if late.encode() in record.value]


def test_a_key_that_asks_too_often_is_told_when_to_come_again(door):
    client = door.clients["seldom"]
    statuses = [client.get("/v1/key") for _ in range(4)]
    refused = statuses[-1]
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    assert refused.headers["ratelimit-policy"] == '"key";q=3;w=3600'
    assert refused.headers["ratelimit"].startswith('"key";r=0;t=')


def test_a_wrong_key_is_turned_away_slowly_and_a_good_one_from_there_is_not(door, mine):
    began = time.monotonic()
    wrong = door.client("rs_000000000000_" + "A" * 43)
    assert wrong.get("/v1/status").status_code == 401
    assert time.monotonic() - began > 0.2
    assert mine.get("/v1/key").status_code == 200
    log = (door.up.folder / ".rag-streams/logs/gateway.log").read_text()
    assert "key_unknown" in log
    assert "A" * 43 not in log


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /v1/questions HTTP/1.1\r\nContent-Length: 99999999\r\n", 413),
        (b"PUT /v1/documents/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", 413),
    ],
)
def test_a_body_that_is_too_large_is_not_read(door, mine, sent, status):
    head = (
        sent
        + f"Host: x\r\nX-API-Version: 1\r\nAuthorization: {mine.headers['authorization']}\r\n\r\n".encode()
    )
    with socket.create_connection(("127.0.0.1", door.state["gateway_port"]), timeout=WAIT_S) as connection:
        connection.sendall(head)
        if b"chunked" in sent:
            piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
            with suppress(OSError):  # it hangs up, as it should: what it said before that is there to be read
                for _ in range(200):
                    connection.sendall(piece)
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 %d" % status)


def test_a_body_or_a_head_that_is_sent_by_half_holds_up_nobody(door, mine):
    port, halves = door.state["gateway_port"], []
    key = f"Authorization: {mine.headers['authorization']}\r\n"
    more = f"Host: x\r\n{key}X-API-Version: 1\r\nContent-Length: 100\r\n"
    head = f"POST /v1/questions HTTP/1.1\r\n{more}\r\n{{".encode()
    try:
        for half in (head, b"GET /v1/sta", b"", b"\x00\xff\xfe junk\r\n\r\n") * 20:
            halves.append(socket.create_connection(("127.0.0.1", port), timeout=WAIT_S))
            halves[-1].sendall(half)
        assert mine.get("/v1/key").status_code == 200
    finally:
        for half in halves:
            half.close()
    assert mine.get("/v1/key").status_code == 200


IDS = st.one_of(
    st.sampled_from(["plans", "theirs/plans", "../theirs/plans", "..%2ftheirs%2fplans", "%2e%2e/theirs/plans",
                     "mine/../theirs/plans", "plans%00", "plans?tenant=theirs", "theirs%2Fplans",
                     "/plans", "//plans", "page/far"]),
    st.text(min_size=1, max_size=30).map(lambda text: text.encode("utf-8", "replace").hex()),
)  # fmt: skip
HEADERS = st.dictionaries(
    st.sampled_from(["X-Tenant", "Tenant", "reply-to", "correlation-id", "X-Original-URL",
                     "traceparent", "tracestate", "schema-version", "X-HTTP-Method-Override"]),
    st.sampled_from(["theirs", "documents.changes", "questions.dead", "/v1/documents/plans", "DELETE",
                     "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "a=b", "theirs/plans"]),
    max_size=3,
)  # fmt: skip
PATHS = st.sampled_from(["/v1/documents/", "/v1/history/", "/v1/questions/", "/v1/dead/", "/v1/models/"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_key_id_or_header_reaches_what_is_another_tenants(door, mine, theirs, data):
    asked = _asked(theirs)
    id_ = data.draw(st.one_of(IDS, st.just(f"{asked}/events"), st.just("documents.dead-0-0")))
    path = data.draw(PATHS) + id_
    query = {"passages": "true"} if path.startswith("/v1/documents/") and data.draw(st.booleans()) else {}
    if path.startswith(("/v1/documents/", "/v1/history/")) and data.draw(st.booleans()):
        query["source"] = data.draw(st.sampled_from(["cms.pages", "documents.changes", "theirs", ""]))
    response = mine.get(path, headers=data.draw(HEADERS), params=query)
    assert response.status_code < 500
    assert CANARY not in response.text
    assert '"theirs"' not in response.text
    if asked in path:
        assert response.status_code in {400, 404}


def _asked(client, known={}):  # noqa: B006 - asked once
    if client not in known:
        response = client.post("/v1/questions", json={"text": f"Where does the {CANARY} move?"})
        known[client] = response.json()["question_id"]
    return known[client]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(headers=HEADERS, smuggled=st.dictionaries(
    st.sampled_from(["tenant", "principals", "id", "reply_to", "reply-to", "headers", "op", "key"]),
    st.sampled_from(["theirs", ["group:b"], "theirs/plans", None]), max_size=2,
))  # fmt: skip
def test_no_header_or_field_makes_a_question_or_a_change_another_tenants(mine, headers, smuggled):
    headers = headers | {"Prefer": "respond-async"}
    question = mine.post("/v1/questions", json={"text": "?", "deadline_ms": 100, **smuggled}, headers=headers)
    change = mine.put("/v1/documents/theirs/plans", json={"text": "x", **smuggled}, headers=headers)
    expected = 422 if smuggled else 202
    assert (question.status_code, change.status_code) == (expected, expected)
    if smuggled:
        assert {question.json()["code"], change.json()["code"]} == {"unknown_field"}


async def test_what_was_written_is_all_in_the_name_of_the_key_and_says_nowhere_to_reply_to(
    door, mine, theirs
):
    _asked(theirs)
    for record in await door.records("questions"):
        said = json.loads(record.value)
        assert said["tenant"] in {"mine", "theirs"}
        assert (
            said.get("principals") == {"mine": ["group:a"], "theirs": ["group:b"]}[said["tenant"]]
            or said["tenant"] == "mine"
        )
        assert {name for name, _ in record.headers} <= {"schema-version", "traceparent", "tracestate"}
    for record in await door.records("documents.changes"):
        tenant, _, document_id = record.key.decode().partition("/")
        assert json.loads(record.value)["tenant"] == tenant
        assert tenant == "mine" or document_id == "plans"


async def test_a_trace_that_begins_at_an_http_client_goes_on_in_what_is_written(door, mine):
    def along(number):
        return {"traceparent": f"00-{number:032x}-{PARENT:016x}-01", "tracestate": "vendor=1"}

    asked = {"text": "?", "deadline_ms": 100}
    mine.put("/v1/documents/traced", json={"text": "x"}, headers=along(0xA1))
    mine.delete("/v1/documents/traced", headers=along(0xA2))
    mine.post("/v1/questions", json=asked, headers={**along(0xA3), "Prefer": "respond-async"})
    chat = {"model": "rag-streams", "messages": [{"role": "user", "content": "?"}]}
    mine.post("/v1/chat/completions", json={**chat, "rag_streams": {"deadline_ms": 100}}, headers=along(0xA4))
    mine.put("/v1/documents/untraced", json={"text": "x"}, headers={"traceparent": "00-ill-formed-01"})

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for topic in ("documents.changes", "questions"):
        for record in await door.records(topic):
            Tracing(provider).record(record, "a-group").end(None, {})
            assert b"ill-formed" not in dict(record.headers).values()
    parents = {span.context.trace_id: span.parent for span in exporter.get_finished_spans()}
    assert [parents[number].span_id for number in (0xA1, 0xA2, 0xA3, 0xA4)] == [PARENT] * 4
    assert parents[0xA1].trace_state["vendor"] == "1"


@pytest.mark.parametrize("name", ["admin", "reader"])
async def test_a_thousand_idle_streams_are_held_and_each_hears_what_happens(door, mine, name):
    port, count = door.state["gateway_port"], CROWDS * FOR_ONE_KEY

    async def follow(client):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = "GET /v1/indexed/events HTTP/1.1\r\nHost: x\r\nX-API-Version: 1\r\n"
        writer.write(f"{head}Authorization: {client.headers['authorization']}\r\n\r\n".encode())
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        return reader, writer

    streams = []
    try:
        for number in range(CROWDS):
            client = door.clients[f"{name}{number}"]
            for _ in range(FOR_ONE_KEY // 50):
                streams += await asyncio.gather(*(follow(client) for _ in range(50)))
        one_more = await asyncio.to_thread(client.get, "/v1/indexed/events")
        assert (one_more.status_code, one_more.json()["code"]) == (429, "too_many_open")
        assert (await asyncio.to_thread(mine.get, "/v1/key")).status_code == 200
        await asyncio.to_thread(mine.put, "/v1/documents/idle", json={"text": "Something happened."})
        heard = await asyncio.gather(*(reader.readuntil(b"event: receipt") for reader, _ in streams))
        assert len(heard) == count == 1000
    finally:
        for _, writer in streams:
            writer.close()
    until = time.monotonic() + WAIT_S
    while True:
        with suppress(ConnectionError, asyncio.IncompleteReadError, AssertionError):
            _, writer = await follow(client)
            writer.close()
            return
        assert time.monotonic() < until
        await asyncio.sleep(0.5)


schema = schemathesis.openapi.from_dict(openapi())


@pytest.mark.parametrize(
    "operation", [found.ok() for found in schema.get_all_operations()], ids=lambda one: one.label
)
def test_no_request_that_the_document_allows_or_forbids_is_a_fault_of_ours(door, mine, operation):
    if operation.path == "/v1/indexed/events":
        return

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def tried(case):
        if isinstance(case.body, dict) and "questions" in operation.path:
            case.body["deadline_ms"] = 100
        if isinstance(case.body, dict) and "chat" in operation.path:
            case.body["rag_streams"] = {"deadline_ms": 100}
        response = case.call(
            base_url=door.url, headers={**V, "Authorization": mine.headers["authorization"]}, timeout=WAIT_S
        )
        assert response.status_code != 500, response.text

    tried()
