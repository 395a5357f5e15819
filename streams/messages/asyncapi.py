"""The AsyncAPI 3.0 document: the topics, what travels on each, and who writes and reads it.

It speaks from rag-streams' point of view: `receive` is what a worker reads, `send` what it writes.
Topic names are settings; the document has the defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from streams.messages import headers
from streams.messages.headers import SCHEMA

VERSION = "3.0.0"
KAFKA_BINDING = "0.5.0"
JSON_SCHEMA = "application/schema+json;version=draft-2020-12"
DAY_MS = 24 * 3600 * 1000

EVENTS = ("AnswerStarted", "AnswerDelta", "AnswerReset", "AnswerCompleted", "AnswerFailed")
TENANT_AND_ID = "`TENANT/ID`"
QUESTION_ID = "The question's id."
OWN_KEY = "The record's own."


@dataclass(frozen=True, slots=True)
class Channel:
    """A topic: its default name (None: named by each question), its messages and what is kept how long."""

    address: str | None
    title: str
    action: Literal["send", "receive", "both"]
    messages: Sequence[str]
    cleanup: Sequence[str] = ("delete",)
    days: int = 7


CHANNELS: Mapping[str, Channel] = {
    "documentsChanges": Channel(
        "documents.changes", "Document changes", "receive", ("DocumentChange", "Tombstone"), ("compact",), 30
    ),
    "documentsIndexed": Channel("documents.indexed", "Index receipts", "send", ("IndexReceipt",)),
    "documentsDead": Channel("documents.dead", "Dead letters of changes", "send", ("DeadLetter",), days=30),
    "documentsRetry": Channel(
        "documents.retry", "Changes sent back, internal", "receive", ("DeadLetterSentBack",)
    ),
    "questions": Channel("questions", "Questions", "receive", ("Question", "PlainQuestion")),
    "questionsDead": Channel("questions.dead", "Dead letters of questions", "send", ("DeadLetter",), days=30),
    "questionsRetry": Channel(
        "questions.retry", "Questions sent back, internal", "receive", ("DeadLetterSentBack",)
    ),
    "questionsDone": Channel(
        "questions.done", "How far each question got, internal", "both", ("Done",), ("compact", "delete")
    ),
    "answers": Channel("answers", "Answer events of questions without a reply topic", "send", EVENTS),
    "replies": Channel(None, "Answer events of questions that name this topic to reply to", "send", EVENTS),
    "answersShadow": Channel(
        "answers.shadow", "What a shadow model would have answered", "send", ("AnswerCompleted",), days=21
    ),
}


def document() -> dict[str, Any]:
    """The AsyncAPI document, ready to be written as JSON."""
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "rag-streams",
            "version": f"{SCHEMA}.0.0",
            "description": "Document changes and questions in, receipts and cited answers out, over Kafka."
            " A reader ignores fields that it does not know.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(channel) for name, channel in CHANNELS.items()},
        "operations": dict(_operations()),
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _ref(*path: str) -> dict[str, str]:
    return {"$ref": "/".join(("#", *path))}


def _channel(channel: Channel) -> dict[str, Any]:
    made = {
        "address": channel.address,
        "title": channel.title,
        "messages": {name: _ref("components", "messages", name) for name in channel.messages},
    }
    if channel.address is None:
        return made | {"description": "An existing topic that matches STREAMS_REPLY_TOPICS."}
    return made | {"bindings": {"kafka": _topic(channel)}}


def _topic(channel: Channel) -> dict[str, Any]:
    kept = "retention.ms" if "delete" in channel.cleanup else "delete.retention.ms"
    configuration = {"cleanup.policy": list(channel.cleanup), kept: channel.days * DAY_MS}
    return {"topic": channel.address, "topicConfiguration": configuration, "bindingVersion": KAFKA_BINDING}


def _operations() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{action}{name[0].upper()}{name[1:]}", _operation(name, action, channel))
        for name, channel in CHANNELS.items()
        for action in (("send", "receive") if channel.action == "both" else (channel.action,))
    ]


def _operation(name: str, action: str, channel: Channel) -> dict[str, Any]:
    made = {
        "action": action,
        "channel": _ref("channels", name),
        "title": channel.title,
        "messages": [_ref("channels", name, "messages", message) for message in channel.messages],
    }
    if name in {"questions", "questionsRetry"}:
        made["reply"] = {
            "address": {
                "location": f"$message.header#/{headers.REPLY_TO}",
                "description": "Without this header the answer goes to `answers`.",
            },
            "channel": _ref("channels", "replies"),
        }
    return made


def _messages() -> dict[str, Any]:
    replies = {
        event: _message(event, f"answer-{event.removeprefix('Answer').lower()}.json", QUESTION_ID, "produced")
        for event in EVENTS
    }
    return {
        "DocumentChange": _message("Document change", "document-change.json", TENANT_AND_ID, "any"),
        "Tombstone": _raw("Tombstone: the document is gone", {"type": "null"}, TENANT_AND_ID, "any"),
        "IndexReceipt": _message(
            "Index receipt",
            "index-receipt.json",
            f"{TENANT_AND_ID}, else `TOPIC-PARTITION-OFFSET`.",
            "produced",
        ),
        "Question": _message(
            "Question", "question.json", "Anything, or null; a conversation's id keeps its order.", "question"
        ),
        "PlainQuestion": _raw(
            "A question's text alone, not beginning with { or [",
            {"type": "string"},
            "As `Question`.",
            "question",
        )
        | {"contentType": "text/plain; charset=utf-8"},
        **replies,
        "DeadLetter": _raw("A record that can't be processed, untouched", {}, OWN_KEY, "dead"),
        "DeadLetterSentBack": _raw("A dead letter, to be processed again", {}, OWN_KEY, "dead"),
        "Done": _raw("Internal: how far a question got", {}, "`TOPIC-PARTITION-OFFSET`.", "produced"),
    }


def _message(title: str, file: str, key: str, carries: str) -> dict[str, Any]:
    payload = {"schemaFormat": JSON_SCHEMA, "schema": {"$ref": f"./{file}"}}
    return _raw(title, payload, key, carries) | {"contentType": "application/json"}


def _raw(title: str, payload: Any, key: str, carries: str) -> dict[str, Any]:
    made = {
        "title": title,
        "headers": _ref("components", "schemas", f"{carries}-headers"),
        "payload": payload,
        "bindings": {
            "kafka": {"key": {"type": "string", "description": key}, "bindingVersion": KAFKA_BINDING}
        },
    }
    if carries in {"produced", "question"} and title != "Index receipt":
        made["correlationId"] = {"location": f"$message.header#/{headers.CORRELATION_ID}"}
    return made


def _schemas() -> dict[str, Any]:
    trace = {
        headers.TRACEPARENT: "W3C trace context: the trace that this belongs to.",
        headers.TRACESTATE: "W3C trace context: what vendors add to it.",
    }
    correlation = {headers.CORRELATION_ID: "Copied to every event of the question."}
    version = {headers.SCHEMA_VERSION: f"`{SCHEMA}`: the version of the message."}
    reply = {headers.REPLY_TO: "Where the answer goes: an existing topic that matches STREAMS_REPLY_TOPICS."}
    return {
        "any-headers": _headers({**trace}),
        "question-headers": _headers({**reply, **correlation, **trace}),
        "produced-headers": _headers({**version, **correlation, **trace}, [headers.SCHEMA_VERSION]),
        "dead-headers": _headers(DEAD, [name for name in DEAD if name not in OPTIONAL_DEAD]),
    }


DEAD: Mapping[str, str] = {
    headers.DEAD_CODE: "Why it died, as a code.",
    headers.DEAD_MESSAGE: "Why it died, and what to do; holds no document text and no secret.",
    headers.DEAD_TOPIC: "Where it first stood: topic.",
    headers.DEAD_PARTITION: "Where it first stood: partition.",
    headers.DEAD_OFFSET: "Where it first stood: offset.",
    headers.DEAD_TIMESTAMP: "Kafka's timestamp there, in milliseconds.",
    headers.DEAD_ATTEMPTS: "How often it was tried.",
    headers.DEAD_AT: "When it died.",
    headers.DEAD_FIRST_AT: "When it died for the first time. Earlier versions left it out.",
    headers.DEAD_NULL: "`value`: the value was null, and is written as empty bytes.",
    headers.DEAD_PARTS: "Which of its changes were refused, from 0 (`0,4-7`), where not all were.",
    headers.DEAD_TRUNCATED: "It was too large and is not here: the bytes that its key and value had.",
}
OPTIONAL_DEAD = {headers.DEAD_FIRST_AT, headers.DEAD_NULL, headers.DEAD_PARTS, headers.DEAD_TRUNCATED}


def _headers(described: Mapping[str, str], required: Sequence[str] = ()) -> dict[str, Any]:
    properties = {name: {"type": "string", "description": text} for name, text in described.items()}
    made: dict[str, Any] = {"type": "object", "properties": properties}
    return made | ({"required": list(required)} if required else {})
