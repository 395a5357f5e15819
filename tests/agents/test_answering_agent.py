"""The answering agent: one question, one end, whatever is lost on the way."""

import asyncio
import contextlib
import json
import random
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from streams.agents.answering import Answering, answering_agent
from streams.agents.app import AppConfig
from streams.agents.asking import Asking
from streams.agents.outlet import Outlet
from streams.agents.pump.backoff import Backoff
from streams.agents.pump.delivery import Delivery
from streams.agents.pump.work import PumpSettings
from streams.answering.generating.route import Choice
from streams.answering.transcript import Outcome, Transcript
from streams.errors import Misconfigured, Rejected, Retryable
from streams.kafka.admin import Admin
from streams.kafka.connection import KafkaConnection, started
from streams.kafka.consume import fetch, stretch, tail
from streams.kafka.done import DoneLog
from streams.kafka.produce import Producer
from streams.kafka.progress import Finished, Started, Unseen, terminal_of
from streams.kafka.replies import ReplyTopics, event_of, follow
from streams.messages.answers import AnswerCompleted, AnswerFailed, Timings, answer_event
from streams.messages.dead import dead_letter, replay
from streams.messages.questions import Asked, Question
from streams.messages.reader import AnswerReader
from streams.messages.records import Offset, Outgoing, Record
from tests.agents.group import FAST, Bench

FIRST = Choice("primary", "m", None)
SECOND = Choice("fallback", "s", "timeout")


def now():
    return datetime.now(UTC)


def decode(record):
    """A question topic's record; `refused: …` and `invalid: …` say what is wrong with it."""
    try:
        question = Question.model_validate_json(record.value)
    except ValueError:
        raise Rejected("no valid question: see the contract", code="invalid_question") from None
    if question.text == "not yours":
        raise Rejected("names another tenant than its topic's", code="refused")
    return Asked(
        question, question.id or str(record.at), question.tenant or "default", record.at, record.timestamp,
        key=record.key,
    )  # fmt: skip


class Scripted:
    """An answerer that does as the question's words say."""

    def __init__(self):
        self.asked = []
        self.go_on = asyncio.Event()
        self.waits = asyncio.Event()
        self.closed = 0

    def give_way(self, at):
        pass

    async def answer(self, asked, *, attempt=1, resumed=False, turn):
        await turn()
        self.asked.append((asked, attempt, resumed))
        said, choice = Transcript(asked, attempt=attempt, resumed=resumed, now=now), FIRST
        streams = asked.question.stream
        try:
            opened = said.opened(choice, [], [])
            if streams:
                yield opened
            for word in asked.question.text.split():
                if word == "wait":
                    self.waits.set()
                    await self.go_on.wait()
                elif word == "fall-back":
                    choice = SECOND
                    yield said.reset("timeout", choice)
                elif word == "raise":
                    raise ZeroDivisionError("a document's text")
                elif word == "cancel":
                    raise asyncio.CancelledError
                elif word == "misconfigured":
                    raise Misconfigured("pull the model", setting="STREAMS_GENERATE_MODEL")
                elif word == "end":
                    return
                else:
                    delta = said.delta(f"{word} ")
                    if streams:
                        yield delta
            yield said.completed(Outcome(choice, [], [], Timings()))
        finally:
            self.closed += 1


class Broken:
    """Producing that fails as often as it is told to, before or after Kafka has the record."""

    def __init__(self, produce):
        self._produce, self.before, self.after, self.sent = produce, {}, {}, []
        self.refuses = lambda _: False

    async def __call__(self, outgoing):
        if self.refuses(outgoing):
            raise Rejected("larger than its topic takes", code="too_large")
        if self._fails(self.before, outgoing):
            raise Retryable("Kafka is away", code="kafka_down")
        await self._produce(outgoing)
        self.sent.append(outgoing)
        if self._fails(self.after, outgoing):
            raise Retryable("Kafka is away", code="kafka_down")

    def _fails(self, times, outgoing):
        left = times.get(outgoing.topic, 0)
        times[outgoing.topic] = left - 1
        return left > 0


class Room:
    """Topics of the test's own on the embedded broker, and workers one after the other."""

    def __init__(self, connection, name):
        self.connection, self.name = connection, name
        self.answers, self.done, self.retry = f"{name}.answers", f"{name}.done", f"{name}.questions.retry"
        self.questions, self.reply, self.dead = (
            f"{name}.questions",
            f"replies.{name}",
            f"{name}.questions.dead",
        )
        self.answerer = Scripted()

    async def __aenter__(self):
        self._stack = AsyncExitStack()
        admin = await self._stack.enter_async_context(started(self.connection, Admin(self.connection)))
        ours = f"replies.{self.name}.ours"
        for topic in (self.answers, self.done, self.retry, self.questions, self.reply, self.dead, ours):
            await admin.create(topic, 2, 1, {})
        producer = Producer(self.connection, max_bytes=1_000_000)
        self.producer = await self._stack.enter_async_context(started(self.connection, producer))
        self.replies = ReplyTopics(self.connection, "replies.*", never=[ours])
        self._stack.push_async_callback(self.replies.close)
        self.produce = Broken(self.producer.produce)
        return self

    async def __aexit__(self, *error):
        await self._stack.aclose()

    @contextlib.asynccontextmanager
    async def worker(self):
        """A worker with a done log of its own, fed by hand."""
        backoff = Backoff(0.001, 0.002, random.Random(1).random)
        done = DoneLog(self.connection, self.done, Delivery(self.produce, backoff), now)
        outlet = Outlet(self.produce, self.replies, answers=self.answers, backoff=backoff)
        work = Answering(Asking(decode, self.retry), self.answerer, done=done, outlet=outlet, now=now)
        work.moved = asyncio.Event()
        settings = {"retry_topics": frozenset({self.retry})}
        async with Bench(work, produce=self.produce, **settings) as bench:
            yield bench

    async def ask(self, bench, text, *, headers=(), key=None, topic=None, **fields):
        value = (
            text if isinstance(text, bytes) else json.dumps({"text": text, "id": "q-7", **fields}).encode()
        )
        return self.deliver(bench, value, headers, key, topic)

    def deliver(self, bench, value, headers=(), key=None, topic=None):
        bench.group.owned.add((self.questions, 0))
        record = bench.deliver(value, key=key, headers=headers, topic=topic or self.questions)
        return stamped(bench, record)

    async def answered(self, text, **more):
        """The events of one question, answered by one worker."""
        async with self.worker() as bench:
            record = await self.ask(bench, text, **more)
            await bench.committed(record.offset + 1, topic=record.topic)
        return await self.events()

    async def records(self, topic):
        return [record async for record in stretch(self.connection, topic)]

    async def events(self, topic=None):
        return [event_of(record) for record in await self.records(topic or self.answers)]


def stamped(bench, record):
    """The record as Kafka would stamp it, now: the last one that was put in line."""
    last, generation = bench._deliveries._queue.pop()
    new = Record(
        last.topic,
        last.partition,
        last.offset,
        int(now().timestamp() * 1000),
        last.key,
        last.value,
        last.headers,
    )
    bench._deliveries._queue.append((new, generation))
    return new


@pytest.fixture
async def room(embedded_broker, request):
    name = f"{abs(hash(request.node.name)):x}-{random.Random().randrange(10**9)}"
    async with Room(KafkaConnection(embedded_broker, embedded=True), name) as room:
        yield room


def read(events):
    reader = AnswerReader()
    for event in events:
        reader.feed(event)
    return reader


def numbers(events):
    return [(event.type.removeprefix("answer."), event.attempt, event.seq) for event in events]


# One worker


async def test_a_question_is_answered_in_order_keyed_by_its_id_with_its_headers(room):
    headers = (
        ("correlation-id", b"\xff\x00"),
        ("traceparent", b"00-1"),
        ("secret", b"x"),
        ("correlation-id", b"last"),
    )
    events = await room.answered("one two", headers=headers)
    assert numbers(events) == [("started", 1, 0), ("delta", 1, 1), ("delta", 1, 2), ("completed", 1, 3)]
    assert read(events).text == "one two "
    for record in await room.records(room.answers):
        assert record.key == b"q-7"
        assert record.headers == (
            ("schema-version", b"1"),
            ("correlation-id", b"last"),
            ("traceparent", b"00-1"),
        )
    assert {(event.question_id, event.question) for event in events} == {("q-7", f"{room.questions}-0-0")}


async def test_the_end_is_in_the_done_log_before_it_is_sent_and_each_attempt_before_its_events(room):
    await room.answered("one fall-back two")
    order = [
        (out.topic.rsplit(".", 1)[1], dict(out.headers).get("done-state"), event_type(out))
        for out in room.produce.sent
    ]
    assert order == [
        ("done", b"started", None), ("answers", None, "answer.started"), ("answers", None, "answer.delta"),
        ("done", b"started", None), ("answers", None, "answer.reset"), ("answers", None, "answer.delta"),
        ("done", b"finished", "answer.completed"), ("answers", None, "answer.completed"),
    ]  # fmt: skip
    assert {out.partition for out in room.produce.sent if out.topic == room.done} == {0}


def event_type(outgoing):
    return json.loads(outgoing.value)["type"] if outgoing.value else None


async def test_without_streaming_there_is_the_terminal_event_alone(room):
    assert numbers(await room.answered("one two", stream=False)) == [("completed", 1, 0)]


@pytest.mark.parametrize("word", ["raise", "cancel", "end"])
async def test_an_answerer_that_fails_ends_the_question_as_unavailable_and_says_nothing_of_why(room, word):
    events = await room.answered(f"one {word}")
    assert numbers(events) == [("started", 1, 0), ("delta", 1, 1), ("failed", 1, 2)]
    assert (events[-1].code, events[-1].retryable) == ("unavailable", True)
    assert "document" not in events[-1].message
    assert await room.records(room.dead) == []


async def test_an_answerer_that_hangs_is_given_up_a_little_after_the_deadline(room, monkeypatch):
    monkeypatch.setattr("streams.agents.guarded.GRACE_S", 0.1)
    monkeypatch.setitem(
        __import__("streams.agents.guarded", fromlist=["guarded"]).guarded.__kwdefaults__, "grace_s", 0.1
    )
    events = await room.answered("one wait", deadline_ms=200)
    assert numbers(events)[-1] == ("failed", 1, 2)
    assert (events[-1].code, events[-1].retryable) == ("deadline_exceeded", True)
    assert room.answerer.closed == 1


async def test_what_a_person_must_mend_stops_the_worker_and_the_question_stays(room):
    async with room.worker() as bench:
        await room.ask(bench, "misconfigured")
        await bench.until(lambda: bench.group.crashes)
        assert bench.group.crashes[0].setting == "STREAMS_GENERATE_MODEL"
        assert bench.group.committed == {}
    assert await room.events() in (
        [],
        [event for event in await room.events() if event.type == "answer.started"],
    )


# Where answers go


async def test_an_answer_goes_to_the_topic_in_reply_to_and_nowhere_else(room):
    assert await room.answered("one", headers=[("reply-to", room.reply.encode())]) == []
    assert read(await room.events(room.reply)).text == "one "


@pytest.mark.parametrize(
    "reply_to",
    [b"documents.changes", b"replies.absent", b"", b"\xff", b"__consumer_offsets", b"replies.{}.ours"],
)
async def test_a_reply_to_that_may_not_be_is_refused_on_the_topic_of_all_answers(room, reply_to):
    topic = reply_to.replace(b"{}", room.name.encode())
    events = await room.answered("one", headers=[("reply-to", topic)])
    assert numbers(events) == [("failed", 1, 0)]
    assert events[0].code == "refused"
    assert room.answerer.asked == []
    assert await room.records(room.dead) == []


async def test_a_reply_topic_that_goes_away_refuses_its_question_and_holds_up_no_other(room):
    produce = room.produce._produce

    async def gone(outgoing):
        if outgoing.topic == room.reply:
            room.replies._admin = gone_admin
            raise Retryable("missing", code="topic_missing")
        await produce(outgoing)

    async def gone_admin(_):
        return {}

    admin, room.produce._produce = room.replies._admin, gone
    events = await room.answered("one", headers=[("reply-to", room.reply.encode())])
    room.replies._admin = admin
    assert [event.code for event in events] == ["refused"]


async def test_a_reply_topic_that_takes_no_writes_refuses_its_question_once_that_lasts(room, monkeypatch):
    monkeypatch.setattr("streams.agents.outlet.STUCK_S", 0.3)
    room.produce.before[room.reply] = 10**9
    events = await room.answered("one", headers=[("reply-to", room.reply.encode())])
    assert (numbers(events), events[0].code) == ([("failed", 2, 0)], "refused")
    assert await room.events(room.reply) == []


async def test_a_reply_topic_is_waited_for_as_long_as_all_of_kafka_is_away(room, monkeypatch):
    monkeypatch.setattr("streams.agents.outlet.STUCK_S", 0.0)
    asked, admin = [], room.replies._admin

    async def away(ask):
        asked.append(ask)
        if 1 < len(asked) <= 4:
            raise Retryable("Kafka is away", code="kafka_down")
        return await admin(ask)

    room.replies._admin = away
    room.produce.before[room.reply] = 3
    assert await room.answered("one", headers=[("reply-to", room.reply.encode())]) == []
    room.replies._admin = admin
    assert read(await room.events(room.reply)).text == "one "
    assert len(asked) == 4, "before the question, and at each failure"


async def test_an_end_that_its_topic_refuses_is_decided_anew_once_and_that_one_is_sent_after_any_restart(
    room,
):
    refused = b'"type":"answer.completed"'
    room.produce.refuses = lambda out: out.topic == room.reply and refused in out.value
    async with room.worker() as bench:
        record = await room.ask(bench, "one", headers=[("reply-to", room.reply.encode())])
        await bench.committed(1, topic=room.questions)
    for _ in range(2):
        async with room.worker() as bench:
            bench.deliver_again(record)
            await bench.committed(1, topic=room.questions)
    first, *again = await room.records(room.answers)
    assert [(one.key, one.value, one.headers) for one in again] == [
        (first.key, first.value, first.headers)
    ] * 2
    assert (event_of(first).type, event_of(first).attempt, event_of(first).seq) == ("answer.failed", 1, 2)
    states = [one.header("done-state") for one in await room.records(room.done)]
    assert states == ["started", "finished", "refused"]
    assert terminal_of((await room.records(room.done))[-1]).value == first.value
    assert len(room.answerer.asked) == 1


async def test_an_end_of_a_later_attempt_that_is_refused_keeps_its_attempt_and_number(room):
    refused = b'"type":"answer.completed"'
    room.produce.refuses = lambda out: out.topic == room.reply and refused in out.value
    events = await room.answered("one fall-back two", headers=[("reply-to", room.reply.encode())])
    assert numbers(events) == [("failed", 2, 2)]


async def test_a_worker_lost_between_the_end_and_its_refusal_leaves_one_end(room):
    async with room.worker() as bench:
        record = await room.ask(bench, "one", headers=[("reply-to", room.reply.encode())])
        await bench.committed(1, topic=room.questions)
    room.produce.refuses = lambda out: out.topic == room.reply
    for _ in range(2):
        async with room.worker() as bench:
            bench.deliver_again(record)
            await bench.committed(1, topic=room.questions)
    first, second = await room.records(room.answers)
    assert first.value == second.value
    assert numbers([event_of(first)]) == [("failed", 1, 2)]


# What the log says of a question


async def test_of_attempts_that_were_recorded_out_of_order_the_highest_counts(room):
    log = DoneLog(room.connection, room.done, room.produce, now)
    at = Offset(topic=room.questions, partition=0, offset=0)
    for attempt in (1, 2, 1):
        await log.start(at, attempt)
    assert await log.progress(at, 0) == Started(2)


async def test_of_two_ends_the_first_in_the_log_counts_also_for_who_wrote_the_second(room):
    log, other = (DoneLog(room.connection, room.done, room.produce, now) for _ in range(2))
    at = Offset(topic=room.questions, partition=0, offset=0)
    ours, theirs = (Outgoing(room.answers, b"q-7", value) for value in (b"ours", b"theirs"))
    assert await log.progress(at, 0) == Unseen()
    await other.finish(at, theirs)
    await log.finish(at, ours)
    assert await log.progress(at, 0) == Finished(ours)
    assert await log.reread(at, 0) == Finished(theirs)
    assert await log.progress(at, 0) == Finished(theirs)


async def test_however_many_ends_are_looked_up_at_a_time_a_partition_is_read_by_one_consumer(
    room, monkeypatch
):
    log, other = (DoneLog(room.connection, room.done, room.produce, now) for _ in range(2))
    places = [Offset(topic=room.questions, partition=0, offset=number) for number in range(40)]
    reads, reading, most = 0, 0, 0

    async def counted(*args, **which):
        nonlocal reads, reading, most
        reads, reading = reads + 1, reading + 1
        most = max(most, reading)
        try:
            async for record in stretch(*args, **which):
                yield record
        finally:
            reading -= 1

    async def ended(at):
        for each, who in ((other, b"theirs"), (log, b"ours")):
            await each.finish(at, Outgoing(room.answers, str(at).encode(), who))
        return (await log.reread(at, 0)).terminal.value

    monkeypatch.setattr("streams.kafka.done.stretch", counted)
    given_up = asyncio.create_task(ended(places[0]))
    looked_up = asyncio.gather(*map(ended, places[1:]))
    async with asyncio.timeout(30):
        while not reading:  # noqa: ASYNC110 - what is looked for is inside the log
            await asyncio.sleep(0)
        given_up.cancel()
        assert set(await looked_up) == {b"theirs"}
    assert (most, reads < len(places)) == (1, True)


async def test_an_end_that_was_compacted_away_while_the_log_was_read_is_looked_for_again(room, monkeypatch):
    log = DoneLog(room.connection, room.done, room.produce, now)
    at = Offset(topic=room.questions, partition=0, offset=0)
    old, new = (Outgoing(room.answers, b"q-7", value) for value in (b"old", b"new"))
    await log.finish(at, old)
    there, gone = fetch, []

    async def compacting(connection, place):
        if gone:
            return await there(connection, place)
        gone.append(place)
        await log.refused(at, new)
        return None

    monkeypatch.setattr("streams.kafka.done.fetch", compacting)
    reader = DoneLog(room.connection, room.done, room.produce, now)
    assert await reader.progress(at, 0) == Finished(new, instead=True)
    assert len(gone) == 1


# Invalid questions


async def test_an_invalid_question_is_told_with_the_id_it_names_and_becomes_a_dead_letter(room):
    value = b'{"id": "mine", "tenant": "acme", "text": ""}'
    events = await room.answered(value, headers=[("correlation-id", b"c")])
    assert numbers(events) == [("failed", 1, 0)]
    assert (events[0].code, events[0].question_id, events[0].tenant) == ("invalid_question", "mine", "acme")
    [letter] = [out for out in room.produce.sent if out.topic == "dead"]
    assert (letter.value, dict(letter.headers)["dead-code"]) == (value, b"invalid_question")
    assert room.produce.sent.index(letter) < next(
        index for index, out in enumerate(room.produce.sent) if out.topic == room.done
    )


@pytest.mark.parametrize(
    "value", [b"[", b"{", b'{"id": 7}', b'{"id": "\\ud800"}', b"[" * 100_000, b'{"tenant": "no/ne"}']
)
async def test_an_invalid_question_whose_id_cannot_be_read_is_named_by_its_place(room, value):
    [event] = await room.answered(value)
    assert (event.question_id, event.tenant) == (f"{room.questions}-0-0", "default")


async def test_a_question_for_another_tenant_is_refused_and_no_dead_letter(room):
    [event] = await room.answered(
        "not yours", headers=[("reply-to", room.reply.encode())]
    ) or await room.events(room.reply)
    assert (event.code, event.question_id) == ("refused", "q-7")
    assert not [out for out in room.produce.sent if out.topic == "dead"]


async def test_a_question_that_is_sent_back_is_a_new_one_but_for_its_id(room):
    old = Record(
        room.questions,
        1,
        41,
        1000,
        b"k",
        b'{"text": "one", "deadline_ms": 5000}',
        (("correlation-id", b"c"),),
    )
    letter = dead_letter(
        old, Rejected("x", code="invalid_question"), attempts=1, at=now(), topic="d", max_bytes=9999
    )
    back = replay(Record("d", 0, 0, 0, letter.key, letter.value, letter.headers), topic=room.retry)
    events = await room.answered(back.value, headers=back.headers, key=back.key, topic=room.retry)
    assert {(event.question_id, event.question) for event in events} == {
        (f"{room.questions}-1-41", f"{room.retry}-0-0")
    }
    asked = room.answerer.asked[0][0]
    assert asked.timestamp > 1000
    assert asked.headers == (("correlation-id", b"c"),)
    assert events[-1].type == "answer.completed"


async def test_what_was_not_sent_back_by_us_is_invalid(room):
    [event] = await room.answered("one", topic=room.retry)
    assert event.code == "invalid_question"
    assert event.question == f"{room.retry}-0-0"


# A worker that is lost


async def test_a_question_whose_worker_was_lost_goes_on_at_the_next_attempt(room):
    async with room.worker() as bench:
        record = await room.ask(bench, "one wait two")
        await room.answerer.waits.wait()
    room.answerer.go_on.set()
    async with room.worker() as bench:
        bench.deliver_again(record)
        await bench.committed(1, topic=room.questions)
    events = await room.events()
    assert numbers(events) == [
        ("started", 1, 0), ("delta", 1, 1),
        ("reset", 2, 0), ("delta", 2, 1), ("delta", 2, 2), ("completed", 2, 3),
    ]  # fmt: skip
    assert events[2].reason == "worker_lost"
    assert read(events).text == "one two "
    assert [(attempt, resumed) for _, attempt, resumed in room.answerer.asked] == [(1, False), (2, True)]


async def test_an_end_that_was_decided_is_sent_again_byte_for_byte_and_nothing_is_answered_twice(room):
    async with room.worker() as bench:
        record = await room.ask(bench, "one", headers=[("correlation-id", b"c")])
        await bench.committed(1, topic=room.questions)
    async with room.worker() as bench:
        bench.deliver_again(record)
        await bench.committed(1, topic=room.questions)
    first, second = [one for one in await room.records(room.answers) if b"answer.completed" in one.value]
    assert (first.key, first.value, first.headers) == (second.key, second.value, second.headers)
    assert len(room.answerer.asked) == 1


async def test_an_end_that_was_decided_and_never_sent_is_sent(room):
    room.produce.before[room.answers] = 10**9
    async with tail(room.connection, room.done) as log, room.worker() as bench:
        record = await room.ask(bench, "one", stream=False)
        decided = terminal_of(await anext(log))
    room.produce.before[room.answers] = 0
    assert await room.events() == []
    async with room.worker() as bench:
        bench.deliver_again(record)
        await bench.committed(1, topic=room.questions)
    [sent] = await room.records(room.answers)
    assert (sent.key, sent.value, sent.headers) == (decided.key, decided.value, decided.headers)
    assert event_of(sent).type == "answer.completed"
    assert len(room.answerer.asked) == 1


class Taken:
    """What a worker is told of its place whose question another one has ended; it hears it after `late_s`."""

    def __init__(self, room, *, late_s=0.0):
        self.end = Outgoing(room.answers, b"q-7", b'{"type": "answer.completed", "of": "another worker"}')
        self.log = DoneLog(room.connection, room.done, room.produce, now)
        self.at = Offset(topic=room.questions, partition=0, offset=0)
        self._late_s, self._ended = late_s, False

    async def in_place(self):
        if not self._ended:
            self._ended = True
            await self.log.finish(self.at, self.end)
        await asyncio.sleep(self._late_s)


async def ends_beside(room, taken, text):
    """The ends that are sent by a worker that decides one after the other did, and by the next one."""
    async with room.worker() as bench:
        bench.work.in_place = taken.in_place
        record = await room.ask(bench, text)
        await bench.committed(1, topic=room.questions)
    decided = [one for one in await room.records(room.done) if terminal_of(one) is not None]
    assert len(decided) == 2, "both decided an end"
    async with room.worker() as bench:
        bench.deliver_again(record)
        await bench.committed(1, topic=room.questions)
    values = [record.value for record in await room.records(room.answers)]
    return [value for value in values if b"answer.completed" in value or b"answer.failed" in value]


ENDING = ["one two", "one raise", "not yours"]


@pytest.mark.parametrize("text", ENDING)
async def test_who_goes_on_with_a_question_sends_the_end_that_the_one_before_had_decided_first(
    room, monkeypatch, text
):
    monkeypatch.setattr("streams.agents.answering.DOUBT_S", 1e9)
    taken = Taken(room)
    await taken.log.start(taken.at, 1)
    assert await ends_beside(room, taken, text) == [taken.end.value] * 2


@pytest.mark.parametrize("text", ENDING)
async def test_who_heard_too_long_ago_that_the_question_is_its_own_sends_the_end_that_was_decided_first(
    room, monkeypatch, text
):
    monkeypatch.setattr("streams.agents.answering.DOUBT_S", 0.05)
    taken = Taken(room, late_s=0.1)
    assert await ends_beside(room, taken, text) == [taken.end.value] * 2


async def test_who_has_the_question_alone_for_sure_does_not_read_the_log_again(room, monkeypatch):
    monkeypatch.setattr("streams.agents.answering.DOUBT_S", 1e9)
    reads = []

    def counted(connection, topic, **which):
        reads.append(topic)
        return stretch(connection, topic, **which)

    monkeypatch.setattr("streams.kafka.done.stretch", counted)
    await room.answered("one two")
    assert reads == [room.done]


@pytest.mark.parametrize("topic", ["answers", "done"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_while_kafka_takes_nothing_nothing_is_lost_and_order_is_kept(room, topic, when):
    getattr(room.produce, when)[getattr(room, topic)] = 3
    events = await room.answered("one two three")
    reader = AnswerReader()
    counted = [event for event in events if reader.feed(event)]
    assert numbers(counted) == [(t, 1, n) for n, t in enumerate(["started", *["delta"] * 3, "completed"])]
    assert reader.text == "one two three "


async def test_questions_of_one_conversation_are_answered_one_after_the_other_and_others_beside_them(room):
    async with room.worker() as bench:
        await room.ask(bench, "first wait", key=b"talk")
        await room.answerer.waits.wait()
        await room.ask(bench, "second", key=b"talk")
        await room.ask(bench, "without-a-key wait", key=None)
        await room.ask(bench, "beside", key=None, id="q-8")
        async with asyncio.timeout(10), tail(room.connection, room.answers, beginning=True) as records:
            async for record in records:
                event = answer_event.validate_json(record.value)
                if event.question_id == "q-8" and event.type == "answer.completed":
                    break
        assert [asked.question.text for asked, *_ in room.answerer.asked] == [
            "first wait", "without-a-key wait", "beside"
        ]  # fmt: skip
        room.answerer.go_on.set()
        await bench.committed(4, topic=room.questions)


async def test_tenants_that_use_the_same_key_do_not_wait_for_each_other(room):
    async with room.worker() as bench:
        await room.ask(bench, "first wait", key=b"42", tenant="a")
        await room.answerer.waits.wait()
        await room.ask(bench, "second", key=b"42", tenant="b", id="q-8")
        await ended(room, "q-8")
        assert [asked.tenant for asked, *_ in room.answerer.asked] == ["a", "b"]


async def test_who_comes_behind_too_many_of_a_conversation_is_told_so_at_once(room, monkeypatch):
    line = 3
    monkeypatch.setattr("streams.agents.answering.LONGEST_LINE", line)
    async with room.worker() as bench:
        await room.ask(bench, "first wait", key=b"talk")
        await room.answerer.waits.wait()
        for number in range(line + 1):
            await room.ask(bench, f"{number}", key=b"talk", id=f"q-{number}")
        event = await ended(room, f"q-{line}")
        assert (event.type, event.code, event.retryable) == ("answer.failed", "unavailable", True)
        room.answerer.go_on.set()
        await bench.committed(line + 2, topic=room.questions)
    texts = [asked.question.text for asked, *_ in room.answerer.asked]
    assert texts == ["first wait", *map(str, range(line))]


async def ended(room, name):
    """The terminal event of the question of that id, once it is there."""
    async with asyncio.timeout(10), tail(room.connection, room.answers, beginning=True) as records:
        async for record in records:
            event = answer_event.validate_json(record.value)
            if event.question_id == name and isinstance(event, AnswerCompleted | AnswerFailed):
                return event
    raise AssertionError(name)


# The agent, in a real group


@pytest.mark.timeout(60)
async def test_the_agent_answers_from_the_topic_and_a_second_one_goes_on_where_the_first_ended(room):
    def agent():
        return answering_agent(
            AppConfig(group=f"{room.name}-answer", connection=room.connection),
            topics=[room.questions],
            retry_topic=room.retry,
            answers_topic=room.answers,
            done_topic=room.done,
            decode=decode,
            answerer=room.answerer,
            replies=room.replies,
            canary=lambda: asyncio.sleep(0),
            settings=PumpSettings(dead_topic=room.dead, **{**FAST, "drain_s": 0.2}),
            now=now,
            random=random.random,
        )

    async def asking(text):
        value = json.dumps({"text": text, "deadline_ms": 60_000}).encode()
        return await room.producer.send(Outgoing(room.questions, None, value, partition=1))

    async with tail(room.connection, room.answers) as records:
        first = agent()
        await first.app.start()
        at = await asking("one two")
        assert [event.type async for event in follow(records, at)][-1] == "answer.completed"
        lost = await asking("three wait four")
        await room.answerer.waits.wait()
        await first.pump.quiesce()
        await first.app.stop()
        room.answerer.go_on.set()
        second = agent()
        await second.app.start()
        reader = AnswerReader()
        async for event in follow(records, lost):
            reader.feed(event)
        assert (reader.attempt, reader.text) == (2, "three four ")
        await second.pump.quiesce()
        await second.app.stop()
    assert isinstance(await DoneLog(room.connection, room.done, room.produce, now).progress(at, 0), Finished)
