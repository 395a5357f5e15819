"""A model that is tried out, through a worker: it answers its share, or beside others, and is compared."""

import asyncio
import json
import os
import subprocess
import sys

import pytest

from streams.answering.generating.rollout import Rollout
from streams.kafka.consume import stretch
from streams.kafka.replies import event_of
from tests.asked import PATIENCE_S, Site
from tests.bench.stub import stub

QUESTIONS = 8
PERCENT = 50.0


@pytest.fixture
def site(kafka, tmp_path):
    with stub(first_ms=20, token_ms=0, tokens=3) as url:
        site = Site(kafka, tmp_path, url)
        site.environ |= {
            "STREAMS_ROLLOUT_MODEL": "stub-next",
            "STREAMS_ROLLOUT_PERCENT": str(PERCENT),
            "STREAMS_SHADOW_MODEL": "stub-shadow",
            "STREAMS_SHADOW_PERCENT": "100",
            "STREAMS_TOPIC_SHADOW": f"{site.name}.shadow",
        }
        asyncio.run(site.create())
        yield site


async def shadowed(site, questions):
    """The shadow's answers by question, once there is one to each of these."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = [event_of(one) async for one in stretch(site.connection, f"{site.name}.shadow")]
            if {one.question for one in found} >= questions:
                return {one.question: one for one in found}
            await asyncio.sleep(0.2)


def report(site, *options):
    return subprocess.run(
        [sys.executable, "-m", "streams", "shadow", "report", *options],
        env=os.environ | site.environ, cwd=site.folder, capture_output=True, text=True, timeout=90,
        check=True,
    ).stdout  # fmt: skip


@pytest.mark.timeout(240)
async def test_a_new_model_answers_its_share_and_another_beside_it_is_compared(site):
    with site.worker() as worker:
        await asyncio.to_thread(worker.ready)
        async with site.asking() as ask:
            await ask(await ask.put(site.changes, "doc"))
            ends = []
            for number in range(QUESTIONS):
                end = await ask(id=f"q-{number}", text="What is said of alpha?")
                # It would give way to the next question.
                await shadowed(site, {end.question})
                ends.append(end)
            nothing = await ask(id="nobody", text="What is said of alpha?", tenant="other")
        shadows = await shadowed(site, {end.question for end in ends})
    assert nothing.abstained
    assert nothing.question not in shadows, "nothing was found that a model could have been asked about"

    rollout = Rollout("stub-next", PERCENT)
    for end in ends:
        taken = rollout.takes(end.question_id)
        assert (end.model, end.route, end.reason) == (
            ("stub-next", "primary", "rollout") if taken else ("stub", "primary", None)
        )
    assert {end.model for end in ends} == {"stub", "stub-next"}

    found = json.loads(await asyncio.to_thread(report, site, "--json"))
    assert found["questions"] == len(shadows) >= QUESTIONS
    assert (found["unmatched"], found["agreement"], found["abstained_alike"]) == (0, 1.0, 1.0)
    assert (found["live"]["models"], found["shadow"]["models"]) == (["stub", "stub-next"], ["stub-shadow"])
    assert found["live"]["abstained"] == found["shadow"]["abstained"] == 0.0
    said = await asyncio.to_thread(report, site)
    assert "abstained" in said
    assert "they favour it" in " ".join(said.split())
