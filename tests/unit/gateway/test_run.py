"""What a gateway does before it serves."""

import logging

import pytest

from streams.agents.flood import Flood
from streams.errors import Misconfigured
from streams.gateway import run
from streams.settings import load


@pytest.fixture
def logging_as_it_was():
    """Handlers, level and filters are the process's: they are put back."""
    root = logging.getLogger()
    kept = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = kept
    for name in list(logging.root.manager.loggerDict):
        one = logging.getLogger(name)
        for filter_ in [found for found in one.filters if isinstance(found, Flood)]:
            one.removeFilter(filter_)


@pytest.mark.usefixtures("logging_as_it_was")
def test_what_the_client_of_kafka_says_again_and_again_is_held_back():
    """A topic that was deleted had it write a thousand lines a second."""
    with pytest.raises(Misconfigured, match="STREAMS_API_KEYS_FILE"):
        run.main(load(env_file=None, kafka_bootstrap_servers="127.0.0.1:1"))
    client = logging.getLogger("aiokafka.cluster")
    lines = [
        client.makeRecord(client.name, logging.ERROR, "cluster.py", 1, "not found", (), None)
        for _ in range(9)
    ]
    assert [bool(client.filter(line)) for line in lines] == [True] + 8 * [False]
