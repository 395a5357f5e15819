"""The log while Kafka is away."""

from __future__ import annotations

import logging

import pytest

from streams.agents.flood import dam


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def noisy(caplog):
    logger = logging.getLogger("aiokafka.some.client")
    caplog.set_level(logging.INFO, logger.name)
    clock = Clock()
    flood = dam(clock)
    yield logger, clock, caplog
    for name in list(logging.root.manager.loggerDict):
        logging.getLogger(name).removeFilter(flood)


def test_the_same_error_is_written_once_every_half_minute_with_how_often_it_came(noisy):
    logger, clock, caplog = noisy
    for second in range(61):
        clock.now = float(second)
        logger.error("unable to connect to %s", second)
    assert [record.getMessage() for record in caplog.records] == [
        "unable to connect to 0",
        "unable to connect to 30 (and 29 more like it)",
        "unable to connect to 60 (and 29 more like it)",
    ]


def test_other_messages_and_information_go_through(noisy):
    logger, _, caplog = noisy
    for _ in range(2):
        logger.info("joined")
        logger.error("one")
        logger.error("another")
    assert [record.getMessage() for record in caplog.records] == ["joined", "one", "another", "joined"]
