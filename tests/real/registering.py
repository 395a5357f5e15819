"""Registers schemas as Confluent's serializers do, in subjects of the test's own."""

import json

import httpx


def registering(url, prefix):
    """`register(subject, schema, references, kind)`: gives the schema's number."""
    versions = {}

    async def register(subject, schema, references=(), kind="AVRO"):
        named = [
            {"name": name, "subject": f"{prefix}-{of}", "version": versions[of]}
            for name, of in dict(references).items()
        ]
        body = {"schema": json.dumps(schema), "references": named, "schemaType": kind}
        where = f"{url}/subjects/{prefix}-{subject}/versions"
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            reply = (await client.post(where, json=body)).raise_for_status().json()
            versions[subject] = (await client.get(f"{where}/latest")).raise_for_status().json()["version"]
        return reply["id"]

    return register
