"""A real schema registry, Apicurio's, against the contract that its stand-in passes too."""

import json

import httpx
import pytest

from streams.errors import Misconfigured, Retryable
from streams.kafka.registry import ConfluentRegistry, RegistryConfig
from tests.contract.registry import RegistryContract
from tests.real.registering import registering

QUICK = {"backoff_s": 0.01, "attempts": 2}


@pytest.fixture
async def registry(apicurio):
    async with ConfluentRegistry(RegistryConfig(apicurio.url, **QUICK)) as client:
        yield client


class TestApicurio(RegistryContract):
    @pytest.fixture
    def register(self, apicurio, topic):
        return registering(apicurio.url, topic)


async def test_an_address_that_is_not_of_confluents_api_is_for_a_person(apicurio):
    for url in (apicurio.url.removesuffix("/apis/ccompat/v7"), apicurio.url + "/subjects"):
        async with ConfluentRegistry(RegistryConfig(url, **QUICK)) as wrong:
            with pytest.raises(Misconfigured, match="/apis/ccompat/v7"):
                await wrong.probe()


async def test_a_registry_that_is_stopped_or_frozen_is_down_and_comes_back(apicurio_server, topic):
    id_ = await registering(apicurio_server.url, topic)("a", {"type": "string"})
    config = RegistryConfig(apicurio_server.url, timeout_s=0.5, **QUICK)
    async with ConfluentRegistry(config) as registry:
        apicurio_server.freeze()
        with pytest.raises(Retryable) as caught:
            await registry.schema(id_)
        assert caught.value.code == "registry_down"
        apicurio_server.thaw()
        assert json.loads((await registry.schema(id_)).text) in ("string", {"type": "string"})
        apicurio_server.kill()
        with pytest.raises(Retryable):
            await registry.schema(id_)


async def test_a_number_beyond_all_others_is_unknown_to_the_registry_too(apicurio):
    """Which is why such a number is never asked for: the answer says nothing of a schema."""
    async with httpx.AsyncClient(trust_env=False) as client:
        reply = await client.get(f"{apicurio.url}/schemas/ids/{2**32 - 1}")
    assert reply.status_code != 200
