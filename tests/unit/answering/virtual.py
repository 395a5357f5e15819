"""An event loop whose clock jumps to the next thing that is due, so that seconds pass in no time."""

import asyncio
import selectors
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


class _Selector(selectors.SelectSelector):
    def __init__(self, step_s):
        super().__init__()
        self.now, self.step_s = 0.0, step_s

    def select(self, timeout=None):
        assert timeout is not None, "everything waits for something that nobody will do"
        self.now += max(0.0, timeout) + self.step_s
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, step_s=0.0):
        self._clock = _Selector(step_s)
        super().__init__(self._clock)

    def time(self):
        return self._clock.now


def monotonic():
    return asyncio.get_running_loop().time()


def now():
    return EPOCH + timedelta(seconds=monotonic())


def run(awaitable, *, step_s=0.0):
    """What `awaitable` gives, in virtual time from 0 s on; each turn of the loop takes `step_s`."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(step_s)) as runner:
        return runner.run(_plain(awaitable))


async def _plain(awaitable):
    return await awaitable
