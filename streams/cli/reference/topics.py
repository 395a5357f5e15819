"""The topics' page."""

from __future__ import annotations

from collections.abc import Mapping

from streams.kafka.topics import DAY_MS, TopicPlan, wanted

MINUTE_MS = 60 * 1000

HEAD = """# Topics

`rag-streams topics create` makes those that are missing, and changes none that exists but says where it
differs. Names and sizes are [settings](settings.md); each row names the one that sets the topic's name.
What a record of each holds is in [`schemas/`](../../schemas/asyncapi.json), as JSON Schemas and as AsyncAPI.

| topic | setting | record's key | record's value | configuration |
| --- | --- | --- | --- | --- |
"""

FOOT = """
Topics are made with `STREAMS_TOPIC_PARTITIONS` partitions, `STREAMS_TOPIC_REPLICATION` copies and
`max.message.bytes` of `STREAMS_TOPIC_MAX_MESSAGE_BYTES`; `{done}` with at least as many partitions as the
largest topic of questions. With three copies or more they have `min.insync.replicas=2`, too: a record is
taken once two brokers have it, and one may be away. Any other topic that the [sources file](sources-file.md)
names is its writer's to make and to configure. Answers to a question with a `reply-to` go to the topic that
it names, which has to exist. Consumers read committed records only.
"""

ROWS: Mapping[str, tuple[str, str, str]] = {
    "changes": ("TOPIC_CHANGES", "`TENANT/ID`", "`DocumentChange`; null deletes"),
    "indexed": (
        "TOPIC_INDEXED",
        "`TENANT/ID`, else `TOPIC-PARTITION-OFFSET`",
        "`IndexReceipt`",
    ),
    "documents_dead": ("TOPIC_DOCUMENTS_DEAD", "the record's own", "the record's own bytes"),
    "documents_retry": ("TOPIC_DOCUMENTS_RETRY", "the record's own", "a dead letter that is sent back"),
    "questions": (
        "TOPIC_QUESTIONS",
        "any; the conversation's id where order matters",
        "`Question`, or plain text",
    ),
    "questions_dead": ("TOPIC_QUESTIONS_DEAD", "the record's own", "the record's own bytes"),
    "questions_retry": ("TOPIC_QUESTIONS_RETRY", "the record's own", "a dead letter that is sent back"),
    "questions_done": (
        "TOPIC_QUESTIONS_DONE",
        "`TOPIC-PARTITION-OFFSET`",
        "how far each question got; internal",
    ),
    "answers": ("TOPIC_ANSWERS", "the question's id", "one `AnswerEvent`"),
    "shadow": ("TOPIC_SHADOW", "the question's id", "`answer.completed` of a shadow model"),
}
"""By the field of `TopicPlan`: the setting of its name, and what its records are."""


def page() -> str:
    """The page's Markdown, made from what `topics create` makes."""
    plan = TopicPlan(shadow="answers.shadow")
    configs = {spec.name: spec.config or {} for spec in wanted(plan)}
    rows = [_row(_name(plan, field), *said, configs) for field, said in ROWS.items()]
    return HEAD + "".join(rows) + FOOT.format(done=plan.questions_done)


def _name(plan: TopicPlan, field: str) -> str:
    found = getattr(plan, field)
    return found if isinstance(found, str) else found[0]


def _row(name: str, setting: str, key: str, value: str, configs: Mapping[str, Mapping[str, str]]) -> str:
    config = {key: value for key, value in configs[name].items() if key != "max.message.bytes"}
    said = ", ".join(f"`{key}={_readable(key, value)}`" for key, value in config.items())
    return f"| `{name}` | `STREAMS_{setting}` | {key} | {value} | {said} |\n"


def _readable(name: str, value: str) -> str:
    if name.endswith("retention.ms"):
        return f"{int(value) // DAY_MS} days"
    return f"{int(value) // MINUTE_MS} minutes" if name.endswith("lag.ms") else value
