import asyncio
from contextlib import aclosing, asynccontextmanager

import pytest

from streams.answering.answerer import Answerer
from streams.answering.generating.rollout import Rollout
from streams.answering.generating.warming import Warming
from streams.answering.settings import Answering
from streams.errors import Retryable
from streams.ports import ChatChunk
from tests.unit.answering.scripted import Index, Marks, Words, always, asked, hit
from tests.unit.answering.virtual import monotonic, now, run

LOAD_S = {"big": 80.0, "small": 3.0, "new": 60.0}


class Server:
    """A model server as Ollama 0.11.4 is: a load ends with the request that it began for."""

    def __init__(self):
        self.loaded, self.began, self.down = set(), [], False

    def unload(self):
        self.loaded.clear()

    async def load(self, model):
        if self.down:
            raise Retryable("nothing answers", code="unreachable")
        if model not in self.loaded:
            self.began.append(model)
            await asyncio.sleep(LOAD_S[model])
            self.loaded.add(model)

    async def chat(self, request):
        await self.load(request.model)
        await asyncio.sleep(0.2)
        yield ChatChunk("Open the portal [1].")
        yield ChatChunk("", done=True, done_reason="stop", prompt_tokens=100, completion_tokens=5)


class World:
    def __init__(self, *, warms=True, **settings):
        self.server, self.observed = Server(), []
        self.settings = Answering("big", "small", **settings)
        self.warming = None
        if warms:
            self.warming = Warming(
                self.server.load, self.settings.warmed, again_s=30, monotonic=monotonic,
                observe=self.observed.append,
            )  # fmt: skip
        index = Index.of(hit("Open the portal, choose Security and reset your password there."))
        self.answerer = Answerer(
            always(index, Words()), self.server, Marks(), self.settings, now, monotonic, warming=self.warming
        )

    @asynccontextmanager
    async def running(self):
        loading = asyncio.create_task(self.warming.run()) if self.warming else None
        try:
            yield self
        finally:
            if loading:
                loading.cancel()

    async def ask(self, n=0, deadline_ms=30_000):
        question = asked(
            f"How do I reset my portal password {n}?", deadline_ms=deadline_ms, age_s=-monotonic()
        )
        async with aclosing(self.answerer.answer(question)) as events:
            end = [event async for event in events][-1]
        return end.route, end.reason

    async def for_seconds(self, seconds, deadline_ms=30_000):
        """How questions end that come one after the other, one every two seconds or more."""
        until, ends, n = monotonic() + seconds, [], 0
        while monotonic() < until:
            n += 1
            ends.append(await self.ask(n, deadline_ms))
            await asyncio.sleep(2)
        return ends


def test_without_warming_a_model_slow_to_load_never_comes_back():
    async def asking():
        return (await World(warms=False).for_seconds(600))[-1]

    assert run(asking())[0] != "primary"


@pytest.mark.parametrize("deadline_ms", [30_000, 8_000])
def test_a_model_that_is_unloaded_comes_back_however_long_it_loads(deadline_ms):
    async def asking():
        async with World().running() as world:
            await asyncio.sleep(100)
            assert await world.ask(deadline_ms=deadline_ms) == ("primary", None)
            world.server.unload()
            ends = await world.for_seconds(600, deadline_ms)
            return world, ends

    world, ends = run(asking())
    assert ends[-1] == ("primary", None)
    # One wait in vain begins the load; then nobody waits for it, and nobody ends it.
    assert ends[1][0] != "primary"
    assert ends[1][1] in {"circuit_open", "deadline"}
    assert world.server.began.count("big") <= 3


def test_while_the_first_model_loads_the_other_answers_and_nothing_is_asked_of_the_first():
    async def asking():
        async with World().running() as world:
            await asyncio.sleep(10)
            assert world.warming.loading == "big"
            ends = await world.for_seconds(60)
            assert world.server.began == ["small", "big"]
            await asyncio.sleep(20)
            return ends, await world.ask()

    ends, last = run(asking())
    assert set(ends) == {("fallback", "circuit_open")}
    assert last == ("primary", None)


def test_with_one_model_alone_a_question_waits_for_it_to_load():
    async def asking():
        world = World()
        world.settings = Answering("small", "small")
        world.warming = Warming(world.server.load, ("small",), again_s=30, monotonic=monotonic)
        world.answerer = Answerer(
            always(Index.of(hit("Open the portal.")), Words()), world.server, Marks(), world.settings, now,
            monotonic, warming=world.warming,
        )  # fmt: skip
        async with world.running():
            return await world.ask()

    assert run(asking()) == ("primary", None)


def test_an_open_circuit_has_its_trial_only_after_the_model_was_loaded_again():
    async def asking():
        async with World(circuit_failures=1).running() as world:
            await asyncio.sleep(100)
            world.server.unload()
            world.server.down = True
            first = await world.ask()
            ends = await world.for_seconds(120)
            # Nobody was made to wait for a server that is down, or for its load.
            world.server.down = False
            await asyncio.sleep(31 + LOAD_S["small"] + LOAD_S["big"])
            return first, ends, await world.ask()

    first, ends, last = run(asking())
    assert first[1] == "error"
    assert set(ends) == {("extract", "circuit_open")}
    assert last == ("primary", None)


def test_a_model_that_is_rolled_out_is_not_loaded_beside_those_that_answer():
    assert Answering("big", "small", rollout=Rollout("new", 10)).warmed == ("small", "big")


def test_what_does_not_load_is_told_tried_again_and_keeps_no_other_from_loading():
    async def loading():
        tries, told = [], []

        async def warm(model):
            tries.append((model, monotonic()))
            if model == "big" and len(tries) < 4:
                raise Retryable("no room", code="server_failed") if len(tries) < 3 else OSError

        warming = Warming(warm, ("big", "small"), again_s=30, monotonic=monotonic, observe=told.append)
        running = asyncio.create_task(warming.run())
        await warming.tried()
        assert (warming.cold("big"), warming.cold("small")) == (True, False)
        await asyncio.sleep(100)
        running.cancel()
        return tries, [event.labels["outcome"] for event in told], warming.cold("big")

    tries, told, cold = run(loading())
    assert tries == [("big", 0), ("small", 0), ("big", 30), ("big", 60)]
    assert told == ["server_failed", "loaded", "OSError", "loaded"]
    assert not cold
