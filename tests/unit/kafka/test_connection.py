"""Where Kafka is: arguments for clients, and errors that say what to do."""

import asyncio
import ssl

import pytest
from aiokafka import errors
from aiokafka.client import AIOKafkaClient

from streams.errors import Misconfigured, Rejected, Retryable
from streams.kafka.connection import METADATA_S, KafkaConnection, unhurried
from streams.kafka.faults import fault
from tests.unit.answering.virtual import monotonic, run

SECRET = "hunter2-hunter2"


def test_a_password_shows_in_nothing_but_the_arguments():
    connection = KafkaConnection("k:9093", "SASL_PLAINTEXT", "PLAIN", "me", SECRET)
    assert SECRET not in repr(connection)
    assert connection.kwargs()["sasl_plain_password"] == SECRET


def test_without_sasl_nobody_is_named():
    assert "sasl_mechanism" not in KafkaConnection("k:9092").kwargs()


def test_servers_may_be_written_with_spaces():
    connection = KafkaConnection("a:1, [::1]:2")
    assert connection.servers == [("a", 1), ("::1", 2)]
    assert connection.kwargs()["bootstrap_servers"] == ["a:1", "[::1]:2"]


@pytest.mark.parametrize("servers", ["kafka", "kafka:", ":9092", "kafka:port", "a:1,,b:2", ""])
def test_servers_that_are_none_stop_the_program_by_the_name_of_the_setting(servers):
    with pytest.raises(Misconfigured, match="STREAMS_KAFKA_BOOTSTRAP_SERVERS must be HOST:PORT"):
        KafkaConnection(servers).kwargs()


def test_a_ca_file_that_is_none_stops_the_program_by_the_name_of_the_setting(tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    for path in (tmp_path / "ca.pem", tmp_path / "absent.pem"):
        with pytest.raises(Misconfigured, match="STREAMS_KAFKA_SSL_CAFILE"):
            KafkaConnection("k:9093", "SSL", ssl_cafile=str(path)).kwargs()


def test_producers_lose_nothing_and_consumers_see_only_what_is_committed():
    connection = KafkaConnection("k:9092")
    assert connection.producer_kwargs()["acks"] == "all"
    assert connection.producer_kwargs()["enable_idempotence"] is True
    assert connection.consumer_kwargs()["isolation_level"] == "read_committed"
    assert connection.consumer_kwargs()["enable_auto_commit"] is False


def untrusted(code, message):
    """What OpenSSL's binding raises for a certificate."""
    error = ssl.SSLCertVerificationError(SECRET)
    error.verify_code, error.verify_message = code, message
    return error


@pytest.mark.parametrize(
    ("error", "setting"),
    [
        (errors.SaslAuthenticationFailed(SECRET), "STREAMS_KAFKA_SASL_USERNAME"),
        (errors.UnsupportedSaslMechanismError(SECRET), "STREAMS_KAFKA_SASL_MECHANISM"),
        (errors.TopicAuthorizationFailedError(SECRET), "STREAMS_KAFKA_SASL_USERNAME"),
        (untrusted(19, "self-signed certificate in certificate chain"), "STREAMS_KAFKA_SSL_CAFILE"),
        (untrusted(10, "certificate has expired"), "STREAMS_KAFKA_SSL_CAFILE"),
        (untrusted(62, "Hostname mismatch"), "STREAMS_KAFKA_BOOTSTRAP_SERVERS"),
        (ssl.SSLError(SECRET), "STREAMS_KAFKA_SECURITY_PROTOCOL"),
    ],
)
def test_what_waiting_cannot_mend_names_the_setting(error, setting):
    meant = fault("k:9092", error)
    assert isinstance(meant, Misconfigured)
    assert meant.setting == setting
    assert setting in str(meant)
    assert "k:9092" in str(meant)
    assert SECRET not in str(meant)


@pytest.mark.parametrize(
    "error", [errors.KafkaConnectionError(SECRET), ConnectionRefusedError(SECRET), TimeoutError(SECRET)]
)
def test_silence_is_waited_for_and_names_the_address_and_its_setting(error):
    meant = fault("k:9092", error)
    assert isinstance(meant, Retryable)
    assert "k:9092" in str(meant)
    assert "STREAMS_KAFKA_BOOTSTRAP_SERVERS" in str(meant)
    assert SECRET not in str(meant)


def test_a_record_that_is_too_large_for_the_broker_is_refused_for_good():
    meant = fault("k:9092", errors.MessageSizeTooLargeError())
    assert isinstance(meant, Rejected)
    assert meant.code == "too_large"
    assert "STREAMS_TOPIC_MAX_MESSAGE_BYTES" in str(meant)


class Leaderless:
    """A client in whose cluster nobody leads what is asked for; an answer takes a millisecond."""

    def __init__(self):
        self.asked_at = []

    def force_metadata_update(self):
        self.asked_at.append(monotonic())
        return asyncio.ensure_future(asyncio.sleep(0.001, result=True))

    async def close(self):
        pass


def test_who_leads_a_partition_that_nobody_leads_is_asked_now_and_then_and_at_once_the_first_time():
    async def waits(seconds):
        client = Leaderless()
        unhurried(client)
        await asyncio.sleep(1.0)
        while monotonic() < 1.0 + seconds:
            assert await client.force_metadata_update()
        return client.asked_at

    asked_at = run(waits(1.0))
    assert asked_at[0] == 1.0
    assert 1.0 / METADATA_S * 0.9 <= len(asked_at) <= 1.0 / METADATA_S + 1


def test_one_who_gives_up_waiting_for_a_leader_takes_no_other_along():
    async def waited():
        client = Leaderless()
        unhurried(client)
        await client.force_metadata_update()
        waiting = [asyncio.ensure_future(client.force_metadata_update()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        return await asyncio.gather(*waiting[1:]), len(client.asked_at)

    assert run(waited()) == ([True, True], 2)


def test_a_look_for_a_leader_ends_when_its_client_is_closed():
    async def ended(looks, *, wait):
        client = AIOKafkaClient(bootstrap_servers="127.0.0.1:1")
        unhurried(client)
        looking = []
        for _ in range(looks):
            looking.append(client.force_metadata_update())
            await asyncio.sleep(wait)
        await client.close()
        return await asyncio.gather(*looking, client.force_metadata_update())

    for wait in (0.0, METADATA_S / 2, 2 * METADATA_S):
        assert run(ended(3, wait=wait)) == [False] * 4
