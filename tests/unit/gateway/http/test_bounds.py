"""A request that is too slow, or too large, ends; on real sockets."""

import asyncio
import contextlib

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from streams.gateway.http.bounds import Bounds, Framed, Punctual
from streams.gateway.run import Server, config

BODY_S = 0.5


class Hasty(Punctual):
    head_s = 0.3


async def echo(request: Request):
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
async def port():
    async def problem(_request, error):
        return PlainTextResponse("", error.status_code, error.headers)

    app = Starlette(
        routes=[
            Route("/", echo, methods=["GET", "POST"]), Route("/early", early, methods=["POST"]),
            Route("/stream", streamed),
        ],
        exception_handlers={HTTPException: problem},
    )  # fmt: skip
    app.add_middleware(Bounds, max_bytes=1000, timeout_s=BODY_S)
    app.add_middleware(Framed)
    made = config(app)
    made.http = Hasty
    server = Server(made)
    listening = await asyncio.get_running_loop().run_in_executor(None, _listening)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    yield listening.getsockname()[1]
    server.stop()
    await running


def _listening():
    import socket

    return socket.create_server(("127.0.0.1", 0))


async def answer(port, *sent):
    """All that comes back until the other side hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in sent:
            writer.write(piece)
        async with asyncio.timeout(60):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


async def test_a_body_that_comes_in_time_is_read(port):
    assert b"200 OK" in await answer(port, HEAD + b"Content-Length: 3\r\n\r\nabc")


async def test_a_body_that_never_comes_whole_ends_the_request(port):
    assert b"408" in await answer(port, HEAD + b"Content-Length: 100\r\n\r\nabc")


async def test_a_body_that_says_it_is_too_large_is_refused_at_once(port):
    assert b"413" in await answer(port, HEAD + b"Content-Length: 1001\r\n\r\n")


async def test_a_body_that_does_not_say_how_large_it_is_is_refused_where_it_is_too_large(port):
    piece = b"1f4\r\n" + b"x" * 500 + b"\r\n"
    assert b"413" in await answer(
        port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + piece * 3 + b"0\r\n\r\n"
    )


@pytest.mark.parametrize("half", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_who_never_sends_a_whole_head_is_hung_up_on(port, half):
    assert await answer(port, half) == b""


async def test_so_is_who_begins_a_second_request_and_stops(port):
    whole = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    assert (await answer(port, whole + b"GET / HT")).startswith(b"HTTP/1.1 200")


async def early(_request):
    return PlainTextResponse("early")


@pytest.mark.parametrize("rest", [b"", b"a"])
async def test_so_is_who_is_answered_before_the_body_and_never_sends_all_of_it(port, rest):
    head = b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    await reader.readuntil(b"early")
    writer.write(rest)
    async with asyncio.timeout(20):
        assert await reader.read() == b""
    writer.close()


async def test_so_is_who_sends_all_of_it_after_the_answer_and_nothing_more(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n")
    await reader.readuntil(b"early")
    writer.write(b"a")
    async with asyncio.timeout(20):
        assert await reader.read() == b""
    writer.close()


async def test_a_length_that_is_said_in_two_ways_is_refused_and_the_connection_ends(port):
    both = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    said = await answer(port, both + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 400")
    assert said.count(b"HTTP/1.1") == 1


async def streamed(_request):
    async def pieces():
        yield b"begun"
        await asyncio.sleep(2 * BODY_S)
        yield b"and ended"

    return StreamingResponse(pieces())


async def test_a_stream_goes_on_though_a_body_that_nobody_reads_never_comes_whole(port):
    head = b"GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nab"
    said = await answer(port, head)
    assert b"begun" in said
    assert b"and ended" in said


async def test_a_stream_ends_where_such_a_body_is_too_large_and_no_fault_is_logged(port, caplog):
    head = b"GET /stream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    await reader.readuntil(b"begun")
    writer.write((b"1f4\r\n" + b"x" * 500 + b"\r\n") * 3)
    async with asyncio.timeout(20):
        assert b"and ended" not in await reader.read()
    writer.close()
    assert not [record for record in caplog.records if record.exc_info]
