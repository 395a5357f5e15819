"""What every schema registry must do for us, and a stand-in that answers as Confluent documents its API.

https://docs.confluent.io/platform/current/schema-registry/develop/api.html
"""

import json

import httpx
import pytest

from streams.errors import Rejected
from streams.kafka.registry import ConfluentRegistry, RegistryConfig
from streams.ports import RegisteredSchema

ADDRESS = {
    "type": "record",
    "name": "Address",
    "namespace": "x",
    "fields": [{"name": "city", "type": "string"}],
}
PERSON = {
    "type": "record",
    "name": "Person",
    "namespace": "x",
    "fields": [{"name": "home", "type": "x.Address"}],
}
DRAFT = "http://json-schema.org/draft-07/schema#"
FAMILY = {
    "type": "record",
    "name": "Family",
    "namespace": "x",
    "fields": [{"name": "head", "type": "x.Person"}],
}


class RegistryContract:
    """Runs against `registry`, whose schemas `register(subject, schema, references, kind)` puts there."""

    async def test_a_schema_is_there_under_the_number_that_it_was_given(self, registry, register):
        id_ = await register("addresses", ADDRESS)
        found = await registry.schema(id_)
        assert (found.kind, json.loads(found.text), found.references) == ("AVRO", ADDRESS, ())

    async def test_what_it_references_comes_along_the_referenced_first(self, registry, register):
        await register("address", ADDRESS)
        await register("person", PERSON, {"x.Address": "address"})
        id_ = await register("families", FAMILY, {"x.Person": "person", "x.Address": "address"})
        found = await registry.schema(id_)
        assert json.loads(found.text) == FAMILY
        assert sorted(json.loads(one)["name"] for one in found.references) == ["Address", "Person"]
        assert json.loads(found.references[0]) == ADDRESS

    async def test_a_schema_of_another_type_is_named_as_such(self, registry, register):
        id_ = await register("notes", {"$schema": DRAFT, "type": "object"}, kind="JSON")
        assert (await registry.schema(id_)).kind == "JSON"

    async def test_a_number_that_was_never_given_is_refused(self, registry):
        with pytest.raises(Rejected) as caught:
            await registry.schema(4_000_000)
        assert caught.value.code == "unknown_schema"

    async def test_a_registry_without_any_schema_passes_its_probe(self, registry):
        await registry.probe()


class Registry:
    """The stand-in: `do` is called with each request, and may answer it instead."""

    def __init__(self):
        self.schemas = []
        self.subjects = {}
        self.requests = []
        self.do = None

    def register(self, subject, schema, references=(), kind="AVRO"):
        named = [{"name": name, "subject": of, "version": 1} for name, of in dict(references).items()]
        said = {"schema": json.dumps(schema), "references": named}
        said = said if kind == "AVRO" else said | {"schemaType": kind}
        self.schemas.append(said)
        self.subjects[subject] = said | {"subject": subject, "version": 1, "id": len(self.schemas)}
        return len(self.schemas)

    async def __call__(self, request):
        self.requests.append(request)
        if self.do is not None and (reply := await self.do(request)) is not None:
            return reply
        match request.url.path.strip("/").split("/"):
            case ["schemas", "ids", id_] if 0 < int(id_) <= len(self.schemas):
                return httpx.Response(200, json=self.schemas[int(id_) - 1])
            case ["schemas", "ids", _]:
                return httpx.Response(404, json={"error_code": 40403, "message": "Schema not found"})
            case ["subjects", subject, "versions", "1"] if subject in self.subjects:
                return httpx.Response(200, json=self.subjects[subject])
            case ["subjects", *_]:
                return httpx.Response(404, json={"error_code": 40401, "message": "Subject not found."})
        return httpx.Response(404, text="Not found")

    def client(self, **config):
        return ConfluentRegistry(
            RegistryConfig("http://registry.example", **({"backoff_s": 0.001} | config)),
            transport=httpx.MockTransport(self),
        )


def schema_of(text):
    return RegisteredSchema("AVRO", json.dumps(text))
