"""An index is one Kafka cluster's: another's workers replace its documents, and who may read them."""

import pytest

from streams import settings as configuration
from streams.errors import Misconfigured, Rejected
from streams.ports import Generation, Generations
from streams.stores.sqlite import open_sqlite_index
from streams.worker import owner
from streams.worker.generations import agreed
from tests.unit.indexing.stepping import Clock
from tests.unit.worker.test_generations import Following, Index

MADE = Generations(Generation("model-a", 3, "c1"))


def settings(**given):
    return configuration.load(env_file=None, **given)


@pytest.fixture
async def index(tmp_path):
    index = await open_sqlite_index(tmp_path / "index.db")
    await index.replace_generations(None, MADE)
    yield index
    await index.close()


@pytest.fixture
def told(monkeypatch):
    """Has Kafka tell this id: which cluster it is, no settings say."""

    def told(kafka):
        async def identity(_connection):
            return kafka

        monkeypatch.setattr(owner.cluster, "identity", identity)

    return told


async def test_whoever_comes_first_owns_an_index_that_is_nobodys(index):
    await owner.own(index, settings(), "production")
    await owner.own(index, settings(), "production")
    assert (await index.generations()).kafka == "production"
    with pytest.raises(Misconfigured, match=r"that of the Kafka cluster production, .* which is staging"):
        await owner.own(index, settings(), "staging")
    assert (await index.generations()).kafka == "production"


@pytest.mark.parametrize(("store", "setting"), [("weaviate", "INDEX_NAME"), ("sqlite", "SQLITE_PATH")])
def test_who_is_refused_is_told_both_ways_out(store, setting):
    record = Generations(MADE.live, kafka="production")
    with pytest.raises(Misconfigured, match=f"by STREAMS_{setting}; or, .*--take-over") as refused:
        owner.check_owner(record, "staging", settings(store=store))
    assert refused.value.setting == f"STREAMS_{setting}"


async def test_a_new_index_is_its_makers_from_its_first_record_on():
    class Embedder:
        window = 256

    async def embedder():
        return Embedder()

    index = Index(None)
    made = await agreed(index, settings(), embedder, "production")
    assert made.kafka == index.record.kafka == "production"


async def test_a_kafka_that_tells_no_id_is_let_pass_and_owns_nothing(index):
    await owner.own(index, settings(), None)
    assert (await index.generations()).kafka is None
    await owner.own(index, settings(), "production")
    await owner.own(index, settings(), None)
    assert (await index.generations()).kafka == "production"


async def test_the_embedded_broker_owns_nothing_and_is_refused_where_another_does(index):
    embedded = settings(kafka_provider="embedded")
    await owner.own(index, embedded, await owner.owner_of(embedded))
    assert (await index.generations()).kafka is None
    await owner.own(index, settings(), "production")
    with pytest.raises(Misconfigured, match="the embedded broker"):
        await owner.own(index, embedded, await owner.owner_of(embedded))


async def test_an_index_is_taken_over_on_demand(index, told):
    await owner.own(index, settings(), "production")
    told("rebuilt")
    with pytest.raises(Misconfigured):
        await owner.refuse_others(index, settings())
    assert (await owner.take_over(index, settings())).kafka == "rebuilt"
    await owner.refuse_others(index, settings())
    await owner.take_over(index, settings())
    await owner.own(index, settings(), "rebuilt")


async def test_where_there_is_no_index_there_is_nothing_to_take_over(tmp_path, told):
    told("production")
    index = await open_sqlite_index(tmp_path / "none.db")
    await owner.refuse_others(index, settings())
    with pytest.raises(Rejected, match="no index yet"):
        await owner.take_over(index, settings())
    await index.close()


async def test_workers_that_run_take_another_owner_for_no_change_of_generations():
    clock, seen = Clock(), []
    index = Index(MADE)
    follow = Following(index, now=clock.now, monotonic=clock.monotonic, max_age_s=-1, observe=seen.append)
    await follow()
    index.record = Generations(MADE.live, kafka="production")
    assert (await follow()).record.kafka == "production"
    assert seen == []


def test_each_deployment_names_its_index():
    assert settings().index_name == "Streams"
    assert settings(index_name="Staging2").index_name == "Staging2"
    for name in ("staging", "2nd", "Two_parts", "A-b", "A" * 65):
        with pytest.raises(Misconfigured, match="STREAMS_INDEX_NAME"):
            settings(index_name=name)
