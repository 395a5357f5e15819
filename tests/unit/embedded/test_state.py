import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from streams.embedded.state import STATE, State, claim, read_state
from streams.errors import Misconfigured
from tests.conftest import ROOT

HERE = State(
    pid=os.getpid(),
    started_at=datetime(2026, 1, 2, tzinfo=UTC),
    settings={"kafka_bootstrap_servers": "127.0.0.1:9092", "embed_dimension": 384},
    pids={"broker": 7},
)

WRITES_AND_WAITS = """
import os, pathlib, sys
from datetime import UTC, datetime
from streams.embedded.state import State, claim
with claim(pathlib.Path(sys.argv[1])) as file:
    file.write(State(pid=os.getpid(), started_at=datetime.now(UTC)))
    print("written", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def writer(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", WRITES_AND_WAITS, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout.readline() == b"written\n"
        yield process
        process.kill()


def test_what_is_written_is_read_while_the_writer_lives_and_gone_after(tmp_path):
    with claim(tmp_path) as file:
        assert read_state(tmp_path) is None
        file.write(HERE)
        assert read_state(tmp_path) == HERE
    assert read_state(tmp_path) is None
    assert not (tmp_path / STATE).exists()


def test_another_process_finds_it(tmp_path, writer):
    assert read_state(tmp_path).pid == writer.pid


def test_a_killed_writers_file_is_stale(tmp_path, writer):
    writer.kill()
    writer.wait()
    assert (tmp_path / STATE).exists()
    assert read_state(tmp_path) is None


def test_a_killed_writers_folder_can_be_had_again(tmp_path, writer):
    writer.kill()
    writer.wait()
    with claim(tmp_path):
        assert not (tmp_path / STATE).exists()


def test_a_process_that_only_has_the_dead_writers_id_does_not_count(tmp_path):
    (tmp_path / STATE).write_text(HERE.model_dump_json())
    (tmp_path / "up.lock").touch()
    assert read_state(tmp_path) is None


def test_two_cannot_have_one_folder_and_the_second_is_told_what_to_do(tmp_path, writer):
    with pytest.raises(Misconfigured, match="STREAMS_STATE_DIR"), claim(tmp_path):
        pass
    assert read_state(tmp_path).pid == writer.pid


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "x"}', b"\xff"])
def test_a_file_that_is_none_is_no_state(tmp_path, content):
    with claim(tmp_path):
        (tmp_path / STATE).write_bytes(content)
        assert read_state(tmp_path) is None


def test_no_folder_is_no_state(tmp_path):
    assert read_state(tmp_path / "none") is None


def test_reading_makes_nothing(tmp_path):
    read_state(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_field_of_a_later_version_is_ignored(tmp_path):
    with claim(tmp_path):
        (tmp_path / STATE).write_text(HERE.model_dump_json().replace("{", '{"later": 1, ', 1))
        assert read_state(tmp_path) == HERE
