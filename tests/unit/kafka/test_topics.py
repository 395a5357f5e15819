"""What each topic should be like, and where one differs."""

from dataclasses import replace

from streams.kafka.admin import Shape
from streams.kafka.topics import (
    Difference,
    TopicPlan,
    TopicReport,
    TopicSpec,
    covering,
    differences,
    stuck,
    stuck_of,
    wanted,
)

DAY = 24 * 3600 * 1000


def by_name(plan):
    return {spec.name: spec for spec in wanted(plan)}


def test_every_topic_of_the_contract_is_there_with_its_cleanup_and_time():
    specs = by_name(TopicPlan(shadow="answers.shadow"))
    kept = {
        name: (spec.config["cleanup.policy"], int(spec.config.get("retention.ms", -1)) // DAY)
        for name, spec in specs.items()
    }
    assert kept == {
        "documents.changes": ("compact", -1),
        "documents.indexed": ("delete", 7),
        "documents.dead": ("delete", 30),
        "documents.retry": ("delete", 7),
        "questions": ("delete", 7),
        "questions.dead": ("delete", 30),
        "questions.retry": ("delete", 7),
        "questions.done": ("compact,delete", 7),
        "answers": ("delete", 7),
        "answers.shadow": ("delete", 21),
    }
    assert specs["documents.changes"].config["delete.retention.ms"] == str(30 * DAY)
    stamped = {
        name for name, spec in specs.items() if spec.config.get("message.timestamp.type") == "LogAppendTime"
    }
    assert stamped >= {"documents.changes", "questions"}


def test_partitions_replication_and_size_are_settings():
    for spec in wanted(TopicPlan(partitions=3, replication=2, max_message_bytes=99_999)):
        assert (spec.partitions, spec.replication) == (3, 2)
        assert spec.config["max.message.bytes"] == "99999"


def test_with_three_copies_two_must_have_a_record_and_with_fewer_the_broker_says_how_many():
    for copies, least in ((1, None), (2, None), (3, "2"), (5, "2")):
        specs = wanted(TopicPlan(sources=("documents.changes", "theirs"), replication=copies))
        assert {spec.config.get("min.insync.replicas") for spec in specs if spec.config is not None} == {
            least
        }


def test_fewer_copies_than_wanted_are_said_and_more_are_not():
    spec = TopicSpec("t", 1, 3, {})
    assert differences(spec, 1, {}, copies=1) == (Difference("replication", "3", "1"),)
    assert differences(spec, 1, {}, copies=4) == differences(spec, 1, {}) == ()
    assert differences(replace(spec, config=None), 1, {}, copies=1) == ()


def partition(number, leader, *in_sync):
    return {"partition": number, "leader": leader, "replicas": [1, 2, 3], "isr": list(in_sync)}


def test_a_topic_that_takes_nothing_until_brokers_are_back_says_so():
    well, alone, led_by_nobody = partition(0, 2, 1, 2), partition(1, 3, 3), partition(2, -1, 3)
    two = {"min.insync.replicas": "2"}
    assert stuck(Shape.of([well]), two) is None
    assert stuck(Shape.of([well, alone]), {}) is None
    assert "1 copies in sync, fewer than its min.insync.replicas of 2" in stuck(Shape.of([well, alone]), two)
    assert "1 of 3 partitions have no leader" in stuck(Shape.of([well, alone, led_by_nobody]), {})


def test_more_copies_in_sync_than_there_are_can_not_be_asked_for():
    assert stuck(Shape(partitions=1, copies=1, in_sync=1, leaderless=0), {"min.insync.replicas": "2"}) is None


def test_a_source_of_somebody_else_only_has_to_exist():
    specs = by_name(TopicPlan(sources=("cms.articles",)))
    assert specs["cms.articles"].config is None
    assert "documents.changes" not in specs
    assert differences(specs["cms.articles"], 99, {}) == ()


def test_each_question_topic_is_made_and_served_by_the_done_log():
    specs = by_name(TopicPlan(questions=("questions.acme", "questions.globex")))
    assert "questions" not in specs
    assert specs["questions.acme"].config == specs["questions.globex"].config
    assert set(specs["questions.done"].covers) == {"questions.acme", "questions.globex", "questions.retry"}


def test_no_shadow_topic_without_a_shadow_model():
    assert "answers.shadow" not in by_name(TopicPlan())


def test_the_done_log_has_as_many_partitions_as_the_largest_question_topic():
    done = by_name(TopicPlan(partitions=6))["questions.done"]
    assert covering(done, {"questions": 12, "questions.retry": 6}).partitions == 12
    assert covering(done, {"questions": 2}).partitions == 6


def test_a_done_log_that_is_too_small_cannot_be_worked_with_and_a_larger_one_can():
    done = covering(by_name(TopicPlan(partitions=2))["questions.done"], {"questions": 4})
    short = TopicReport("questions.done", "exists", differences(done, 3, None))
    assert not short.fits
    assert short.differences == (Difference("partitions", "4", "3", breaks=True),)
    assert TopicReport("questions.done", "exists", differences(done, 5, None)).fits
    assert not TopicReport("questions", "missing").fits


def test_differences_are_named_and_the_order_in_a_list_is_none():
    spec = TopicSpec("t", 1, 1, {"cleanup.policy": "compact,delete", "max.message.bytes": "9"})
    assert differences(spec, 1, {"cleanup.policy": "delete, compact", "max.message.bytes": "9"}) == ()
    assert differences(spec, 2, {"cleanup.policy": "delete"}) == (
        Difference("partitions", "1", "2"),
        Difference("cleanup.policy", "compact,delete", "delete"),
        Difference("max.message.bytes", "9", "unset"),
    )


def test_the_done_log_keeps_every_end_for_as_long_as_a_question_can_be_at_work_and_an_older_one_will_do():
    done = by_name(TopicPlan())["questions.done"]
    latest_s, session_s = 600, 10
    assert int(done.config["min.compaction.lag.ms"]) > 2 * 1000 * (latest_s + session_s)
    before = done.config | {"min.compaction.lag.ms": "0"}
    told = TopicReport("questions.done", "exists", differences(done, done.partitions, before))
    assert told.fits
    assert [(one.what, one.found) for one in told.differences] == [("min.compaction.lag.ms", "0")]


def test_each_reason_why_topics_take_nothing_is_said_once():
    away = "a partition has 1 copies in sync"
    reports = [
        TopicReport(name, "exists", stuck=why) for name, why in (("a", away), ("b", None), ("c", away))
    ]
    assert stuck_of(reports) == f"a, c: {away}"
    assert stuck_of(reports[1:2]) == ""
