import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from streams.embedded.ports import HOST, is_free
from streams.embedded.supervisor import Service, ServiceEnded, Supervisor
from streams.errors import Misconfigured
from tests.conftest import ROOT

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
TIES = [pytest.param("kernel", marks=LINUX), "watch"]
WAIT_S = 20

# Says that it is up, and holds the FIFO open for as long as it lives.
HOLDS = "import signal, sys; f = open(sys.argv[1], 'w'); f.write('up'); f.flush(); signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + HOLDS


def python(code: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", code, *map(str, arguments))


class Fifo:
    """Tells when who holds it is there, and when the last one is gone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self._end = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def read(self) -> bytes:
        assert select.select([self._end], [], [], WAIT_S)[0], "nothing happened"
        return os.read(self._end, 100)

    async def said(self) -> bool:
        return bool(select.select([self._end], [], [], 0)[0])


@pytest.fixture
def fifo(tmp_path):
    fifo = Fifo(tmp_path / "fifo")
    yield fifo
    os.close(fifo._end)


def exists(path: Path) -> bool:
    return path.exists()


async def at_once() -> bool:
    return True


async def never() -> bool:
    return False


def parent(tied: str, folder: Path, *command: str) -> subprocess.Popen:
    arguments = [sys.executable, str(Path(__file__).with_name("parent.py")), tied, str(folder), *command]
    return subprocess.Popen(arguments, env=os.environ | {"PYTHONPATH": str(ROOT)})


@pytest.mark.parametrize("tied", TIES)
@pytest.mark.parametrize("code", [HOLDS, STUBBORN], ids=["willing", "stubborn"])
def test_killing_the_parent_leaves_no_child(tmp_path, fifo, tied, code):
    process = parent(tied, tmp_path, *python(code, fifo.path))
    assert fifo.read() == b"up"
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert fifo.read() == b""


@pytest.mark.parametrize("tied", TIES)
def test_interrupting_the_parent_stops_its_child_in_order(tmp_path, fifo, tied):
    process = parent(tied, tmp_path, *python(HOLDS, fifo.path))
    assert fifo.read() == b"up"
    process.send_signal(signal.SIGINT)
    assert fifo.read() == b""
    process.wait(WAIT_S)


@pytest.mark.parametrize("tied", TIES)
async def test_a_service_runs_from_ready_to_stop(tmp_path, fifo, tied):
    async with Supervisor(tmp_path, tied) as supervisor:
        await supervisor.start(Service("one", python(HOLDS, fifo.path), fifo.said))
        assert fifo.read() == b"up"
        os.kill(supervisor.pids["one"], 0)
    assert fifo.read() == b""
    assert supervisor.pids == {}


@pytest.mark.parametrize("tied", TIES)
async def test_a_service_that_does_not_listen_is_killed(tmp_path, fifo, tied):
    async with Supervisor(tmp_path, tied) as supervisor:
        await supervisor.start(Service("one", python(STUBBORN, fifo.path), fifo.said, stop_s=0.1))
        assert fifo.read() == b"up"
    assert fifo.read() == b""


@pytest.mark.parametrize("tied", TIES)
async def test_a_service_that_ends_while_starting_is_reported_with_its_last_words(tmp_path, tied):
    async with Supervisor(tmp_path, tied) as supervisor:
        broken = Service("models", python("import sys; print('no memory left'); sys.exit(3)"), never)
        with pytest.raises(ServiceEnded, match=r"models ended with exit code 3[^$]*no memory left"):
            await supervisor.start(broken)
        assert supervisor.pids == {}


async def test_a_service_that_says_it_is_misconfigured_is_believed(tmp_path):
    async with Supervisor(tmp_path) as supervisor:
        broken = Service("models", python("import sys; sys.exit(print('install this') or 2)"), never)
        with pytest.raises(Misconfigured, match=r"^install this$"):
            await supervisor.start(broken)


async def test_a_service_that_never_gets_ready_is_given_up_and_gone(tmp_path, fifo):
    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(ServiceEnded, match=r"was not ready in 0.2 s"):
            await supervisor.start(Service("one", python(HOLDS, fifo.path), never, ready_s=0.2))
        assert supervisor.pids == {}


async def test_a_command_that_does_not_exist_is_reported(tmp_path):
    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(ServiceEnded):
            await supervisor.start(Service("one", ("/no/such/command",), never))


@pytest.mark.parametrize("tied", TIES)
async def test_the_service_that_dies_is_named(tmp_path, tied):
    async with Supervisor(tmp_path, tied) as supervisor:
        await supervisor.start(Service("lives", python("import signal; signal.pause()"), at_once))
        await supervisor.start(Service("dies", python("print('goodbye'); input()"), at_once))
        with pytest.raises(ServiceEnded, match=r"^dies ended with exit code 1[^$]*goodbye"):
            await asyncio.wait_for(supervisor.watch(), WAIT_S)
        assert list(supervisor.pids) == ["lives"]


async def test_a_service_killed_from_outside_is_named_with_the_signal(tmp_path):
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start(Service("one", python("import signal; signal.pause()"), at_once))
        os.kill(supervisor.pids["one"], signal.SIGKILL)
        with pytest.raises(ServiceEnded, match="SIGKILL"):
            await asyncio.wait_for(supervisor.watch(), WAIT_S)


async def test_a_service_that_may_be_started_again_is_and_is_named_with_its_log(tmp_path):
    said, told = [], []
    async with Supervisor(
        tmp_path, started=lambda service, log: told.append((service.name, log)), restarts={"one": 1}
    ) as supervisor:
        await supervisor.start(Service("one", python("raise SystemExit('goodbye')"), at_once))
        with pytest.raises(ServiceEnded, match=r"^one ended with exit code 1[^$]*one.log"):
            await asyncio.wait_for(supervisor.watch(said.append), WAIT_S)
    (line,) = said
    assert line.startswith("one ended with exit code 1")
    assert "goodbye" in (tmp_path / "one.ended.log").read_text()
    assert str(tmp_path / "one.ended.log") in line
    assert told == [("one", tmp_path / "one.log")] * 2


async def test_services_stop_in_the_reverse_order_of_their_start(tmp_path):
    notes = tmp_path / "notes"
    code = (
        "import signal, sys, pathlib\n"
        "def end(*_):\n"
        "    with open(sys.argv[2], 'a') as f: f.write(sys.argv[1])\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "pathlib.Path(sys.argv[2] + sys.argv[1]).touch()\n"
        "signal.pause()"
    )
    async with Supervisor(tmp_path) as supervisor:
        for name in "abc":

            async def ready(note=Path(f"{notes}{name}")):
                return exists(note)

            await supervisor.start(Service(name, python(code, name, notes), ready))
    assert notes.read_text() == "cba"


async def test_an_environment_of_its_own_holds_nothing_of_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "hunter2")
    code = "import os; print(sorted(set(os.environ) - {'LC_CTYPE'})); input()"
    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(ServiceEnded):
            await supervisor.start(Service("one", python(code), never, env={"A": "1"}))
    assert "['A']" in (tmp_path / "one.log").read_text()


async def test_a_port_that_is_taken_meanwhile_is_replaced_by_another(tmp_path):
    taken, ports = [], []

    def make(port: int) -> Service:
        ports.append(port)
        if not taken:
            taken.append(socket.create_server((HOST, port)))
            return Service("one", python("raise OSError('address in use')"), never)
        return Service("one", python("import signal; signal.pause()"), at_once)

    async with Supervisor(tmp_path) as supervisor:
        port = await supervisor.start_on_free_port(make)
    assert ports == [taken[0].getsockname()[1], port]
    taken[0].close()


async def test_what_fails_on_a_free_port_is_not_tried_on_another(tmp_path):
    ports = []

    def make(port: int) -> Service:
        ports.append(port)
        return Service("one", python("raise SystemExit(1)"), never)

    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(ServiceEnded):
            await supervisor.start_on_free_port(make)
    assert len(ports) == 1
    assert is_free(ports[0])
