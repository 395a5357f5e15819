"""The registry's stand-in against the contract, and the client against what registries do wrong."""

import asyncio
import base64
import ssl

import httpx
import pytest

from streams.errors import Misconfigured, Rejected, Retryable
from streams.kafka.schemas import FetchedSchemas, Schemas
from streams.messages.records import Record
from streams.sources import Source
from tests.contract.registry import ADDRESS, FAMILY, PERSON, Registry, RegistryContract

WIRE = b"\x00\x00\x00\x00\x01\x08Lyon"


@pytest.fixture
def server():
    return Registry()


@pytest.fixture
async def registry(server):
    async with server.client() as client:
        yield client


class TestStandIn(RegistryContract):
    @pytest.fixture
    def register(self, server):
        async def register(*args, **kwargs):
            return server.register(*args, **kwargs)

        return register


def answering(*replies):
    waiting = list(replies)

    async def do(_request):
        reply = waiting.pop(0) if waiting else None
        if isinstance(reply, Exception):
            raise reply
        return reply

    return do


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut"),
        httpx.Response(500),
        httpx.Response(503, text="<html>"),
        httpx.Response(429),
    ],
)
async def test_a_registry_that_fails_is_asked_again_and_an_outage_is_none_of_the_records(
    server, registry, failure
):
    server.register("a", ADDRESS)
    server.do = answering(failure)
    assert (await registry.schema(1)).kind == "AVRO"
    server.do = answering(failure, failure, failure)
    with pytest.raises(Retryable) as caught:
        await registry.schema(1)
    assert caught.value.code == "registry_down"
    assert len(server.requests) == 5
    server.do = answering(failure)
    with pytest.raises(Retryable):
        await registry.probe()


async def test_a_schema_that_a_lagging_follower_lacks_for_a_moment_is_no_unknown_one(server, registry):
    server.register("a", ADDRESS)
    server.do = answering(httpx.Response(404, json={"error_code": 40403, "message": "not found"}))
    assert (await registry.schema(1)).kind == "AVRO"


async def test_a_certificate_that_is_not_trusted_is_for_a_person(server, registry):
    failure = httpx.ConnectError("[SSL]")
    failure.__cause__ = OSError("in between")
    failure.__cause__.__context__ = ssl.SSLCertVerificationError("self-signed certificate")
    server.do = answering(failure)
    with pytest.raises(Misconfigured, match="SSL_CERT_FILE"):
        await registry.probe()


@pytest.mark.parametrize("status", [401, 403])
async def test_a_registry_that_refuses_us_is_for_a_person(server, status):
    server.do = answering(httpx.Response(status, json={"error_code": status, "message": "no"}))
    async with server.client(username="u", password="s3cret") as registry:
        with pytest.raises(Misconfigured) as caught:
            await registry.schema(1)
    assert caught.value.setting == "STREAMS_SCHEMA_REGISTRY_USERNAME"
    assert "s3cret" not in str(caught.value)
    (request,) = server.requests
    assert request.headers["authorization"] == "Basic " + base64.b64encode(b"u:s3cret").decode()


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(404, text="<html>Not found</html>"),
        httpx.Response(404, json={"status": 404}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"id": 1}),
        httpx.Response(200, json=[]),
        httpx.Response(302, headers={"location": "http://elsewhere.example"}),
    ],
)
async def test_what_is_no_registry_dead_letters_nothing_but_is_for_a_person(server, registry, reply):
    """A wrong address answers 404 to every number: that must not be taken for records without a schema."""
    server.do = answering(reply)
    with pytest.raises(Misconfigured) as caught:
        await registry.schema(1)
    assert caught.value.setting == "STREAMS_SOURCES"


async def test_what_answers_where_the_registry_was_may_be_gone_again(server, registry):
    """As an ingress does while the registry behind it is started again."""
    server.register("a", ADDRESS)
    await registry.probe()
    server.do = answering(httpx.Response(404, text="default backend"))
    assert (await registry.schema(1)).kind == "AVRO"


async def test_schemas_that_reference_each_other_in_a_circle_end(server, registry):
    server.register("a", ADDRESS, {"x.Person": "b"})
    server.register("b", PERSON, {"x.Address": "a"})
    found = await registry.schema(1)
    assert len(found.references) == 2


async def test_a_reference_that_names_nothing_is_refused(server, registry):
    server.do = answering(httpx.Response(200, json={"schema": "…", "references": [{"name": "x"}]}))
    with pytest.raises(Rejected) as caught:
        await registry.schema(1)
    assert caught.value.code == "unknown_schema"


async def test_references_without_end_are_refused(server, registry):
    for number in range(150):
        server.register(f"s{number}", ADDRESS, {"x": f"s{number + 1}"})
    with pytest.raises(Rejected) as caught:
        await registry.schema(1)
    assert caught.value.code == "unknown_schema"
    assert len(server.requests) < 150


class TestFetchedSchemas:
    async def test_a_schema_is_fetched_once_by_all_who_ask_at_the_same_time(self, server, registry):
        server.register("a", ADDRESS)
        fetched = FetchedSchemas(registry)
        await asyncio.gather(*(fetched.fetch(1) for _ in range(20)))
        await fetched.fetch(1)
        assert set(fetched.known) == {1}
        assert len(server.requests) == 1

    async def test_one_who_gives_up_does_not_take_the_others_along(self, server, registry):
        server.register("a", ADDRESS)
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def slowly(_request):
            asked.set()
            await go_on.wait()

        server.do = slowly
        fetched = FetchedSchemas(registry)
        first, second = asyncio.create_task(fetched.fetch(1)), asyncio.create_task(fetched.fetch(1))
        await asked.wait()
        first.cancel()
        go_on.set()
        await second
        assert (set(fetched.known), first.cancelled(), len(server.requests)) == ({1}, True, 1)

    async def test_a_failure_is_not_kept(self, server, registry):
        fetched = FetchedSchemas(registry)
        with pytest.raises(Rejected):
            await fetched.fetch(1)
        server.register("a", ADDRESS)
        await fetched.fetch(1)
        assert set(fetched.known) == {1}

    async def test_no_more_than_so_many_are_kept(self, server, registry):
        for number in range(4):
            server.register(f"s{number}", ADDRESS)
        fetched = FetchedSchemas(registry, kept=2)
        for id_ in (1, 2, 3, 4):
            await fetched.fetch(id_)
        assert set(fetched.known) == {3, 4}

    async def test_a_schema_that_can_not_be_read_is_refused(self, server, registry):
        server.register("a", FAMILY)
        with pytest.raises(Rejected) as caught:
            await FetchedSchemas(registry).fetch(1)
        assert caught.value.code == "bad_schema"


class TestSchemas:
    avro = Source(
        "a", format="json", encoding="avro", schema_registry="http://one", id="{city}", text="{city}"
    )
    json = Source("j", format="json", id="{city}", text="{city}")
    record = Record("a", 0, 0, 1, None, WIRE)

    async def test_a_record_lacks_its_schema_until_it_is_fetched(self, server, registry):
        server.register("a", ADDRESS)
        schemas = Schemas({"http://one": registry})
        assert schemas.known(self.avro) == {}
        await schemas.fetch(self.avro, self.record)()
        assert set(schemas.known(self.avro)) == {1}
        assert schemas.fetch(self.avro, self.record) is None

    async def test_what_needs_no_schema_asks_for_none(self, registry):
        schemas = Schemas({"http://one": registry})
        assert schemas.fetch(self.json, self.record) is None
        assert schemas.fetch(self.avro, Record("a", 0, 0, 1, b"k", None)) is None
        assert schemas.fetch(self.avro, Record("a", 0, 0, 1, b"k", b"no avro")) is None
        assert schemas.known(self.json) == {}

    async def test_all_registries_are_probed(self, server, registry):
        other = Registry()
        other.do = answering(httpx.Response(503))
        async with other.client() as second:
            with pytest.raises(Retryable):
                await Schemas({"http://one": registry, "http://two": second}).probe()
        assert len(server.requests) == 1
