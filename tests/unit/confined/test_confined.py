"""The cutting process: what it may take, and what becomes of a document that takes more."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import zlib

import pytest

from streams.confined.cutter import HERE_CHARACTERS, ConfinedCutter
from streams.confined.process import CuttingProcess
from streams.confined.wire import Limits
from streams.errors import Misconfigured, Rejected, Retryable
from streams.indexing.cutting.chunk import Chunking, chunk
from streams.indexing.cutting.cut import HereCutter
from streams.indexing.cutting.parse import parse
from streams.messages.changes import Document
from tests.pdfs import pdf

CHUNKING = Chunking(254, 800)
LIMITS = Limits(cpu_s=20.0, wall_s=60.0, memory_bytes=1 << 30)
SLOW = f"<html><body><p {' '.join(f'a{n}=b' for n in range(200_000))}>hi</p></body></html>"
"""libxml2 compares each attribute with each: a minute."""


def document(text, media_type="text/html"):
    return Document(tenant="acme", id="1", text=text, media_type=media_type)


@pytest.fixture
async def new_cutter():
    made = []

    def new(limits=LIMITS, *, processes=1, observe=lambda _: None):
        made.append(ConfinedCutter(limits, processes=processes, monotonic=time.monotonic, observe=observe))
        return made[-1]

    yield new
    for cutter in made:
        await cutter.close()


async def refused(cutter, text, media_type="text/html"):
    with pytest.raises(Rejected) as caught:
        await cutter.chunks(document(text, media_type), CHUNKING)
    return caught.value


@pytest.mark.parametrize(
    "given",
    [
        document("<h1>Part</h1>" + "<p>Some words of it.</p>" * 200),
        document(pdf("Bonjour\nle monde", "two"), "application/pdf"),
        document("\n\n## Part\n\nquelques données 数据 👍🏽\n" * 3000, "text/markdown"),
        document("\n\n## Part\n\nsome words\n" * 5000, "text/plain; charset=utf-8"),
        document(""),
    ],
    ids=["html", "pdf", "long markdown", "long text", "empty"],
)
async def test_what_is_cut_elsewhere_is_cut_as_it_would_be_here(new_cutter, given):
    expected = HereCutter(parse, chunk).cut(given, CHUNKING)
    assert tuple(await new_cutter().chunks(given, CHUNKING)) == tuple(expected)


async def test_short_texts_need_no_process(new_cutter):
    cutter = new_cutter()
    await cutter.chunks(document("a" * HERE_CHARACTERS, "text/plain"), CHUNKING)
    assert (await refused(cutter, "x", "image/png")).code == "unsupported_media_type"
    assert cutter.pids == []


async def test_one_process_serves_many_documents(new_cutter):
    cutter = new_cutter()
    seen = set()
    for n in range(20):
        (only,) = await cutter.chunks(document(f"<p>{n}"), CHUNKING)
        assert only.text == str(n)
        seen.update(cutter.pids)
    assert len(seen) == 1


async def test_a_process_is_not_worn_by_the_memory_of_the_worker_that_started_it(new_cutter):
    ballast = bytearray(b"x") * (200 << 20)
    cutter = new_cutter(Limits(cpu_s=60.0, memory_bytes=256 << 20))
    await cutter.chunks(document("<p>x"), CHUNKING)
    before = cutter.pids
    await cutter.chunks(document("<p>y"), CHUNKING)
    assert cutter.pids == before
    del ballast


async def test_a_refusal_comes_as_it_would_here_and_costs_no_process(new_cutter):
    cutter = new_cutter()
    await cutter.chunks(document("<p>x"), CHUNKING)
    before = cutter.pids
    assert (await refused(cutter, "%", "application/pdf")).code == "not_base64"
    assert (await refused(cutter, "<div>" * 10_000)).code == "too_deep"
    assert cutter.pids == before


async def test_a_document_that_takes_too_long_is_refused_and_the_next_one_is_read(new_cutter):
    cutter = new_cutter(Limits(cpu_s=1.0, wall_s=60.0))
    error = await refused(cutter, SLOW)
    assert error.code == "too_slow"
    assert "STREAMS_PARSE_TIMEOUT_S" in str(error)
    assert len(await cutter.chunks(document("<p>x"), CHUNKING)) == 1


async def test_a_document_that_takes_too_much_memory_is_refused_and_the_next_one_is_read(new_cutter):
    cutter = new_cutter(Limits(cpu_s=60.0, memory_bytes=256 << 20))
    error = await refused(cutter, "<html><body>" + "a<br>" * 1_000_000)
    assert error.code == "too_large"
    assert len(await cutter.chunks(document("<p>x"), CHUNKING)) == 1


async def test_a_compressed_bomb_in_a_pdf_is_refused(new_cutter):
    bomb = zlib.compress(b"BT /F1 12 Tf (x) Tj ET\n" * 4_000_000, 9)
    assert (await refused(new_cutter(), pdf("x", stream=bomb), "application/pdf")).code == "too_large"


async def test_a_document_larger_than_any_that_is_read_is_refused_before_it_is_copied(new_cutter):
    cutter = new_cutter()
    assert (await refused(cutter, "a" * (64 * 1024 * 1024 + 1))).code == "too_large"
    assert cutter.pids == []


async def test_a_process_that_is_killed_twice_with_the_same_document_is_put_down_to_that(new_cutter):
    events = []
    cutter = new_cutter(observe=events.append)

    async def killer():
        killed = set()
        while len(killed) < 2:
            for pid in set(cutter.pids) - killed:
                os.kill(pid, signal.SIGSEGV)
                killed.add(pid)
            await asyncio.sleep(0.01)

    asking = asyncio.create_task(refused(cutter, SLOW))
    await killer()
    assert (await asking).code == "parser_crashed"
    assert [event.name for event in events].count("parser_crashes") == 2
    assert len(await cutter.chunks(document("<p>x"), CHUNKING)) == 1


async def test_a_process_that_is_killed_once_is_no_documents_fault(new_cutter):
    cutter = new_cutter()
    await cutter.chunks(document("<p>x"), CHUNKING)
    (pid,) = cutter.pids
    os.kill(pid, signal.SIGKILL)
    assert len(await cutter.chunks(document("<p>x"), CHUNKING)) == 1
    assert cutter.pids != [pid]


async def test_processes_that_are_killed_while_idle_are_no_documents_fault(new_cutter):
    cutter = new_cutter(processes=2)
    await asyncio.gather(*(cutter.chunks(document(f"<p>{n}"), CHUNKING) for n in range(2)))
    killed = cutter.pids
    assert len(killed) == 2
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    assert len(await cutter.chunks(document("<p>x"), CHUNKING)) == 1
    assert not set(cutter.pids) & set(killed)


async def test_the_canary_fails_for_as_long_as_the_machine_has_no_room_for_a_process(new_cutter, monkeypatch):
    cutter = new_cutter()
    await cutter.canary()
    assert cutter.pids == []
    with monkeypatch.context() as short:
        short.setattr("sys.executable", "/none/at/all")
        with pytest.raises(Retryable):
            await cutter.chunks(document("<p>x"), CHUNKING)
        with pytest.raises(Retryable):
            await cutter.canary()
    await cutter.canary()
    assert len(cutter.pids) == 1
    assert len(await cutter.chunks(document("<p>x"), CHUNKING)) == 1


async def test_who_gives_up_on_a_document_leaves_no_process_at_it(new_cutter):
    cutter = new_cutter()
    asking = asyncio.create_task(cutter.chunks(document(SLOW), CHUNKING))
    pid = await the_process(cutter)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await gone(pid)
    assert len(await cutter.chunks(document("<p>x"), CHUNKING)) == 1


async def test_the_loop_goes_on_while_a_document_is_read(new_cutter):
    turns = 0
    asking = asyncio.create_task(refused(new_cutter(Limits(cpu_s=1.0, wall_s=60.0)), SLOW))
    while not asking.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert (await asking).code == "too_slow"
    assert turns > 20


async def test_no_more_documents_are_read_at_once_than_there_may_be_processes(new_cutter):
    cutter = new_cutter(processes=2)
    most = 0

    async def watch():
        nonlocal most
        while True:
            most = max(most, len(cutter.pids))
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(cutter.chunks(document(f"<p>{n}" * 500), CHUNKING) for n in range(30)))
    watching.cancel()
    assert most == 2


async def test_closing_leaves_no_process(new_cutter):
    cutter = new_cutter()
    await cutter.chunks(document("<p>x"), CHUNKING)
    (pid,) = cutter.pids
    await cutter.close()
    await gone(pid)


async def test_the_process_gets_no_secret(new_cutter, monkeypatch):
    monkeypatch.setenv("STREAMS_WEAVIATE_API_KEY", "hunter2-canary")
    cutter = new_cutter()
    await cutter.chunks(document("<p>x"), CHUNKING)
    (pid,) = cutter.pids
    with open(f"/proc/{pid}/environ") as environ:  # noqa: PTH123, ASYNC230
        assert "hunter2" not in environ.read()


async def test_a_process_that_can_not_start_names_what_to_look_at(monkeypatch):
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(Misconfigured, match="exit code 1") as caught:
        await CuttingProcess.start(LIMITS)
    assert caught.value.setting == "STREAMS_PARSE_MEMORY_MB"


async def test_naughty_strings_come_through_as_they_would_here(new_cutter, test_data):
    cutter = new_cutter()
    for naughty in json.loads((test_data / "naughty" / "blns.json").read_text()):
        given = document(f"<p>{naughty}</p>")
        assert tuple(await cutter.chunks(given, CHUNKING)) == HereCutter(parse, chunk).cut(given, CHUNKING)


async def the_process(cutter):
    while not cutter.pids:  # noqa: ASYNC110 - nothing tells that a process starts
        await asyncio.sleep(0.01)
    return cutter.pids[0]


async def gone(pid):
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        await asyncio.sleep(0.01)
