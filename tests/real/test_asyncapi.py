"""The AsyncAPI document by the standard's own JSON Schema, as npm's `@asyncapi/specs` has it; no network."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from ops.servers.launch import servers_folder
from tests.conftest import lacking

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def specification():
    path = servers_folder() / "asyncapi/node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json"
    if not path.is_file():
        lacking(f"{path} is missing: run `make servers`")
    schema = json.loads(path.read_text())
    return jsonschema.validators.validator_for(schema)(schema)


@pytest.fixture
def document():
    return json.loads((ROOT / "schemas" / "asyncapi.json").read_text())


def test_the_document_is_valid_asyncapi(specification, document):
    assert document["asyncapi"] == "3.0.0"
    assert [
        f"{error.json_path}: {error.message[:200]}" for error in specification.iter_errors(document)
    ] == []


def test_a_document_with_a_wrong_part_is_not(specification, document):
    for part, wrong in (("action", "publish"), ("channel", "documents.changes")):
        broken = json.loads(json.dumps(document))
        broken["operations"]["receiveDocumentsChanges"][part] = wrong
        assert not specification.is_valid(broken)
    document["channels"]["answers"]["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"] = "sometimes"
    assert not specification.is_valid(document)


def test_every_schema_that_a_message_refers_to_is_there_and_valid(document):
    payloads = [message["payload"] for message in document["components"]["messages"].values()]
    files = {payload["schema"]["$ref"] for payload in payloads if "schema" in payload}
    assert len(files) == 8
    for file in files:
        jsonschema.Draft202012Validator.check_schema(json.loads((ROOT / "schemas" / file).read_text()))
