import aiohttp
import pytest

from streams.errors import Misconfigured, PromptTooLong, Rejected, Retryable
from streams.ollama.errors import (
    BadRequest,
    BrokenStream,
    Overloaded,
    ServerFailed,
    Timeout,
    TooLarge,
    UnknownModel,
    Unreachable,
    WrongServer,
)
from streams.ollama.faults import of_line, of_reply, of_transport, retry_after


def replied(status: int, text: str | None = None):
    body = b"<html>" if text is None else b'{"error": "%s"}' % text.encode()
    return of_reply(status, {}, body, "host:1", "m")


@pytest.mark.parametrize(
    ("status", "text", "kind", "sort"),
    [
        (503, "server busy, please try again.  maximum pending requests exceeded", Overloaded, Retryable),
        (503, None, Overloaded, Retryable),
        (429, None, Overloaded, Retryable),
        (500, "llama runner process has terminated: exit status 2", ServerFailed, Retryable),
        (502, None, ServerFailed, Retryable),
        (500, "failed to encode response: json: unsupported value: NaN", Rejected, Rejected),
        (404, "model 'm' not found", UnknownModel, Misconfigured),
        (404, 'model "m" not found, try pulling it first'.replace('"', '\\"'), UnknownModel, Misconfigured),
        (404, None, WrongServer, Misconfigured),
        (301, None, WrongServer, Misconfigured),
        (401, None, WrongServer, Misconfigured),
        (400, "input length exceeds maximum context length", PromptTooLong, Rejected),
        (400, "the input length exceeds the context length", PromptTooLong, Rejected),
        (500, "the input length exceeds the context length", PromptTooLong, Rejected),
        (400, "invalid options", BadRequest, Rejected),
        (413, None, TooLarge, Rejected),
        (504, None, Timeout, Retryable),
        (408, None, Timeout, Retryable),
        (524, None, Timeout, Retryable),
    ],
)
def test_each_reply_is_named_by_what_is_done_about_it(status, text, kind, sort):
    error = replied(status, text)
    assert type(error) is kind
    assert isinstance(error, sort)


def test_an_unknown_model_names_the_command_that_pulls_it_and_the_settings():
    error = replied(404, "model 'm' not found")
    assert "rag-streams models pull" in str(error)
    assert "'m'" in str(error)
    assert "STREAMS_EMBED_MODEL" in error.setting


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT", "date": "Fri, 31 Dec 1999 23:59:49 GMT"}, 10.0),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT", "date": "Sat, 01 Jan 2000 00:00:10 GMT"}, 0.0),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(headers, seconds):
    assert retry_after(headers) == seconds
    assert of_reply(503, headers, b"", "h", "m").retry_after == seconds


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (aiohttp.ClientConnectorError(None, OSError("x")), Unreachable),
        (aiohttp.ConnectionTimeoutError("x"), Unreachable),
        (aiohttp.SocketTimeoutError("x"), Timeout),
        (aiohttp.ServerDisconnectedError("x"), BrokenStream),
        (aiohttp.ClientPayloadError("x"), BrokenStream),
        (aiohttp.ClientOSError("x"), BrokenStream),
    ],
)
def test_each_failure_of_the_network_has_its_name(raised, kind):
    assert type(of_transport(raised, "host:1", 3)) is kind


def test_an_error_line_is_named_by_what_it_says():
    assert type(of_line("an error was encountered while running the model", "h", "m")) is BrokenStream
    assert type(of_line("pull model manifest: file does not exist", "h", "m")) is UnknownModel
    assert type(of_line("the input length exceeds the context length", "h", "m")) is PromptTooLong


def test_what_the_server_says_is_quoted_short_and_on_one_line():
    message = str(replied(500, "a" * 5000 + "\\nb"))
    assert len(message) < 300
    assert "\n" not in message
