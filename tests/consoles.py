"""What tests of the console share: a stack, gateways, keys, a stage, and what a person does first."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.e2e.test_embedded import Up
from tests.staged import ANSWERS, QUESTIONS, Played, Stage

STAGED = {"STREAMS_TOPIC_QUESTIONS": QUESTIONS, "STREAMS_TOPIC_ANSWERS": ANSWERS}
PARKING = "The car park opens at six in the morning. On Sundays it stays closed."
ALL = ("ask", "read", "write", "admin")
KNOWN_S = 30
"""How long a gateway may take to read a file of keys again."""


class Gateway:
    """A running `rag-streams gateway`; `environ` says of what."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self._path = folder / "gateway.log"
        with self._path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streams", "gateway"],
                cwd=folder,
                env=environ | {"STREAMS_GATEWAY_PORT": "0"},
                stdout=log,
                stderr=log,
            )

    def wait(self) -> Gateway:
        until = time.monotonic() + 60
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", self._path.read_text())):
            assert self._process.poll() is None, self._path.read_text()
            assert time.monotonic() < until, self._path.read_text()
            time.sleep(0.1)
        self.port = int(found[1])
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)


class World:
    """What `up` runs, with a gateway of its own, and one whose questions are for the stage."""

    def __init__(self, up: Up) -> None:
        self.up = up
        self._keys: dict[tuple[str, ...], str] = {}
        self.gateway: Gateway | None = None

    def start(self) -> None:
        """Makes the stage's topics, keys, and its gateway."""
        self._run("topics", "create", **STAGED)
        for scopes in (ALL, ("ask",)):
            self.key(*scopes)
        self.gateway = Gateway(self.up.folder, self.up.environ | STAGED)
        self.gateway.wait()

    def stop(self) -> None:
        """Ends what was started, and the stack."""
        if self.gateway is not None:
            self.gateway.stop()
        self.up.stop()

    @property
    def address(self) -> str:
        """Where `up` says that its console is, its key included."""
        return re.search(r"http://\S+/#key=\S+", (self.up.folder / "up.log").read_text())[0]

    def stage(self) -> Stage:
        """The part of the workers, on this stack."""
        return Stage(json.loads((self.up.folder / ".rag-streams/state.json").read_text())["settings"])

    def key(self, *scopes: str) -> str:
        """A key with these scopes; the same one each time."""
        if scopes not in self._keys:
            named = [part for scope in scopes for part in ("--scope", scope)]
            key = json.loads(self._run("keys", "create", "--json", *named))["key"]
            if self.gateway is not None:
                self._known(self.gateway, key)
            self._keys[scopes] = key
        return self._keys[scopes]

    def _known(self, gateway: Gateway, key: str) -> None:
        """Waits until the gateway has read the file that the key was written to."""
        headers = {"Authorization": f"Bearer {key}", "X-API-Version": "1"}
        until = time.monotonic() + KNOWN_S
        while httpx.get(f"{gateway.url}/v1/key", headers=headers, trust_env=False).is_error:
            assert time.monotonic() < until, "the gateway does not know a key that was just made"
            time.sleep(0.3)

    def revoke(self, key: str) -> None:
        """The key counts no more."""
        self._run("keys", "revoke", key.split("_")[1])

    def http(self) -> httpx.AsyncClient:
        """The gateway's API, with all rights."""
        headers = {"Authorization": f"Bearer {self.key(*ALL)}", "X-API-Version": "1"}
        return httpx.AsyncClient(base_url=self.gateway.url, headers=headers, trust_env=False, timeout=60)

    async def put(self, id_: str, text: str, source: str | None = None, **fields: object) -> dict:
        """A document, written and indexed; as the index holds it, of `source` where others have its id."""
        async with self.http() as http:
            at = (await http.put(f"/v1/documents/{id_}", json={"text": text, **fields})).json()
        return await self.holds(id_, at, source)

    async def holds(self, id_: str, at: dict | None = None, source: str | None = None) -> dict:
        """The document as the index holds it, once it does: from the record at `at`, if given."""
        query = {} if source is None else {"source": source}
        async with self.http() as http, asyncio.timeout(90):
            while True:
                held = await http.get(f"/v1/documents/{id_}", params=query)
                if held.is_success and at in (None, held.json()["source"]):
                    return held.json()
                await asyncio.sleep(0.05)

    def _run(self, *command: str, **settings: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "streams", *command],
            cwd=self.up.folder, env=self.up.environ | settings,
            capture_output=True, text=True, timeout=90, check=True,
        ).stdout  # fmt: skip


def cited(held: dict, quote: str = PARKING, n: int = 1, **fields: object) -> dict:
    """A citation of a document as it is held."""
    return {
        "n": n, "document_id": held["id"], "title": held["title"], "url": held["url"], "quote": quote,
        "position": held["position"], "score": 1.0, "cited": True, **fields,
    }  # fmt: skip


async def enter(page, key: str, view: str = "") -> None:
    """The console, opened with a key as a person does it."""
    await page.goto(f"/console/{view}")
    await page.get_by_label("API key").fill(key)
    await page.keyboard.press("Enter")
    await page.locator("#app").wait_for()


async def ask(page, stage: Stage, text: str) -> Played:
    """Asks; the question, as it reached the workers' topic."""
    await page.get_by_label("Your question").fill(text)
    await page.keyboard.press("Enter")
    return await stage.asked()


async def dead_letter(page, text: str):
    """The dead letter with this text, looked for until it is there."""
    await page.get_by_role("link", name="Dead letters").click()
    letter = page.locator(".letter", has_text=text)
    async with asyncio.timeout(60):
        while not await letter.count():
            await page.get_by_role("button", name="Look again").click()
            await page.wait_for_timeout(200)
    return letter.first


async def told(page, selector: str, text: str) -> None:
    """Waits until there is such an element with this text."""
    await page.locator(selector, has_text=text).last.wait_for()
