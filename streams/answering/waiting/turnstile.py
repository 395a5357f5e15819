"""So many questions at a time, the tenants in turn; who can't be let in in time is told at once."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from streams.ports import Monotonic

FIRST_GUESS_S = 1.0
"""How long one is taken to stay, before any has left."""
LATEST = 0.2
"""What the last stay counts in the mean of stays."""


class Full(Exception):
    """There is no place for this one in time; `retry_after_s` is when there may be."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"no place within the time that is left; one may be free in {retry_after_s:.0f} s")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A place in a line, until the time by which it must be a place inside (monotonic)."""

    until: float
    free: asyncio.Future[None]

    @property
    def given(self) -> bool:
        """Whether its turn came."""
        return self.free.done() and not self.free.cancelled() and self.free.exception() is None


class Turnstile:
    """Lets in `places` at a time, while `most` wait.

    A free place goes to the tenant that has the fewest in, of these to the one that has waited longest for
    its turn: a tenant that asks a thousand questions delays its own. Within a tenant the first comes first.
    Where no more may wait, the last of the longest line is told so in favour of who comes.
    """

    def __init__(self, places: int, *, most: int, monotonic: Monotonic) -> None:
        self._places, self._most, self._monotonic = places, most, monotonic
        self._inside: Counter[str] = Counter()
        # No line is empty.
        self._waiting: dict[str, deque[Place]] = {}
        # The guess counts as one.
        self._stay_s, self._stays = FIRST_GUESS_S, 1

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    def expected_s(self, tenant: str) -> float:
        """Seconds that one more of this tenant would wait, by the mean of the last stays."""
        if self._inside.total() < self._places and not self._waiting:
            return 0.0
        own = len(self._waiting.get(tenant, ())) + 1
        return self._wait_s(tenant, own, others=own)

    def _wait_s(self, tenant: str, own: int, *, others: int) -> float:
        """That of the `own`-th of its tenant's line, where `others` of each other tenant come before it."""
        before = sum(min(len(line), others) for name, line in self._waiting.items() if name != tenant) + own
        return before * self._stay_s / self._places

    @asynccontextmanager
    async def enter(self, tenant: str, left_s: float) -> AsyncGenerator[None, None]:
        """A place inside. Raises `Full` where none will be free in time, as soon as that is known.

        In time is so that what is left then is as long as others stay: who gets in with less is of no use.
        """
        await self._wait(tenant, left_s)
        began = self._monotonic()
        try:
            yield
        finally:
            self._learn(self._monotonic() - began)
            self._leave(tenant)
            self._refuse()

    def _learn(self, stayed_s: float) -> None:
        """The mean of all stays at first, then of the last ones."""
        self._stays += 1
        self._stay_s += max(LATEST, 1 / self._stays) * (stayed_s - self._stay_s)

    async def _wait(self, tenant: str, left_s: float) -> None:
        expected = self.expected_s(tenant)
        if expected and expected + self._stay_s > left_s:
            raise Full(expected)
        if self.waiting >= self._most:
            self._make_room(tenant)
        place = Place(self._monotonic() + left_s, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(tenant, deque()).append(place)
        try:
            self._let_in()
            async with asyncio.timeout(max(left_s, 0.0)):
                await place.free
        except BaseException as error:
            if place.given:
                self._leave(tenant)
            else:
                self._forget(tenant, place)
            if isinstance(error, TimeoutError):
                raise Full(self.expected_s(tenant)) from None
            raise

    def _make_room(self, tenant: str) -> None:
        """Refuses the last of the longest line. Raises `Full` where that is this tenant's own."""
        longest = max(self._waiting, key=lambda name: len(self._waiting[name]))
        if len(self._waiting.get(tenant, ())) >= len(self._waiting[longest]):
            raise Full(self.expected_s(tenant))
        last = self._waiting[longest].pop()
        if not self._waiting[longest]:
            # Its turn may come before the one that is refused wakes.
            del self._waiting[longest]
        if not last.free.done():
            last.free.set_exception(Full(self.expected_s(longest)))

    def _let_in(self) -> None:
        while self._waiting and self._inside.total() < self._places:
            tenant = min(self._waiting, key=lambda name: self._inside[name])
            line = self._waiting.pop(tenant)
            place = line.popleft()
            if line:
                # Behind the others, which have waited longer for their turn.
                self._waiting[tenant] = line
            if not place.free.done():
                self._inside[tenant] += 1
                place.free.set_result(None)

    def _refuse(self) -> None:
        """Tells those that would come too late, now that it is known better how long one stays."""
        now, at_least = self._monotonic(), self._at_least_s()
        for line in self._waiting.values():
            for place, wait_s in zip(line, at_least, strict=False):
                if wait_s > place.until - now and not place.free.done():
                    place.free.set_exception(Full(wait_s))

    def _at_least_s(self) -> list[float]:
        """Seconds that the first, the second, … of any tenant's line waits at least.

        Before the n-th, n - 1 of each line come in, of the shorter ones all: whichever line is its own.
        """
        lengths = Counter(map(len, self._waiting.values()))
        before, lines, waits = 1, lengths.total(), []
        for own in range(1, max(lengths, default=0) + 1):
            waits.append(before * self._stay_s / self._places)
            before += lines
            lines -= lengths[own]
        return waits

    def _leave(self, tenant: str) -> None:
        self._inside[tenant] -= 1
        if not self._inside[tenant]:
            del self._inside[tenant]
        self._let_in()

    def _forget(self, tenant: str, place: Place) -> None:
        """Who is cancelled leaves its line, unless it was its turn in the meantime."""
        line = self._waiting.get(tenant, deque())
        if place in line:
            line.remove(place)
        if not line:
            self._waiting.pop(tenant, None)
