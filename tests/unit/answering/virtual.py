"""An event loop whose clock jumps to the next thing that is due, so that seconds pass in no time."""

import asyncio
import selectors
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


class _Selector(selectors.SelectSelector):
    def __init__(self):
        super().__init__()
        self.now = 0.0

    def select(self, timeout=None):
        assert timeout is not None, "everything waits for something that nobody will do"
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self):
        return self._clock.now


def monotonic():
    return asyncio.get_running_loop().time()


def now():
    return EPOCH + timedelta(seconds=monotonic())


def run(awaitable):
    """What `awaitable` gives, in virtual time from 0 s on."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_plain(awaitable))


async def _plain(awaitable):
    return await awaitable
