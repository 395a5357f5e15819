"""Room for the questions that wait: so many, of so many bytes, none of which keeps another tenant's out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from streams.messages.questions import Asked
from streams.messages.records import Offset


class NoRoom(Exception):
    """There is none for this one: what waits is mostly its own tenant's."""


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    at: Offset
    tenant: str
    size: int
    until: asyncio.Timeout
    """When it has to go: never, unless another needs the room."""


class Room:
    """Room for `most` questions of `most_bytes` together.

    Where it is full, the last of the tenant that has most there goes in favour of who comes. So nobody is
    kept out by what another has waiting, be it many questions or long ones.

    This bounds the memory that waiting takes, whatever is waited for, and each tenant by the others alone.
    How many of the questions may wait for the index is the `Anteroom`'s to say.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._limits = most, most_bytes
        self._count: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._places: dict[str, dict[_Place, None]] = {}
        """By tenant, in the order in which they came. None is empty."""
        self._standing: dict[Offset, _Place] = {}

    @asynccontextmanager
    async def enter(self, asked: Asked) -> AsyncGenerator[None, None]:
        """A place for as long as the block lasts.

        Raises `NoRoom`, at once, or out of the block, as soon as another tenant's question needs the place.
        """
        self._make_room(asked.tenant, asked.size)
        place = _Place(asked.at, asked.tenant, asked.size, asyncio.timeout(None))
        self._add(place)
        try:
            async with place.until:
                yield
        except TimeoutError:
            if not place.until.expired():
                raise
            raise NoRoom from None
        finally:
            self._remove(place)

    def give_way(self, at: Offset) -> None:
        """Has the question that stands there go if it waits, and no other tenant has more that wait."""
        place = self._standing.get(at)
        if place is not None and self._count[place.tenant] == max(self._count.values()):
            self._send_away(place)

    def _make_room(self, tenant: str, size: int) -> None:
        for held, more, most in zip((self._count, self._bytes), (1, size), self._limits, strict=True):
            while held.total() + more > most:
                largest = max(held, key=held.__getitem__, default=tenant)
                if held[tenant] + more > held[largest]:
                    raise NoRoom
                self._send_away(next(reversed(self._places[largest])))

    def _send_away(self, place: _Place) -> None:
        self._remove(place)
        place.until.reschedule(asyncio.get_running_loop().time())

    def _add(self, place: _Place) -> None:
        self._places.setdefault(place.tenant, {})[place] = None
        self._standing[place.at] = place
        self._count[place.tenant] += 1
        self._bytes[place.tenant] += place.size

    def _remove(self, place: _Place) -> None:
        own = self._places.get(place.tenant, {})
        if place not in own:
            return
        del own[place]
        if self._standing.get(place.at) is place:
            del self._standing[place.at]
        self._count[place.tenant] -= 1
        self._bytes[place.tenant] -= place.size
        if not own:
            del self._places[place.tenant], self._count[place.tenant], self._bytes[place.tenant]
