"""Which connectors of a Kafka Connect are seen to have failed."""

import httpx
import pytest

from streams.errors import Misconfigured, Retryable
from streams.kafka.connectors import Connectors

TRACE = """org.apache.kafka.connect.errors.ConnectException: the row Jane Doe
\tat io.debezium
Caused by: org.postgresql.util.PSQLException: Jane Doe
\tat org"""


def status(connector="RUNNING", task="RUNNING", trace=None):
    one = {"id": 0, "state": task} | ({"trace": trace} if trace else {})
    return {"status": {"name": "cms", "connector": {"state": connector}, "tasks": [one], "type": "source"}}


def connect(said):
    """A Connect that says this: an object, a status, or an error to be raised."""

    def answer(request):
        if isinstance(said[0], Exception):
            raise said[0]
        assert request.url.params["expand"] == "status"
        return httpx.Response(said[0]) if isinstance(said[0], int) else httpx.Response(200, json=said[0])

    return Connectors("http://connect:8083/", httpx.MockTransport(answer))


async def test_a_task_that_failed_is_named_with_the_kind_of_its_error_and_not_what_that_quotes():
    seen = connect([{"cms": status(task="FAILED", trace=TRACE), "crm": status()}])
    assert await seen.problems() == {
        "cms": "task 0 failed (org.postgresql.util.PSQLException)",
        "crm": None,
    }


@pytest.mark.parametrize("state", ["PAUSED", "STOPPED", "UNASSIGNED", "RESTARTING"])
async def test_what_was_stopped_on_purpose_or_is_being_placed_has_not_failed(state):
    assert await connect([{"cms": status(connector=state)}]).problems() == {"cms": None}


async def test_a_failure_is_logged_once_and_ends_when_it_runs_again(caplog):
    said = [{"cms": status(task="FAILED", trace=TRACE)}]
    seen = connect(said)
    await seen.look()
    await seen.look()
    assert seen.failed == {"cms": True}
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "Jane Doe" not in caplog.text
    said[0] = {"cms": status()}
    await seen.look()
    assert seen.failed == {"cms": False}


@pytest.mark.parametrize("fault", [httpx.ConnectError("no"), httpx.ReadTimeout("no"), 500, 404])
async def test_a_connect_that_does_not_answer_is_seen_and_what_was_known_stays(fault):
    said = [{"cms": status()}]
    seen = connect(said)
    await seen.look()
    said[0] = fault
    await seen.look()
    assert not seen.up
    assert seen.failed == {"cms": False}
    with pytest.raises(Retryable, match="STREAMS_CONNECT_URL"):
        await seen.problems()


async def test_what_is_no_connect_is_named_with_its_setting():
    with pytest.raises(Misconfigured, match="STREAMS_CONNECT_URL"):
        await connect([["a list"]]).problems()
