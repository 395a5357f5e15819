"""The whole way on embedded mode: `rag-streams up` and the other commands, as a user runs them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.pdfs import pdf_bytes
from tests.unit.answering.rules import check_events

ROOT = Path(__file__).parents[2]
READY_S = 180
PAGE = """# Parking hours

The car park opens at {opens} in the morning and closes at ten at night. On Sundays the car park stays closed.

{filler}
"""
FILLER = "\n\n".join(
    f"## Level {level}\n\nLevel {level} has {level * 7} places for bicycles, a tap beside pillar {level}, and"
    f" a bench. Cargo bicycles stand in row {level + 3}; whoever finds it full asks at the desk there."
    for level in range(1, 17)
)


class Up:
    """A running `rag-streams up`, and the commands beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("STREAMS_")}
        self.log = (folder / "up.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streams", "up"],
            cwd=folder,
            env=self.environ,
            stdout=self.log,
            stderr=self.log,
        )

    def wait(self, ready_s: float = READY_S) -> "Up":
        until = time.monotonic() + ready_s
        while not (self.folder / ".rag-streams/state.json").exists():
            assert self.process.poll() is None, (self.folder / "up.log").read_text()
            assert time.monotonic() < until, (self.folder / "up.log").read_text()
            time.sleep(0.1)
        return self

    def run(self, *arguments: str, check: bool = True, limit_s: float = 90) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [sys.executable, "-m", "streams", *arguments],
            cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=limit_s, check=False,
        )  # fmt: skip
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def rows(self, *arguments: str) -> list[dict]:
        return [json.loads(line) for line in self.run(*arguments, "--json").stdout.splitlines()]

    def put(self, name: str, text: str, *options: str) -> str:
        (self.folder / name).write_text(text)
        (row,) = self.rows("put", name, *options)
        return f"{row['topic']}-{row['partition']}-{row['offset']}"

    def ask(self, text: str, after: str | None = None, *options: str) -> dict:
        """The terminal event; all events obey the rules."""
        named = ("--after", after) if after else ()
        events = self.rows("ask", text, "--deadline-ms", "60000", *named, *options)
        check_events(events)
        return events[-1]

    def receipts(self, count: int) -> list[dict]:
        watching = subprocess.Popen(
            [sys.executable, "-m", "streams", "watch", "indexed", "--from-beginning", "--json"],
            cwd=self.folder, env=self.environ, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            return [json.loads(watching.stdout.readline()) for _ in range(count)]
        finally:
            watching.kill()
            watching.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    running = Up(tmp_path_factory.mktemp("up")).wait()
    yield running
    running.stop()


def test_an_answer_follows_its_document_through_an_edit_and_a_deletion(up):
    at = up.put("parking.md", PAGE.format(opens="six", filler=FILLER))
    first = up.ask("When does the car park open in the morning?", at)
    assert first["type"] == "answer.completed"
    assert not first["abstained"]
    assert first["citations"][0]["document_id"] == "parking.md"
    assert "six" in first["citations"][0]["quote"]

    at = up.put("parking.md", PAGE.format(opens="seven", filler=FILLER))
    second = up.ask("When does the car park open in the morning?", at)
    quotes = " ".join(citation["quote"] for citation in second["citations"])
    assert "seven" in quotes
    assert "six in the morning" not in quotes
    (receipt,) = [
        row
        for row in up.receipts(2)
        if f"-{row['source']['offset']}" in at[-4:] and row["outcome"] == "indexed"
    ][-1:]
    assert receipt["passages"]["embedded"] < receipt["passages"]["total"]

    (gone,) = up.rows("delete", "parking.md")
    third = up.ask(
        "When does the car park open in the morning?", f"{gone['topic']}-{gone['partition']}-{gone['offset']}"
    )
    assert third["abstained"]
    assert third["citations"] == []


def test_pages_and_pdfs_are_read_and_what_can_not_be_read_is_a_dead_letter_by_its_code(up):
    (up.folder / "boat.html").write_text(
        "<html><head><title>The harbour</title></head><body><nav>Home</nav><main><h1>The harbour</h1>"
        "<p>The ferry to the lighthouse leaves at noon on every day of the week.</p></main></body></html>"
    )
    (up.folder / "tower.pdf").write_bytes(pdf_bytes("The lighthouse has two hundred and nine steps."))
    (up.folder / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing else")
    done = up.run("put", "boat.html", "tower.pdf", "broken.pdf", "--wait", "--json", check=False)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["id"] for row in rows[:3]] == ["boat.html", "tower.pdf", "broken.pdf"]
    assert {row["document_id"]: row["reason"] or row["outcome"] for row in rows[3:]} == {
        "boat.html": "indexed",
        "tower.pdf": "indexed",
        "broken.pdf": "unreadable",
    }
    assert done.returncode == 1
    for question, document_id, quote in (
        ("When does the ferry to the lighthouse leave?", "boat.html", "noon"),
        ("How many steps does the lighthouse have?", "tower.pdf", "two hundred and nine"),
    ):
        best = up.ask(question)["citations"][0]
        assert best["document_id"] == document_id
        assert quote in best["quote"]


def test_a_document_is_found_by_its_readers_and_in_its_tenant_alone(up):
    at = up.put(
        "salary.md",
        "The director of the aquarium earns ninety thousand a year.",
        "--tenant",
        "zoo",
        "--reader",
        "group:hr",
    )
    question = "How much does the director of the aquarium earn?"
    assert up.ask(question, at, "--tenant", "zoo")["abstained"]
    assert up.ask(question, at, "--tenant", "zoo", "--principal", "group:press")["abstained"]
    assert up.ask(question, at, "--principal", "group:hr")["abstained"]
    found = up.ask(question, at, "--tenant", "zoo", "--principal", "group:hr")
    assert [citation["document_id"] for citation in found["citations"]] == ["salary.md"]


def test_a_broken_change_is_a_dead_letter_that_can_be_listed_and_shown(up):
    (up.folder / "broken.jsonl").write_text('{"id": "x", "txet": "a misspelt field"}\n')
    refused = up.run("put", "--jsonl", "broken.jsonl", check=False)
    assert refused.returncode == 1
    assert "txet" in refused.stderr

    (up.folder / "empty.jsonl").write_text('{"id": "no-text"}\n')
    up.run("put", "--jsonl", "empty.jsonl")
    until = time.monotonic() + 30
    while not (letters := up.rows("dead", "list", "--code", "invalid_change")):
        assert time.monotonic() < until
    shown = up.run("dead", "show", letters[0]["at"]).stdout
    assert "no-text" in shown
    replayed = up.rows("dead", "replay", letters[0]["at"])
    assert replayed[0]["to"].startswith("documents.retry-")


def test_doctor_finds_every_part_in_order(up):
    findings = {row["part"]: row for row in up.rows("doctor")}
    assert all(row["ok"] for row in findings.values()), findings
    parts = {"kafka", "clock", "topics", "offsets", "store", "ollama", "models", "embeddings"}
    assert set(findings) == parts


def test_a_gateway_that_dies_is_started_again_where_it_was(up):
    here = up.folder / ".rag-streams"
    url, headers = (here / "url").read_text().strip(), {"X-API-Version": "1"}
    headers["Authorization"] = f"Bearer {(here / 'key').read_text().strip()}"
    os.kill(json.loads((here / "state.json").read_text())["pids"]["gateway"], signal.SIGKILL)
    until = time.monotonic() + READY_S
    while "starting it again" not in (up.folder / "up.log").read_text():
        assert time.monotonic() < until, (up.folder / "up.log").read_text()
        time.sleep(0.1)
    while True:
        try:
            answer = httpx.get(f"{url}/v1/status", headers=headers, trust_env=False)
        except httpx.HTTPError:
            assert time.monotonic() < until, (up.folder / "up.log").read_text()
            time.sleep(0.1)
        else:
            break
    assert answer.status_code == 200
    assert up.process.poll() is None


def test_a_question_whose_after_is_never_reached_fails_with_stale_index(up):
    done = up.run(
        "ask",
        "Anything?",
        "--after",
        "documents.changes-0-99999",
        "--deadline-ms",
        "1500",
        "--json",
        check=False,
    )
    last = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, last["type"], last["code"]) == (1, "answer.failed", "stale_index")


def test_a_document_of_20_mb_is_refused_by_put_with_the_limit(up):
    (up.folder / "big.txt").write_text("word " * 4_000_000)
    done = up.run("put", "big.txt", check=False)
    assert done.returncode == 1
    assert "STREAMS_TOPIC_MAX_MESSAGE_BYTES" in done.stderr
    assert "Traceback" not in done.stderr


def test_commands_without_a_broker_say_so_in_two_lines(tmp_path):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("STREAMS_")}
    done = subprocess.run(
        [sys.executable, "-m", "streams", "ask", "hello"],
        cwd=tmp_path, env=environ | {"STREAMS_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "127.0.0.1:9" in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2


EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs/how-to/python-client.md").read_text(), re.DOTALL)


@pytest.mark.parametrize(
    ("number", "prints"),
    list(
        enumerate(["Settings", "45 days", "", "kb/43", "kb/43", "kb/43", "eight", "stale_index", "answer."])
    ),
)
def test_the_examples_of_the_python_client_run_as_they_stand(up, number, prints):
    assert len(EXAMPLES) == 9
    done = subprocess.run(
        [sys.executable, "-c", EXAMPLES[number]],
        cwd=up.folder, env=up.environ, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert prints in done.stdout


def test_one_client_answers_many_questions_at_once(up):
    program = """
import asyncio
from streams.client import Client

async def whole(answer):
    return await answer

async def main():
    async with Client() as client:
        places = [await client.put(f"floor/{n}", f"Room {n}00 has {n + 2} chairs.") for n in range(1, 6)]
        asked = [
            client.ask(f"How many chairs has room {n}00?", after=places, deadline_ms=80_000)
            for n in range(1, 6)
        ]
        for n, done in enumerate(await asyncio.gather(*map(whole, asked)), 1):
            assert f"floor/{n}" in [one.document_id for one in done.citations], (n, done)

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=up.folder, env=up.environ, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_left_behind_even_when_up_is_killed(tmp_path):
    running = Up(tmp_path).wait()
    state = json.loads((tmp_path / ".rag-streams/state.json").read_text())
    children = list(state["pids"].values())
    assert children
    running.process.kill()
    running.process.wait()
    until = time.monotonic() + 15
    while any(Path(f"/proc/{pid}").exists() for pid in children):
        assert time.monotonic() < until, "processes are left behind"
        time.sleep(0.1)
