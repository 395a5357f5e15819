"""Whether the worker is ready, and what is not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from streams.agents.lifecycle import Lifecycle
from streams.errors import StreamsError
from streams.worker.agents import Parts
from streams.worker.parts import Role

READY_LIMIT_S = 4.0
"""Less than probes wait, so that they get the reason."""


class Status:
    """What `/readyz` says: each part that is not ready, and why."""

    def __init__(self, roles: Sequence[Role], kafka: Callable[[], str | None]) -> None:
        self._roles, self._kafka = roles, kafka
        self._starting: str | None = "starting"
        self._parts: Parts | None = None
        self._lifecycle: Lifecycle | None = None

    def waits_for(self, problem: str) -> None:
        """The worker can't start yet."""
        self._starting = problem

    def runs(self, parts: Parts, lifecycle: Lifecycle) -> None:
        """The worker's parts are there."""
        self._starting, self._parts, self._lifecycle = None, parts, lifecycle

    async def __call__(self) -> Mapping[str, str | None]:
        """None for each part that is ready."""
        if self._parts is None or self._lifecycle is None:
            return {"worker": self._starting}
        pumps: dict[str, str | None] = {
            role: None if state == "running" else problem or state
            for role, state, problem in zip(
                self._roles, self._lifecycle.states, self._lifecycle.problems, strict=True
            )
        }
        return {"kafka": self._kafka(), "store": await _problem(self._parts.live.ready()), **pumps}


async def _problem(ready: Awaitable[object]) -> str | None:
    try:
        async with asyncio.timeout(READY_LIMIT_S):
            await ready
    except TimeoutError:
        return f"no answer within {READY_LIMIT_S:g} s"
    except StreamsError as error:
        return str(error)
    return None
