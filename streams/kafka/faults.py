"""aiokafka's errors by our names: each says what to do, and none holds a secret."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from aiokafka import errors

from streams.errors import Misconfigured, Rejected, Retryable, StreamsError

ADDRESS = "STREAMS_KAFKA_BOOTSTRAP_SERVERS"
PROTOCOL = "STREAMS_KAFKA_SECURITY_PROTOCOL"
MECHANISM = "STREAMS_KAFKA_SASL_MECHANISM"
USERNAME = "STREAMS_KAFKA_SASL_USERNAME"
CAFILE = "STREAMS_KAFKA_SSL_CAFILE"
MAX_BYTES = "STREAMS_TOPIC_MAX_MESSAGE_BYTES"

FAULTS = (errors.KafkaError, OSError, TimeoutError)
"""What aiokafka's clients raise; anything else is a mistake of ours."""

TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordTooLargeError, errors.RecordListTooLargeError)

FOR_A_PERSON: tuple[tuple[tuple[type[Exception], ...], str, str], ...] = (
    (
        (errors.UnsupportedSaslMechanismError, errors.IllegalSaslStateError),
        MECHANISM,
        f"Kafka at {{where}} does not offer this SASL mechanism: change {MECHANISM}",
    ),
    (
        (errors.SaslAuthenticationFailed, errors.AuthenticationFailedError),
        USERNAME,
        f"Kafka at {{where}} refused the user: check {USERNAME} and STREAMS_KAFKA_SASL_PASSWORD",
    ),
    (
        (
            errors.TopicAuthorizationFailedError,
            errors.GroupAuthorizationFailedError,
            errors.ClusterAuthorizationFailedError,
        ),
        USERNAME,
        f"Kafka at {{where}} does not allow this to the user of {USERNAME} ({{name}}): grant it there",
    ),
    ((ssl.SSLError,), PROTOCOL, f"Kafka at {{where}} does not speak TLS as we do: check {PROTOCOL}"),
)
"""Errors that waiting can't mend: the setting, and what to do about it."""


WAITED_FOR: tuple[tuple[type[Exception], str, str], ...] = (
    (
        errors.UnknownTopicOrPartitionError,
        "topic_missing",
        "a topic or partition is missing in Kafka at {where}: see `rag-streams topics check`",
    ),
    (
        errors.BrokerResponseError,
        "kafka_down",
        "Kafka at {where} could not do this ({name}): try again; if it stays so, see the broker's log",
    ),
    (
        errors.NodeNotReadyError,
        "kafka_down",
        f"Kafka at {{where}} refers to a broker that is away ({{name}}): start it, or check {ADDRESS}",
    ),
)
"""Errors that are over by themselves once somebody has mended Kafka: the code, and what to do about it."""


CERTIFICATES: Mapping[int, tuple[str, str]] = {
    10: (CAFILE, f"give the broker a new one; {CAFILE} can stay"),
    62: (ADDRESS, f"name the broker in {ADDRESS} as its certificate does"),
    64: (ADDRESS, f"name the broker in {ADDRESS} as its certificate does"),
}
"""By OpenSSL's verification codes (X509_V_ERR_CERT_HAS_EXPIRED, _HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH)."""


def _certificate(where: str, error: ssl.SSLCertVerificationError) -> Misconfigured:
    setting, remedy = CERTIFICATES.get(error.verify_code, (CAFILE, f"let {CAFILE} name its CA's"))
    why = error.verify_message
    return Misconfigured(
        f"the certificate of Kafka at {where} is not trusted ({why}): {remedy}", setting=setting
    )


def fault(where: str, error: BaseException) -> StreamsError:
    """What an error of aiokafka means; `where` is the address of the Kafka that it is about."""
    name = type(error).__name__
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(where, error)
    for types, setting, text in FOR_A_PERSON:
        if isinstance(error, types):
            return Misconfigured(text.format(where=where, name=name), setting=setting)
    if isinstance(error, TOO_LARGE):
        return Rejected(
            f"the record is larger than Kafka at {where} takes: make it smaller, or raise {MAX_BYTES}"
            " and the topic's max.message.bytes",
            code="too_large",
        )
    for kind, code, text in WAITED_FOR:
        if isinstance(error, kind):
            return Retryable(text.format(where=where, name=name), code=code)
    return Retryable(
        f"Kafka cannot be reached at {where} ({name}): start it, or check {ADDRESS} and {PROTOCOL}",
        code="kafka_down",
    )


def silent(where: str) -> Retryable:
    """What is wrong with a Kafka that was waited for long enough."""
    return Retryable(
        f"Kafka at {where} does not answer: check that it runs, {ADDRESS} and {PROTOCOL}", code="kafka_down"
    )
