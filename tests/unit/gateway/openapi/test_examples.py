"""The OpenAPI document shows an example of all that is sent and given, and each fits what it is one of."""

import jsonschema
import pytest

from streams.gateway.app import openapi

DOCUMENT = openapi()


def contents():
    """What each operation takes and gives when all is well: where it stands, and what is said of it."""
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            where = f"{method.upper()} {path}"
            for kind, said in operation.get("requestBody", {}).get("content", {}).items():
                yield f"{where} takes {kind}", said
            for status, response in operation["responses"].items():
                for kind, said in response.get("content", {}).items() if status.startswith("2") else ():
                    yield f"{where} gives {status} {kind}", said


def schema_of(said):
    name = said["schema"].get("$ref", "").removeprefix("#/components/schemas/")
    return DOCUMENT["components"]["schemas"][name] if name else said["schema"]


CONTENTS = dict(contents())


@pytest.mark.parametrize("where", CONTENTS)
def test_all_that_is_sent_and_given_has_an_example_that_fits(where):
    said, schema = CONTENTS[where], schema_of(CONTENTS[where])
    examples = [said["example"]] if "example" in said else schema.get("examples", [])
    assert examples, where
    for example in examples:
        jsonschema.validate(example, {**schema, "components": DOCUMENT["components"]})
