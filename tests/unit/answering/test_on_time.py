"""What takes long, but fails nothing, costs no question its deadline."""

import asyncio

import pytest

from streams.answering.retrieval.reads import Reading
from streams.ports import Serving
from tests.unit.answering.scripted import Index, Script, Words, asked
from tests.unit.answering.test_answerer import RESET, World, check_stream
from tests.unit.answering.virtual import monotonic, run

FRENCH = "Comment réinitialiser mon mot de passe ?"


class Slow(Words):
    """Takes as long for each text that it is shown, to learn what it reads; questions are at once."""

    takes_s = 0.35

    async def embed_query(self, text):
        if text != FRENCH:
            self.faults = [self.takes_s]
        return await super().embed_query(text)


class Forgetful(Index):
    """Takes `takes_s` to say what counts now, once it has told heads and floors for what was found."""

    takes_s, told = 0.0, 0

    async def current_heads(self, document_keys):
        self.told += 1
        if self.told > 2:
            await asyncio.sleep(self.takes_s)
        return await super().current_heads(document_keys)


@pytest.mark.parametrize("deadline_ms", [300, 500, 1000, 3000])
def test_finding_out_whether_the_embedder_reads_the_language_leaves_time_to_answer(deadline_ms):
    embedder, index = Slow(), Index.of(RESET)
    reading = Reading(embedder)

    async def serve():
        return Serving(index, embedder, reading.reads)

    async def asking():
        world = World(index=index, embedder=embedder, serve=serve)
        for _ in range(3):
            began = monotonic()
            end = check_stream(await world.events(asked(FRENCH, age_s=-began, deadline_ms=deadline_ms)))
            assert end["type"] == "answer.completed"
            assert monotonic() - began <= deadline_ms / 1000

    run(asking())


@pytest.mark.parametrize("deadline_ms", [100, 500, 2000])
def test_looking_again_at_what_was_cited_takes_no_longer_than_the_deadline(deadline_ms):
    index = Forgetful.of(RESET)
    index.takes_s = 1.0
    world = World(index=index, models={"big": Script(end="hang"), "small": Script(end="hang")})
    _, end = world.ask(deadline_ms=deadline_ms)
    assert (end["route"], end["outdated"]) == ("extract", None)
    assert world.times[-1] <= deadline_ms / 1000
