import asyncio
import contextlib
import socket
import time
from base64 import b64decode
from contextlib import aclosing

import pytest

from streams.errors import Misconfigured, TooMuch
from streams.ollama.client import OllamaClient, OllamaConfig
from streams.ollama.errors import (
    BadRequest,
    BrokenStream,
    Overloaded,
    ServerFailed,
    Timeout,
    UnknownModel,
    Unreachable,
    WrongServer,
)
from streams.ports import ChatMessage, ChatRequest
from tests.unit.ollama.misbehaving import DONE, Misbehaving, Peer, hangs, hangs_up, says, streams, word

REQUEST = ChatRequest(model="m", messages=(ChatMessage("user", "hello"),), stop=("END",), seed=3)
BUSY = {"error": "server busy, please try again.  maximum pending requests exceeded"}


@contextlib.asynccontextmanager
async def talking(*acts, **config):
    async with Misbehaving(list(acts)).running() as server:
        config = {"url": server.url, "backoff_s": 0.001, "read_timeout_s": 5} | config
        async with OllamaClient(OllamaConfig(**config)) as client:
            yield client, server


async def text_of(client: OllamaClient) -> str:
    return "".join([chunk.text async for chunk in client.chat(REQUEST)])


async def test_a_chat_comes_piece_by_piece_and_ends_with_what_was_counted():
    async with talking(streams(word("Hel"), word("lo"), DONE)) as (client, _):
        chunks = [chunk async for chunk in client.chat(REQUEST)]
    assert [chunk.text for chunk in chunks] == ["Hel", "lo", ""]
    last = chunks[-1]
    assert (last.done, last.done_reason, last.prompt_tokens, last.completion_tokens) == (True, "stop", 7, 3)


async def test_a_chat_says_all_that_the_request_says():
    async with talking(streams(DONE), keep_alive="30m") as (client, server):
        await text_of(client)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/api/chat")
    assert request.body == {
        "model": "m",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "keep_alive": "30m",
        "truncate": False,
        "shift": False,
        "think": False,
        "options": {"num_ctx": 8192, "num_predict": 512, "temperature": 0.0, "stop": ["END"], "seed": 3},
    }


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
async def test_a_stream_may_be_cut_anywhere_even_inside_a_character(size):
    data = (
        word("é€").replace(b"\\u00e9\\u20ac", "é€🙂".encode()).replace(b"\n", b"\r\n")
        + b"\r\n\n"
        + DONE.rstrip()
    )
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    async with talking(streams(*pieces)) as (client, _):
        assert await text_of(client) == "é€🙂"


async def test_a_stream_that_stops_without_done_is_broken():
    async with talking(streams(word("Hel"), word("lo"))) as (client, server):
        with pytest.raises(BrokenStream, match="before its end"):
            await text_of(client)
    assert len(server.requests) == 1


async def test_a_connection_cut_in_the_middle_of_a_line_is_broken_not_read_as_a_line():
    async def cut(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await peer.send(b"%x\r\n%s\r\n" % (len(word("a")), word("a")))
        await peer.send(b'ff\r\n{"message":')

    async with talking(cut) as (client, server), aclosing(client.chat(REQUEST)) as chunks:
        assert (await anext(chunks)).text == "a"
        with pytest.raises(BrokenStream):
            await anext(chunks)
    assert len(server.requests) == 1


async def test_an_error_line_inside_a_200_stream_is_an_error():
    async with talking(streams(word("Hel"), b'{"error":"an error was encountered"}\n')) as (client, _):
        with pytest.raises(BrokenStream, match="an error was encountered"):
            await text_of(client)


async def test_text_that_speaks_of_an_error_is_no_error():
    async with talking(streams(word('{"error":"x"}'), DONE)) as (client, _):
        assert await text_of(client) == '{"error":"x"}'


async def test_an_error_line_that_names_a_known_failure_is_that_failure():
    async with talking(streams(b'{"error":"model \'m\' not found"}\n')) as (client, server):
        with pytest.raises(UnknownModel):
            await text_of(client)
    assert len(server.requests) == 1


async def test_a_line_without_end_is_cut_off():
    async def endless(peer: Peer) -> None:
        await peer.head()
        while True:
            await peer.send(b"x" * 65536)

    async with talking(endless, attempts=1, max_line_bytes=100_000) as (client, _):
        with pytest.raises(BrokenStream):
            await text_of(client)


async def test_what_is_no_json_is_a_broken_stream_that_names_the_setting():
    async with talking(streams(b"<html>welcome</html>\n")) as (client, _):
        with pytest.raises(BrokenStream, match="STREAMS_OLLAMA_URL"):
            await text_of(client)


@pytest.mark.parametrize("first", [hangs_up, says(BUSY, 503), says({}, 429), streams()])
async def test_a_chat_is_tried_again_where_nothing_was_seen_of_it(first):
    async with talking(first, first, streams(word("ok"), DONE)) as (client, server):
        assert await text_of(client) == "ok"
    assert len(server.requests) == 3


async def test_a_chat_is_not_tried_again_once_it_began():
    async with talking(streams(word("Hel")), streams(word("again"), DONE)) as (client, server):
        with pytest.raises(BrokenStream):
            await text_of(client)
    assert len(server.requests) == 1


async def test_a_chat_that_takes_too_long_is_not_asked_for_twice():
    async with talking(hangs, read_timeout_s=0.1) as (client, server):
        with pytest.raises(Timeout):
            await text_of(client)
    assert len(server.requests) == 1


async def test_a_stall_in_the_middle_is_a_timeout():
    async def stalls(peer: Peer) -> None:
        await peer.head()
        await peer.send(word("Hel"))
        await peer.gone()

    async with talking(stalls, read_timeout_s=0.1) as (client, _):
        with pytest.raises(Timeout):
            await text_of(client)


@pytest.mark.parametrize(
    ("act", "error", "tries"),
    [
        (says(BUSY, 503), Overloaded, 3),
        (says({"error": "runner died"}, 500), ServerFailed, 3),
        (hangs_up, BrokenStream, 3),
        (hangs, Timeout, 1),
        (says({"error": "model 'm' not found"}, 404), UnknownModel, 1),
        (says({"error": "no"}, 400), BadRequest, 1),
        (streams(b"<html>"), BrokenStream, 1),
        (says({}, 302, Location="http://other/"), WrongServer, 1),
    ],
)
async def test_embedding_is_tried_as_often_as_it_can_help(act, error, tries):
    async with talking(act, read_timeout_s=0.1) as (client, server):
        with pytest.raises(error):
            await client.embed("m", ["text"])
    assert len(server.requests) == tries


@pytest.mark.parametrize("act", [hangs, says({"error": "too large"}, 413), says({}, 504)])
async def test_several_texts_that_are_too_many_at_once_are_told_as_such_and_not_asked_for_again(act):
    async with talking(act, read_timeout_s=0.1) as (client, server):
        with pytest.raises(TooMuch):
            await client.embed("m", ["one", "two"])
    assert len(server.requests) == 1


async def test_slow_headers_are_a_timeout():
    async def dawdles(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 200 OK\r\n")
        await peer.gone()

    async with talking(dawdles, read_timeout_s=0.1, attempts=1) as (client, _):
        with pytest.raises(Timeout):
            await client.version()


async def test_nobody_there_is_unreachable_and_says_where():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with OllamaClient(OllamaConfig(f"http://127.0.0.1:{port}", backoff_s=0.001)) as client:
            with pytest.raises(Unreachable, match=f"127.0.0.1:{port}"):
                await client.version()
            assert await client.health() is False


async def test_retry_after_is_honoured():
    async with talking(says(BUSY, 503, Retry_After="1"), says({"version": "1"})) as (client, _):
        began = time.monotonic()
        assert await client.version() == "1"
        assert time.monotonic() - began >= 1.0


async def test_retry_after_is_honoured_only_so_far():
    async with talking(
        says(BUSY, 503, Retry_After="3600"), says({"version": "1"}), retry_after_max_s=0.01
    ) as (
        client,
        _,
    ):
        assert await asyncio.wait_for(client.version(), 2) == "1"


async def test_closing_a_chat_early_reaches_the_server():
    noticed = asyncio.Event()

    async def writes(peer: Peer) -> None:
        await peer.head()
        await peer.send(word("Hel"))
        await peer.gone()
        noticed.set()

    async with talking(writes) as (client, _):
        async with aclosing(client.chat(REQUEST)) as chunks:
            assert (await anext(chunks)).text == "Hel"
            assert not noticed.is_set()
        await asyncio.wait_for(noticed.wait(), 2)


async def test_cancelling_while_the_first_token_is_awaited_reaches_the_server():
    asked, noticed = asyncio.Event(), asyncio.Event()

    async def thinks(peer: Peer) -> None:
        asked.set()
        await peer.gone()
        noticed.set()

    async with talking(thinks) as (client, _):
        task = asyncio.create_task(text_of(client))
        await asyncio.wait_for(asked.wait(), 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(noticed.wait(), 2)


async def test_a_connection_is_used_again_after_a_chat_was_read_to_its_done_line():
    connections = []

    async def serve(reader, writer):
        connections.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
                line = word("Hello") + DONE
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                writer.write(b"%x\r\n%s\r\n" % (len(line), line))
                await writer.drain()
                # As a server does: the end is no part of what held the last line.
                await asyncio.sleep(0)
                writer.write(b"0\r\n\r\n")

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with OllamaClient(OllamaConfig(url)) as client:
            for _ in range(3):
                async with aclosing(client.chat(REQUEST)) as chunks:
                    async for chunk in chunks:
                        if chunk.done:
                            break
        for writer in connections:
            writer.close()
    assert len(connections) == 1


async def test_no_more_connections_than_allowed_are_open():
    open_now, most = 0, 0

    async def slowly(peer: Peer) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0.02)
        await says({"version": "1"})(peer)
        open_now -= 1

    async with talking(slowly, connections=2) as (client, _):
        await asyncio.gather(*(client.version() for _ in range(8)))
    assert most == 2


async def test_who_waits_too_long_for_a_connection_is_told_that_all_are_busy():
    loading = asyncio.Event()

    async def loads(peer: Peer) -> None:
        loading.set()
        await peer.gone()

    async with talking(loads, connections=1, read_timeout_s=0.1, attempts=1) as (client, server):
        task = asyncio.create_task(client.warm_up("m"))
        await asyncio.wait_for(loading.wait(), 2)
        with pytest.raises(Timeout, match="busy"):
            await client.version()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(server.requests) == 1


@pytest.mark.filterwarnings("ignore:Sending a large body")
async def test_a_server_that_takes_no_more_of_a_request_is_not_waited_for_for_ever():
    over = asyncio.Event()

    async def takes_little(_reader, writer):
        await over.wait()
        writer.close()

    async with await asyncio.start_server(takes_little, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        config = OllamaConfig(url, connect_timeout_s=2.0, read_timeout_s=0.1, attempts=1)
        async with OllamaClient(config) as client:
            with pytest.raises(Timeout):
                await asyncio.wait_for(client.embed("m", ["x" * (32 << 20)]), 20)
        over.set()


async def test_the_environments_proxy_is_used_but_where_it_says_not(monkeypatch):
    elsewhere = "http://ollama.invalid:11434"
    async with Misbehaving([says({"version": "1"})]).running() as proxy:
        for name in ("http_proxy", "no_proxy", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.setenv("http_proxy", proxy.url)
        async with OllamaClient(OllamaConfig(elsewhere)) as client:
            assert await client.version() == "1"
        monkeypatch.setenv("no_proxy", "ollama.invalid")
        async with OllamaClient(OllamaConfig(elsewhere, attempts=1)) as client:
            with pytest.raises(Unreachable):
                await client.version()
    assert [request.path for request in proxy.requests] == [f"{elsewhere}/api/version"]


@pytest.mark.parametrize("named", ["ollama.invalid", "ollama.invalid:11434", ".invalid", "*"])
async def test_no_proxy_is_used_where_the_environment_says_so_by_whatever_name(monkeypatch, named):
    async with Misbehaving([says({"version": "1"})]).running() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", named)
        async with OllamaClient(OllamaConfig("http://ollama.invalid:11434", attempts=1)) as client:
            with pytest.raises(Unreachable):
                await client.version()
    assert proxy.requests == []


async def test_a_proxy_that_is_none_for_http_is_refused_by_its_kind_alone(monkeypatch):
    monkeypatch.delenv("http_proxy", raising=False)
    monkeypatch.setenv("all_proxy", "socks5://me:secret@127.0.0.1:9")
    with pytest.raises(Misconfigured, match="socks5") as refused:
        OllamaClient(OllamaConfig("http://ollama.invalid:11434"))
    assert "secret" not in str(refused.value)


async def test_this_machines_own_server_is_not_asked_for_by_a_proxy(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with talking(says({"version": "1"})) as (client, _):
        assert await client.version() == "1"


async def test_a_whole_reply_is_one_done_chunk():
    reply = {
        "message": {"role": "assistant", "content": "Hi."},
        "done": True,
        "done_reason": "stop",
        "eval_count": 2,
    }
    async with talking(says(reply)) as (client, server):
        chunk = await client.chat_once(REQUEST)
    assert (chunk.text, chunk.done, chunk.completion_tokens) == ("Hi.", True, 2)
    assert server.requests[0].body["stream"] is False


async def test_embedding_never_truncates_unless_asked():
    async with talking(says({"embeddings": [[1, 2], [3, 4]]})) as (client, server):
        assert await client.embed("m", ["a", "b"], num_ctx=512) == [[1.0, 2.0], [3.0, 4.0]]
    assert server.requests[0].body == {
        "model": "m",
        "input": ["a", "b"],
        "truncate": False,
        "options": {"num_ctx": 512},
    }


async def test_fewer_vectors_than_texts_are_not_passed_on():
    async with talking(says({"embeddings": [[1, 2]]})) as (client, _):
        with pytest.raises(BrokenStream, match="1 vectors for 2 texts"):
            await client.embed("m", ["a", "b"])


async def test_show_tells_the_window_of_the_models_own_architecture():
    info = {
        "model_info": {
            "general.architecture": "nomic-bert",
            "nomic-bert.context_length": 2048,
            "nomic-bert.embedding_length": 768,
            "vision.context_length": 5,
        },
        "parameters": 'stop     "x"\nnum_ctx                        8192',
        "capabilities": ["embedding"],
    }
    async with talking(says(info)) as (client, _):
        shown = await client.show("m")
    assert (shown.context_length, shown.embedding_length, shown.num_ctx) == (2048, 768, 8192)
    assert shown.capabilities == ("embedding",)


async def test_a_pull_reports_until_success():
    lines = [
        b'{"status":"pulling manifest"}\n',
        b'{"status":"pulling 8934","digest":"sha256:8934","total":100,"completed":40}\n',
        b'{"status":"success"}\n',
    ]
    async with talking(streams(*lines)) as (client, _):
        steps = [step async for step in client.pull("m")]
    assert [step.status for step in steps] == ["pulling manifest", "pulling 8934", "success"]
    assert (steps[1].total, steps[1].completed) == (100, 40)


async def test_a_pull_that_stops_early_is_broken_and_one_of_nothing_is_unknown():
    async with talking(streams(b'{"status":"pulling manifest"}\n')) as (client, _):
        with pytest.raises(BrokenStream, match="pull again"):
            [step async for step in client.pull("m")]
    gone = b'{"error":"pull model manifest: file does not exist"}\n'
    async with talking(streams(b'{"status":"pulling manifest"}\n', gone)) as (client, _):
        with pytest.raises(UnknownModel):
            [step async for step in client.pull("nonesuch")]


async def test_warming_up_loads_with_the_context_of_later():
    async with talking(says({"done": True, "done_reason": "load"}), keep_alive="-1") as (client, server):
        await client.warm_up("m", 4096)
    (request,) = server.requests
    assert request.path == "/api/generate"
    assert request.body == {"model": "m", "options": {"num_ctx": 4096}, "keep_alive": "-1", "stream": False}


async def test_a_password_in_the_address_is_used_and_never_shown():
    async with Misbehaving([says({}, 401)]).running() as server:
        url = server.url.replace("//", "//bob:hunter2%E2%82%AC@")
        async with OllamaClient(OllamaConfig(url)) as client:
            with pytest.raises(WrongServer) as raised:
                await client.version()
    told = server.requests[0].headers["authorization"].removeprefix("Basic ")
    assert b64decode(told).decode() == "bob:hunter2€"
    shown = [raised.value, raised.value.__cause__, raised.value.__context__]
    assert not any("hunter2" in str(error) for error in shown)


@pytest.mark.parametrize(
    "url", ["", "localhost:11434", "ftp://x", "http://", "http://[::1", "http://x:99999"]
)
async def test_an_address_that_is_none_is_named_at_once(url):
    with pytest.raises(Misconfigured, match="STREAMS_OLLAMA_URL"):
        OllamaClient(OllamaConfig(url))
