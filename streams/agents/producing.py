"""Producing through a Faust app."""

from __future__ import annotations

from typing import cast

import faust
from faust.exceptions import ProducerSendError

from streams.agents.app import App
from streams.errors import Retryable
from streams.kafka.faults import FAULTS, fault
from streams.messages.records import Outgoing


class Producing:
    """Produces through an app that is started. Gives Kafka's errors by our names."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, outgoing: Outgoing) -> None:
        """Returns once Kafka has the record. Raises `Rejected` (too large), `Retryable`, `Misconfigured`."""
        where = self._app.connection.bootstrap_servers
        headers = cast("list[tuple[str, bytes]]", list(outgoing.headers))  # null values are Kafka's, too
        try:
            await self._app.producer.send_and_wait(
                outgoing.topic, outgoing.key, outgoing.value, outgoing.partition, None, headers
            )
        except FAULTS as error:
            raise fault(where, error) from error
        except ProducerSendError as error:
            raise fault(where, error.__cause__ or error) from error
        except faust.exceptions.NotReady as error:
            raise Retryable("the producer is not started yet: wait", code="kafka_down") from error
