"""The Faust app's settings: those that lose nothing, and the security of the connection."""

from __future__ import annotations

import os
import tempfile
from types import SimpleNamespace

import pytest
from aiokafka import errors
from faust.exceptions import ProducerSendError

from streams.agents.app import AppConfig, create_app
from streams.agents.producing import Producing
from streams.agents.transport import MAX_FETCH_BYTES
from streams.errors import Misconfigured, Rejected, Retryable
from streams.kafka.connection import KafkaConnection
from streams.messages.records import Outgoing

SECURE = KafkaConnection(
    "one:9093,two:9093",
    security_protocol="SASL_PLAINTEXT",
    sasl_mechanism="SCRAM-SHA-512",
    sasl_username="worker",
    sasl_password="secret",
)


def app_of(connection=None, **config):
    return create_app(AppConfig("docs-index", connection or KafkaConnection("one:9092"), **config))


def test_a_folder_for_temporary_files_that_cant_be_made_is_named_and_not_taken_for_kafka(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / f"rag-streams-{os.getuid()}-docs-index").touch()
    with pytest.raises(Misconfigured, match=f"TMPDIR.*{tmp_path}"):
        app_of()


async def made(app):
    consumer = app.consumer._new_consumer_thread()._create_worker_consumer(app.transport)
    producer = app.producer._new_producer()
    return consumer, producer


async def test_the_consumer_reads_committed_records_of_its_group_and_commits_nothing_by_itself():
    consumer, _ = await made(app_of())
    assert consumer._isolation_level == "read_committed"
    assert consumer._group_id == "docs-index"
    assert consumer._enable_auto_commit is False
    assert consumer._auto_offset_reset == "earliest"


async def test_what_one_fetch_may_hold_is_bounded():
    consumer, _ = await made(app_of())
    assert consumer._fetch_max_bytes == MAX_FETCH_BYTES
    assert consumer._max_partition_fetch_bytes == 512 * 1024
    assert consumer._max_poll_records == 500


async def test_both_clients_connect_as_the_settings_say():
    for client in await made(app_of(SECURE)):
        inner = getattr(client, "client", None) or client._client
        assert inner._bootstrap_servers == ["one:9093", "two:9093"]
        assert inner._security_protocol == "SASL_PLAINTEXT"
        assert inner._sasl_mechanism == "SCRAM-SHA-512"
        assert (inner._sasl_plain_username, inner._sasl_plain_password) == ("worker", "secret")


async def test_the_embedded_broker_has_its_own_session_and_one_record_a_batch():
    app = app_of(KafkaConnection("one:9092", embedded=True))
    consumer, producer = await made(app)
    assert consumer._session_timeout_ms == 6000
    assert producer._message_accumulator._batch_size == 1


async def test_the_producer_waits_for_all_replicas_and_takes_the_largest_record():
    _, producer = await made(app_of(max_message_bytes=9_000_000))
    assert producer._sender._acks == -1
    assert producer._max_request_size == 9_000_000


def test_no_port_is_opened_and_no_topic_is_made():
    conf = app_of().conf
    assert (conf.web_enabled, conf.topic_allow_declare, conf.topic_disable_leader) == (False, False, True)


async def test_a_worker_keeps_its_place_however_long_it_waits():
    consumer, _ = await made(app_of())
    assert consumer._max_poll_interval_ms > 20 * 24 * 3600 * 1000


@pytest.mark.parametrize(
    ("error", "meant"),
    [
        (ProducerSendError("x"), Retryable),
        (errors.MessageSizeTooLargeError("x"), Rejected),
        (errors.TopicAuthorizationFailedError("x"), Misconfigured),
        (errors.KafkaTimeoutError("x"), Retryable),
        (OSError("x"), Retryable),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
async def test_what_kafka_says_to_a_record_has_our_names(error, meant, wrapped):
    async def send_and_wait(*_):
        if not wrapped:
            raise error
        raise ProducerSendError("Error while sending") from error

    app = SimpleNamespace(
        connection=KafkaConnection("one:9092"), producer=SimpleNamespace(send_and_wait=send_and_wait)
    )
    with pytest.raises(meant):
        await Producing(app)(Outgoing("t", b"k", b"v"))


async def test_a_producer_that_is_not_started_yet_is_waited_for():
    with pytest.raises(Retryable):
        await Producing(app_of())(Outgoing("t", b"k", b"v"))
