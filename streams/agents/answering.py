"""The answering agent: a record's question to the answerer, its events out, each question to one end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace

from streams.agents.app import AppConfig, attach, create_app
from streams.agents.asking import UNAVAILABLE, Asking, Decode, Failure, Identify, Item, Refused
from streams.agents.conversations import Conversations, Turn
from streams.agents.followed import Followed, Traces
from streams.agents.guarded import Answers, guarded
from streams.agents.lifecycle import Agent
from streams.agents.member import Member
from streams.agents.outlet import Outlet, Replies, outgoing_event
from streams.agents.producing import Producing
from streams.agents.pump.backoff import Backoff, Random
from streams.agents.pump.delivery import Delivery, Produce
from streams.agents.pump.dependency import Canary
from streams.agents.pump.pump import Pump
from streams.agents.pump.work import Ended, Kept, OneByOne, PumpSettings
from streams.errors import Rejected
from streams.kafka.consume import fetch
from streams.kafka.done import DoneLog
from streams.kafka.progress import Finished, Progress, Started
from streams.messages.answers import AnswerCompleted, AnswerFailed, FailureCode, Terminal, answer_event
from streams.messages.headers import Headers, of_use
from streams.messages.identity import identity
from streams.messages.questions import OBJECT_BYTES, Asked
from streams.messages.records import Outgoing, Record
from streams.ports import Now, Observed, Observer, unobserved

logger = logging.getLogger(__name__)

InPlace = Callable[[], Awaitable[None]]
"""Returns while the questions at hand are this worker's alone: see `Pump.in_place`."""

DOUBT_S = 2.0
"""For so long after it was asked for, a place in the group is ours for sure: a session is longer."""
HANDLE_LIMIT_S = 900.0
"""A handler is hung after this: a deadline may be 600 s away, and Kafka a while."""
LONGEST_LINE = 32
"""Questions that may wait for one of their conversation: no talk has more."""
TALKATIVE = Failure(
    "unavailable",
    "too many questions of this conversation wait; ask again when they are answered",
    retryable=True,
)


async def _alone() -> None:
    """Nobody else has the questions."""


class Answering(OneByOne[Item, None]):
    """The work of the answering group: see `streams.agents.pump.work.Work`.

    `in_place` is asked before an attempt begins and before an end is decided: a worker that was frozen past
    its session must do neither beside the one that has its questions by then.
    """

    def __init__(
        self,
        asking: Asking,
        answerer: Answers,
        *,
        done: DoneLog,
        outlet: Outlet,
        now: Now,
        observe: Observer = unobserved,
    ) -> None:
        self._asking, self._answerer, self._done, self._outlet = asking, answerer, done, outlet
        self._now, self._observe = now, observe
        self._conversations = Conversations()
        self.in_place: InPlace = _alone

    def prepare(self, record: Record) -> Sequence[tuple[Hashable, Item]]:
        """The question, in no order: it waits for its turn itself, within its deadline.

        Raises `Rejected`: it is invalid.
        """
        return [(record.at, self._asking.read(record))]

    def keep(self, record: Record, items: Sequence[Item]) -> Kept:
        """Where the record stands, as all that it says is in the question."""
        bare = record.bare(of_use(record.headers))
        return Kept(bare, sum(item.size if isinstance(item, Asked) else OBJECT_BYTES for item in items))

    async def handle(self, item: Item) -> None:
        """Answers a question, or goes on with it, or sends the end again that it came to before.

        Not before those of its conversation that came first, unless there is no time, or no room, to wait.
        """
        if isinstance(item, Refused):
            await self._to_its_end(item, Failure(item.code, item.message))
            return
        with self._conversations.join(item) as turn:
            await self._to_its_end(item, TALKATIVE if turn.behind > LONGEST_LINE else turn)

    async def conclude(self, record: Record, ended: Sequence[Ended[Item, None]]) -> None:
        """Ends a question that became a dead letter: it was invalid, or handling it failed for good."""
        for end in ended:
            if isinstance(end.outcome, Rejected) and end.item is None:
                invalid = self._asking.invalid(record, end.outcome)
                await self._to_its_end(invalid, Failure(invalid.code, invalid.message))
            elif isinstance(end.outcome, Rejected) and end.item is not None:
                await self._to_its_end(end.item, UNAVAILABLE)

    # One question

    async def _to_its_end(self, item: Item, to: Failure | Turn) -> None:
        """What the question comes `to`: a failure, or an answer in its turn."""
        progress = await self._progress(item)
        try:
            if isinstance(progress, Finished):
                self._observe(Observed("answers_sent_again"))
                await self._outlet.deliver(progress.terminal)
            else:
                await self._answer(item, progress, to, await self._outlet.topic(item))
        except Rejected as refusal:
            if isinstance(progress, Finished) and progress.instead:
                raise
            # Its events can't go where they should, or one is too large for its topic.
            code: FailureCode = "refused" if refusal.code == "refused" else "unavailable"
            await self._instead(item, to if isinstance(to, Failure) else Failure(code, str(refusal)))
        self._done.sent(item.at)

    async def _answer(self, item: Item, progress: Progress, to: Failure | Turn, topic: str) -> None:
        if isinstance(to, Failure):
            await self._fail(item, progress, to, topic)
        elif isinstance(item, Asked):
            await self._events(item, progress, to, topic)

    async def _events(self, item: Asked, progress: Progress, turn: Turn, topic: str) -> None:
        begun = 0
        async with aclosing(guarded(self._answerer, item, _next(progress), turn, self._now)) as events:
            async for event in events:
                if isinstance(event, AnswerCompleted | AnswerFailed):
                    await self._end(item, event, topic, resumed=isinstance(progress, Started))
                    return
                if event.attempt > begun:
                    begun = event.attempt
                    await self.in_place()
                    await self._done.start(item.at, begun)
                await self._outlet.deliver(outgoing_event(event, item, topic))

    async def _fail(self, item: Item, progress: Progress, failure: Failure, topic: str) -> None:
        event = failure.event(item, self._now, attempt=_next(progress))
        await self._end(item, event, topic, resumed=isinstance(progress, Started))

    async def _instead(self, item: Item, failure: Failure) -> None:
        """Ends on the topic of all answers a question whose events can't go where they should."""
        progress, topic = await self._progress(item), self._outlet.answers
        if not isinstance(progress, Finished):
            await self._fail(item, progress, failure, topic)
            return
        refused = answer_event.validate_json(progress.terminal.value or b"")
        event = failure.event(item, self._now, attempt=refused.attempt, seq=refused.seq)
        await self._end(item, event, topic, instead=True)

    async def _end(
        self, item: Item, terminal: Terminal, topic: str, *, instead: bool = False, resumed: bool = False
    ) -> None:
        """Decides the question's end, then sends it; `instead` of one that was decided and refused.

        Another worker may have decided one, too, where it had begun before us (`resumed`, and what is decided
        may be refused to both of us), or where others may have the question since we asked for our place:
        then the first one in the log counts.
        """
        _log_suspects(terminal)
        outgoing, asked_at = outgoing_event(terminal, item, topic), asyncio.get_running_loop().time()
        await self.in_place()
        await (self._done.refused if instead else self._done.finish)(item.at, outgoing)
        if instead or resumed or asyncio.get_running_loop().time() - asked_at > DOUBT_S:
            outgoing = await self._first(item, outgoing)
        if isinstance(terminal, AnswerFailed):
            self._observe(Observed("answers_failed", labels={"code": terminal.code}))
        await self._outlet.deliver(outgoing)

    async def _first(self, item: Item, own: Outgoing) -> Outgoing:
        progress = await self._outlet.patiently(lambda: self._done.reread(item.at, item.timestamp))
        return progress.terminal if isinstance(progress, Finished) else own

    async def _progress(self, item: Item) -> Progress:
        return await self._outlet.patiently(lambda: self._done.progress(item.at, item.timestamp))


def _log_suspects(terminal: Terminal) -> None:
    """Says what the guard found, by ids alone."""
    if (found := terminal.guard) is not None:
        logger.warning(
            "the guard: question %s of %s, score %.2f (%s), documents %s, policy %s, dropped %d, stopped %s",
            terminal.question, terminal.tenant, found.score, ", ".join(found.kinds), found.documents,
            found.policy, found.passages_dropped, found.stopped,
        )  # fmt: skip


def _next(progress: Progress) -> int:
    return progress.attempt + 1 if isinstance(progress, Started) else 1


def _says(item: Item | None, _outcome: object) -> Mapping[str, str]:
    """What a question's span says."""
    return {} if item is None else {"tenant": item.tenant, "question.id": item.id}


def _carry(item: Item, headers: Headers) -> Item:
    """The question with these headers, which its events take along."""
    return replace(item, headers=headers)


def answering_agent(
    config: AppConfig,
    *,
    topics: Sequence[str],
    retry_topic: str,
    answers_topic: str,
    done_topic: str,
    decode: Decode,
    answerer: Answers,
    replies: Replies,
    canary: Canary,
    settings: PumpSettings,
    now: Now,
    random: Random,
    identify: Identify = identity,
    observe: Observer = unobserved,
    traces: Traces | None = None,
    apart: Produce | None = None,
) -> Agent:
    """A fresh app, not yet started, that answers what is on the question topics and the retry topic.

    `apart` sends what goes to reply topics, in place of the app's own producer: see `Outlet`.
    `canary` should ask Kafka alone: an answer that fails ends its question, and holds up nothing.
    """
    settings = replace(settings, handle_limit_s=max(settings.handle_limit_s, HANDLE_LIMIT_S))
    app = create_app(config)
    produce, backoff = Producing(app), Backoff(settings.backoff_s, settings.backoff_max_s, random)
    done = DoneLog(config.connection, done_topic, Delivery(produce, backoff), now)
    outlet = Outlet(produce, replies, answers=answers_topic, backoff=backoff, apart=apart)

    async def again(record: Record) -> Record:
        return await outlet.patiently(lambda: fetch(config.connection, record.at)) or record

    work = Answering(
        Asking(decode, retry_topic, identify),
        answerer,
        done=done,
        outlet=outlet,
        now=now,
        observe=observe,
    )
    pump = Pump(
        Member(app),
        Followed(work, traces=traces, says=_says, carry=_carry),
        settings,
        produce=produce,
        canary=canary,
        now=now,
        random=random,
        observe=observe,
        again=again,
        shut=answerer.give_way,
    )

    work.in_place = pump.in_place

    async def forget(*_: object, **__: object) -> None:
        done.forget()

    app.on_partitions_assigned.connect(forget, weak=False)
    attach(app, (*topics, retry_topic), pump)
    return Agent(app, pump)
