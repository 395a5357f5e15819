"""The connectors of a Kafka Connect that write source topics: which of them run.

One that fails is seen by nobody who reads its topic: there are no more changes, as in a quiet table.
Protocol: Kafka Connect's REST interface, `GET /connectors?expand=status`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import httpx

from streams.errors import Misconfigured, Retryable

EVERY_S = 15.0
LIMIT_S = 10.0
SETTING = "STREAMS_CONNECT_URL"
FAILED = "FAILED"

logger = logging.getLogger(__name__)


class Connectors:
    """Asks a Kafka Connect again and again."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        self._transport = transport
        self.failed: Mapping[str, bool] = {}
        """Whether it failed, by the name of each connector, as it was seen last."""
        self.up = True
        """Whether Connect answered when it was asked last; so too before that."""

    async def run(self) -> None:
        """Looks again and again, until it is cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Asks once, and says in the log what turns."""
        try:
            found = await self.problems()
        except (Retryable, Misconfigured) as error:
            if self.up:
                logger.warning("the connectors can't be seen: %s", error)
            self.up = False
            return
        for name, problem in found.items():
            if problem and not self.failed.get(name):
                logger.warning("the connector %s failed: %s", name, problem)
        self.up, self.failed = True, {name: problem is not None for name, problem in found.items()}

    async def problems(self) -> Mapping[str, str | None]:
        """What is wrong with each connector, None with those that run or were stopped on purpose.

        Raises `Retryable` where Connect does not answer, `Misconfigured` where it is no Connect.
        """
        try:
            async with httpx.AsyncClient(timeout=LIMIT_S, transport=self._transport, trust_env=False) as http:
                answer = await http.get(f"{self._url}/connectors", params={"expand": "status"})
                answer.raise_for_status()
                return {name: _problem(one["status"]) for name, one in answer.json().items()}
        except (httpx.HTTPStatusError, httpx.TransportError) as error:
            raise Retryable(
                f"Kafka Connect does not answer at {self._url} ({type(error).__name__}): see its log,"
                f" or {SETTING}",
                code="connect_down",
            ) from None
        except (httpx.InvalidURL, ValueError, KeyError, TypeError, AttributeError):
            raise Misconfigured(
                f"{SETTING} must be the address of a Kafka Connect, http://HOST:8083, not {self._url}",
                setting=SETTING,
            ) from None


def _problem(status: Mapping[str, Any]) -> str | None:
    """The state and the kind of error; not what it says, which may quote a row."""
    parts = {"the connector": status["connector"]}
    parts |= {f"task {task['id']}": task for task in status["tasks"]}
    failed = [f"{name} {_why(part)}" for name, part in parts.items() if part["state"] == FAILED]
    return "; ".join(failed) or None


def _why(part: Mapping[str, Any]) -> str:
    kinds = [line for line in str(part.get("trace", "")).splitlines() if not line.startswith("\t")]
    last = kinds[-1].removeprefix("Caused by: ").split(":")[0] if kinds else "no reason given"
    return f"failed ({last})"
