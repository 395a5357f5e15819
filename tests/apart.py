"""Settings by which what a test starts has topics and groups of its own on servers that others use, too."""

from __future__ import annotations

TOPICS = (
    "CHANGES", "INDEXED", "DOCUMENTS_DEAD", "DOCUMENTS_RETRY",
    "QUESTIONS", "QUESTIONS_DEAD", "QUESTIONS_RETRY", "QUESTIONS_DONE", "ANSWERS",
)  # fmt: skip


def apart(name: str) -> dict[str, str]:
    """Groups and topics whose names begin with this one."""
    topics = {f"STREAMS_TOPIC_{one}": f"{name}.{one.lower().replace('_', '.')}" for one in TOPICS}
    return {"STREAMS_GROUP": name, **topics}


def weaviate_settings(server) -> dict[str, str]:
    """Where this Weaviate is."""
    return {"STREAMS_WEAVIATE_URL": server.url, "STREAMS_WEAVIATE_GRPC_PORT": str(server.grpc_port)}
