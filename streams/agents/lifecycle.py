"""Starting and stopping the apps of a worker, inside a program of our own with its own loop and signals."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from streams.agents.app import App
from streams.agents.pump.pump import Pump, State
from streams.errors import Misconfigured, Retryable, StreamsError
from streams.kafka.faults import FAULTS, fault

logger = logging.getLogger(__name__)

START_ENDS_S = 2.0
"""What a start that is cancelled is given to end."""

DONE, FAILED, USAGE, UNREACHABLE = 0, 1, 2, 3
"""Exit codes: stopped as told, crashed, a person must act, a service can't be reached."""


Outdated = Callable[[], Awaitable[None]]
"""Returns when an agent is to make way for a fresh one."""


async def never() -> None:
    """Does not return."""
    await asyncio.Event().wait()


@dataclass(frozen=True, slots=True)
class Agent:
    """An app and the pump that it feeds. A stopped app can't be started again: make a fresh one."""

    app: App
    pump: Pump[Any, Any]
    outdated: Outdated = never


NewAgent = Callable[[], Agent]


@dataclass(frozen=True, slots=True)
class LifecycleSettings:
    """How long, in seconds, to try to start while Kafka is away, between two tries, and to stop."""

    start_limit_s: float = 60.0
    start_again_s: float = 1.0
    stop_limit_s: float = 14.0


class Lifecycle:
    """Runs agents until told to stop, or until one of them crashes."""

    def __init__(self, agents: Sequence[NewAgent], settings: LifecycleSettings | None = None) -> None:
        self._new = agents
        self._settings = settings or LifecycleSettings()
        self._agents: dict[int, Agent] = {}
        self._started: set[int] = set()
        self._stopping = asyncio.Lock()
        self._ending = False

    @property
    def states(self) -> Sequence[State]:
        """The state of each pump, in the order of the agents; ready is where all are `running`."""
        return [
            self._agents[index].pump.state if index in self._started else "starting"
            for index in range(len(self._new))
        ]

    @property
    def problems(self) -> Sequence[str | None]:
        """Why each pump waits, None for those that don't."""
        return [
            self._agents[index].pump.problem if index in self._agents else None
            for index in range(len(self._new))
        ]

    @property
    def pumps(self) -> Sequence[Pump[Any, Any] | None]:
        """The pump of each agent that was started, in the order of the agents."""
        return [
            self._agents[index].pump if index in self._started else None for index in range(len(self._new))
        ]

    async def run(self, stop: asyncio.Event) -> int:
        """Starts all, waits for `stop` or a crash, drains, stops; gives the exit code.

        Afterwards the process must be ended by `os._exit`: Faust's consumer thread is no daemon.
        """
        stopping = asyncio.create_task(stop.wait())
        lives = [asyncio.create_task(self._live(index)) for index in range(len(self._new))]
        try:
            await asyncio.wait({stopping, *lives}, return_when=asyncio.FIRST_COMPLETED)
            failure = _failure(lives)
            await self._start_no_more(lives)
            await self._stop(crashed=failure is not None)
        finally:
            for task in (stopping, *lives):
                task.cancel()
            await asyncio.gather(stopping, *lives, return_exceptions=True)
        return DONE if failure is None else exit_code(failure)

    async def _start_no_more(self, lives: Sequence[asyncio.Task[None]]) -> None:
        """Ends the starts that are under way: an app that is stopped while it starts does not end."""
        starting = [task for index, task in enumerate(lives) if index not in self._started]
        for task in starting:
            task.cancel()
        if starting:
            await asyncio.wait(starting, timeout=START_ENDS_S)

    async def _live(self, index: int) -> None:
        """Starts one agent, and a fresh one where it is outdated; ends by raising what it crashes of."""
        while True:
            await self._start(index)
            self._started.add(index)
            if failure := await _failed(self._agents[index]):
                raise failure
            await self._let_go(index)

    async def _let_go(self, index: int) -> None:
        """Stops one agent for a fresh one, which is not to start any more where the end has come."""
        async with self._stopping:
            self._started.discard(index)
            logger.info("%s begins anew", self._agents[index].app.conf.id)
            await self._stop_one(self._agents[index], crashed=False)
            del self._agents[index]
        if self._ending:
            await never()

    async def _start(self, index: int) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.start_limit_s
        while True:
            agent = self._agents[index] = self._new[index]()
            try:
                return await _started(agent.app)
            except FAULTS as error:
                meant = await _meant(agent.app, error)
                if isinstance(meant, Misconfigured) or loop.time() > deadline:
                    raise meant from error
                logger.warning("%s: trying again", meant)
            await self._abandon(agent.app)
            await asyncio.sleep(self._settings.start_again_s)

    async def _abandon(self, app: App) -> None:
        try:
            async with asyncio.timeout(self._settings.stop_limit_s):
                await app.stop()
        except Exception as error:  # noqa: BLE001 - it never ran: what it says at its end is no news
            logger.debug("an app that did not start did not stop: %r", error)

    async def _stop(self, *, crashed: bool) -> None:
        self._ending = True
        async with self._stopping:
            await asyncio.gather(*(self._stop_one(agent, crashed=crashed) for agent in self._agents.values()))

    async def _stop_one(self, agent: Agent, *, crashed: bool) -> None:
        """Drains first, while a healthy member of the group: stopping in a rebalance leaves at once."""
        app = agent.app
        try:
            async with asyncio.timeout(self._settings.stop_limit_s):
                if not app._crashed.is_set():  # noqa: SLF001
                    await agent.pump.quiesce()
                await app.stop()
        except TimeoutError:
            logger.warning("%s did not stop within %g s", app.conf.id, self._settings.stop_limit_s)
        except Exception:
            # After a crash, stop() may raise the same error again.
            if not crashed:
                logger.exception("%s did not stop cleanly", app.conf.id)


async def _started(app: App) -> None:
    """Returns once it has its partitions, or raises what kept it from starting."""
    failed = asyncio.create_task(app.failed())
    starting = asyncio.create_task(app.start())
    try:
        await asyncio.wait({failed, starting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
        else:
            raise failed.result()
    finally:
        for task in (failed, starting):
            task.cancel()
        await asyncio.gather(failed, starting, return_exceptions=True)


async def _failed(agent: Agent) -> BaseException | None:
    """Why the agent can't go on, or None once it is outdated."""
    failed = asyncio.create_task(agent.app.failed())
    outdated = asyncio.ensure_future(agent.outdated())
    try:
        await asyncio.wait({failed, outdated}, return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            return failed.result()
        return outdated.result()
    finally:
        for task in (failed, outdated):
            task.cancel()
        await asyncio.gather(failed, outdated, return_exceptions=True)


async def _meant(app: App, error: BaseException) -> StreamsError:
    refusal = await app.connection.refusal()
    return refusal or fault(app.connection.bootstrap_servers, error)


def _failure(lives: Sequence[asyncio.Task[None]]) -> BaseException | None:
    failures = (task.exception() for task in lives if task.done() and not task.cancelled())
    return next((failure for failure in failures if failure is not None), None)


def exit_code(failure: BaseException) -> int:
    """The exit code for what stopped the worker; logs why, by name."""
    if isinstance(failure, Misconfigured):
        logger.critical("stopped: %s is not right: %s", failure.setting, failure)
        return USAGE
    if isinstance(failure, Retryable):
        logger.critical("stopped: %s", failure)
        return UNREACHABLE
    logger.critical("stopped by %s", type(failure).__name__, exc_info=failure)
    return FAILED
