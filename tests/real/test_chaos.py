"""Workers and the store are killed, frozen, stopped, added and removed under load: nothing is lost or wrong.

In minutes here, with a new seed each time; for longer, or with the seed that a failure printed, by
`make chaos SEED=… MINUTES=…`.
"""

import random

import pytest

from tests.apart import weaviate_settings
from tests.bench.index import stub
from tests.chaos.cluster import Cluster
from tests.chaos.faults import Faults, Strike, plan
from tests.chaos.run import EVERY, Run
from tests.chaos.traffic import Traffic


@pytest.fixture
def seed():
    chosen = random.randrange(10**6)
    print(f"seed {chosen}: make chaos SEED={chosen}")
    return chosen


@pytest.mark.timeout(580)
async def test_whatever_is_killed_or_frozen_the_index_is_a_pure_replay_in_the_end(
    kafka, weaviate_server, tmp_path, seed
):
    strikes = [*plan(seed, EVERY, seconds=20, every_s=(2, 6)), Strike(1, "freeze"), Strike(1, "store")]
    with stub(embed_ms=5) as url:
        cluster = Cluster(tmp_path, kafka, weaviate_settings(weaviate_server), url, seed)
        assert await Run(Traffic(cluster), Faults(cluster, weaviate_server, seed)).through(strikes) == []
    assert {"indexed", "deleted", "ignored", "dead"} <= set(cluster.outcomes())
