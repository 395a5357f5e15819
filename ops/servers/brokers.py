"""A Kafka of three nodes on this machine, each of them broker and controller, as production has it.

    with Brokers(Path("/tmp/three")) as brokers:
        ... brokers.bootstrap, brokers.nodes[0].kill()

Topics have three copies, Kafka's own too, and a record is acknowledged once two of them have it.
"""

from __future__ import annotations

import base64
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from ops.servers.launch import Kafka
from ops.servers.process import HOST, free_ports

SIZE = 3
FRUGAL = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
"""Java's options for many small processes on few cores."""

COPIES = {
    "default.replication.factor": str(SIZE),
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": str(SIZE),
    "transaction.state.log.replication.factor": str(SIZE),
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": str(SIZE),
    "share.coordinator.state.topic.min.isr": "2",
}
SMALL = {
    "num.network.threads": "2",
    "num.io.threads": "2",
    # It is taken from the heap, 128 MB of it by default.
    "log.cleaner.dedupe.buffer.size": str(4 << 20),
    "controller.quorum.election.timeout.ms": "500",
    "controller.quorum.election.backoff.max.ms": "500",
}


class Node(Kafka):
    """One of them. `number` is its id, from 1."""

    ready_seconds = 180.0

    def __init__(self, folder: Path, number: int, cluster_id: str, port: int) -> None:
        super().__init__(folder, {**COPIES, **SMALL, "node.id": str(number)}, heap="192m", port=port)
        self.number, self._cluster_id = number, cluster_id
        self.command[1:1] = FRUGAL
        del self.properties["controller.quorum.bootstrap.servers"]

    def _format(self) -> None:
        self._tool("format", "-t", self._cluster_id, "-c", str(self._config))


class Brokers:
    """The three. A context manager: started on entry, gone on exit."""

    def __init__(self, folder: Path) -> None:
        # A dash at the beginning would be taken for an option.
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")
        first = free_ports(2 * SIZE)
        self.nodes = [
            Node(folder / f"node-{number}", number, cluster_id, first + 2 * (number - 1))
            for number in range(1, SIZE + 1)
        ]
        voters = ",".join(f"{node.number}@{HOST}:{node.port + 1}" for node in self.nodes)
        for node in self.nodes:
            node.properties["controller.quorum.voters"] = voters
        self.bootstrap = ",".join(node.bootstrap for node in self.nodes)

    def node(self, number: int) -> Node:
        """The one with this id."""
        return self.nodes[number - 1]

    def begin(self) -> None:
        """Starts those that don't run, without waiting. They end when the thread does that calls this."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(Node.prepare, self.nodes))
        for node in self.nodes:
            node.begin()

    def await_ready(self) -> None:
        """Waits until all are ready. None is before two of them are there."""
        for node in self.nodes:
            node.await_ready()

    def end(self) -> None:
        """Kills all: two of them would wait for the third to end in good order."""
        for node in self.nodes:
            node.thaw()
            node.kill()

    def tail(self) -> str:
        """The logs' last lines."""
        return "\n".join(f"-- node {node.number}\n{node.tail()}" for node in self.nodes)

    def __enter__(self) -> Self:
        """Started."""
        try:
            self.begin()
            self.await_ready()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Gone."""
        self.end()
