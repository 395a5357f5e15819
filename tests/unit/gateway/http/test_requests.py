"""What a request may say: the query, the size of a body, ids; and what stands on every response."""

import asyncio
import json
import threading
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Annotated

import httpx
import pytest
from fastapi import Depends
from pydantic import BaseModel, field_validator

from streams.gateway.access import keys
from streams.gateway.access.keys import KeyFile
from streams.gateway.app import application
from streams.gateway.http.bodies import INLINE_BYTES, MAX_BYTES, body_of
from streams.gateway.parts import parts
from streams.ports import unobserved
from streams.settings import Settings

NOW = datetime(2026, 11, 25, tzinfo=UTC)
NOTHING = (None, None)


@pytest.fixture
def counted():
    """What was observed."""
    return []


@pytest.fixture
async def app(tmp_path, counted):
    """The application, with no Kafka: for what is settled before anything is sent."""
    path = tmp_path / "keys.json"
    key, app_key = keys.made(tenant="acme", principals=["group:a"], scopes=keys.SCOPES, now=NOW)
    keys.write(path, KeyFile(keys=(key,)))
    settings = Settings(api_keys_file=path, kafka_bootstrap_servers="127.0.0.1:1")
    async with parts(settings, counted.append) as made:
        app = application(made)
        app.state.key = app_key
        yield app


@pytest.fixture
async def client(app):
    headers = {"Authorization": f"Bearer {app.state.key}", "X-API-Version": "1"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://gateway", headers=headers
    ) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("PUT", "/v1/documents/a?readers=group:support", (b"x", "text/plain")),
        ("PUT", "/v1/documents/a?reader=group:support", (b'{"text": "x"}', "application/json")),
        ("PUT", "/v1/documents/a?title=x", (b'{"text": "x"}', "application/json")),
        ("DELETE", "/v1/documents/a?reader=group:support", NOTHING),
        ("GET", "/v1/documents/a?passage=true", NOTHING),
        ("GET", "/v1/history/a?limits=1", NOTHING),
        ("GET", "/v1/dead?kinds=questions", NOTHING),
        ("GET", "/v1/indexed/events?last=3", NOTHING),
        ("GET", "/v1/key?tenant=other", NOTHING),
        ("POST", "/v1/questions?stream=true", (b'{"text": "x"}', "application/json")),
    ],
)
async def test_a_query_that_would_not_count_is_refused_by_name(client, method, path, sent):
    body, kind = sent
    answer = await client.request(method, path, content=body, headers={"Content-Type": kind} if kind else {})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_field")
    assert path.partition("?")[2].partition("=")[0] in answer.json()["detail"]
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_query_that_counts_is_let_pass(client):
    answer = await client.put("/v1/documents/a?reader=", content=b"x", headers={"Content-Type": "text/plain"})
    assert answer.json()["code"] == "invalid_change"
    assert "readers" in answer.json()["detail"]
    assert (await client.get("/v1/models?limit=1")).status_code == 200


@pytest.mark.parametrize(
    "more", [{"metadata": {"raw": "x" * 20_000}}, {"readers": [f"user:{n:064d}" for n in range(1000)]}]
)
async def test_a_document_with_more_than_every_passage_can_carry_is_refused(client, more):
    answer = await client.put("/v1/documents/a", json={"text": "x", **more})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_change")
    assert answer.json()["detail"].startswith(next(iter(more)))


@pytest.mark.parametrize("path", ["/v1/questions", "/v1/chat/completions"])
@pytest.mark.parametrize("announced", [True, False])
async def test_a_question_is_read_up_to_a_size_that_questions_have(client, path, announced):
    body = json.dumps({"ignored": [{}] * (MAX_BYTES // 4)}).encode()

    async def pieces():
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    answer = await client.post(path, content=body if announced else pieces())
    assert answer.status_code == 413
    assert "too_large" in answer.text
    assert "connection" not in answer.headers


class Noted(BaseModel):
    """Notes where it was read."""

    text: str
    read_in: str = ""

    @field_validator("read_in")
    @classmethod
    def _here(cls, _text: str) -> str:
        return str(threading.get_ident())


@pytest.mark.parametrize(("size", "here"), [(INLINE_BYTES // 2, True), (INLINE_BYTES, False)])
async def test_a_large_body_is_decoded_where_it_holds_up_nobody(app, client, size, here):
    @app.post("/noted")
    async def noted(body: Annotated[Noted, Depends(body_of(Noted, "invalid_request"))]) -> str:
        return body.read_in

    sent = {"text": "x" * size, "read_in": "?"}
    answers = await asyncio.gather(*(client.post("/noted", json=sent) for _ in range(5)))
    assert all((answer.json() == str(threading.get_ident())) is here for answer in answers)


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
@pytest.mark.parametrize("id_", ["a%00b", "a%09b", "%1F"])
async def test_an_id_with_control_characters_is_refused(client, method, id_):
    body = {"content": b'{"text": "x"}'} if method == "PUT" else {}
    answer = await client.request(method, f"/v1/documents/{id_}", **body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_change")


async def test_a_slash_too_many_leads_nowhere_else(client):
    answer = await client.get("/v1/key/", headers={"Host": "elsewhere.example"})
    assert answer.status_code == 404
    assert "location" not in answer.headers


@pytest.mark.parametrize("path", ["/v1/key", "/v1/models", "/v1/none", "/v1/dead?limit=x"])
async def test_what_a_key_is_told_is_stored_nowhere(client, path):
    assert (await client.get(path)).headers["cache-control"] == "no-store"


async def test_the_page_is_asked_for_anew_each_time(client):
    assert (await client.get("/console/")).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/", "/console", "/console/", "/console/index.html"])
async def test_what_can_be_read_can_be_asked_for_by_its_head(client, path):
    assert (await client.head(path)).status_code == (await client.get(path)).status_code != 405


def statuses(counted):
    return [one.labels["status"] for one in counted if one.name == "gateway_requests"]


@pytest.mark.parametrize(("path", "shape"), [("/v1/fault", "code"), ("/v1/chat/fault", "error")])
async def test_a_fault_of_ours_is_answered_and_counted_like_anything_else(app, client, counted, path, shape):
    @app.get(path)
    async def fault() -> None:
        raise RuntimeError("hunter2")

    answer = await client.get(path)
    assert (answer.status_code, shape in answer.json()) == (500, True)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "hunter2" not in answer.text
    assert statuses(counted) == ["500"]


async def test_who_goes_away_before_the_body_is_whole_is_no_fault_of_ours(app, counted):
    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        raise AssertionError(message)

    headers = {"authorization": f"Bearer {app.state.key}", "x-api-version": "1", "content-length": "4"}
    path = "/v1/documents/a"
    scope = {
        "type": "http", "http_version": "1.1", "scheme": "http", "method": "PUT", "path": path,
        "raw_path": path.encode(), "query_string": b"", "server": ("x", 80), "client": ("127.0.0.1", 1),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    await app(scope, receive, send)
    assert statuses(counted) == []


async def test_a_key_that_is_revoked_while_its_body_comes_writes_nothing(app, client):
    parts = app.state.parts

    async def slowly():
        yield b"ab"
        with keys.changing(parts.settings.api_keys_file) as held:
            gone = [key.model_copy(update={"revoked_at": NOW}) for key in held.keys]
            keys.write(parts.settings.api_keys_file, KeyFile(keys=tuple(gone)))
        parts.keyring.look()
        yield b"cd"

    answer = await client.put("/v1/documents/a", content=slowly(), headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (401, "key_revoked")


@pytest.mark.parametrize("kind", [None, "application/x-www-form-urlencoded", "application/json"])
async def test_json_is_read_however_curl_names_it_and_what_is_none_is_told_how_to_name_its_type(client, kind):
    headers = {"Content-Type": kind} if kind else {}
    answer = await client.put("/v1/documents/a", content=b'{"title": "x"}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_change")
    answer = await client.put("/v1/documents/a", content=b"# Notes", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "not_json")
    assert ("Content-Type: text/plain" in answer.json()["detail"]) is (kind != "application/json")


PREFLIGHT = {"Origin": "https://kb.example.org", "Access-Control-Request-Method": "PUT"}


@pytest.mark.parametrize("origins", [None, "https://kb.example.org"])
async def test_pages_of_other_sites_may_call_only_where_they_are_named(tmp_path, origins):
    keys.write(tmp_path / "keys.json", KeyFile())
    settings = Settings(
        api_keys_file=tmp_path / "keys.json", kafka_bootstrap_servers="127.0.0.1:1", cors_origins=origins
    )
    async with AsyncExitStack() as stack:
        app = application(await stack.enter_async_context(parts(settings, unobserved)))
        transport = httpx.ASGITransport(app)
        client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://g"))
        for origin in ("https://kb.example.org", "https://elsewhere.example"):
            asked = await client.options("/v1/documents/a", headers={**PREFLIGHT, "Origin": origin})
            got = await client.get("/v1/key", headers={"Origin": origin})
            for answer in (asked, got):
                allowed = answer.headers.get("access-control-allow-origin")
                assert allowed == (origin if origin == origins else None)
            assert asked.is_success is (origin == origins)
