"""The project's own evaluation set on its own documentation: `make eval`.

Then follow-up questions: see `tests.bench.follow_ups`. Everything embedded: MiniLM, SQLite. The same as
`rag-streams up`, `put docs --wait` and `eval SET --tune`.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from streams.cli.output import Output
from streams.cli.processes.up import running
from streams.settings import load
from streams.settings.names import PREFIX

ROOT = Path(__file__).parents[2]
FOLLOW_UPS = ROOT / "tests/bench/follow_ups.py"
SET = ROOT / "tests/evaluation/docs.jsonl"


async def main() -> int:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="rag-streams-eval-", ignore_cleanup_errors=True) as state:
        settings = load(env_file=None, state_dir=Path(state))
        async with running(settings, Output(console=Console(quiet=True)), env_file=None):
            os.environ[f"{PREFIX}STATE_DIR"] = state
            for command in (
                ["-m", "streams", "put", "docs", "--wait", "--json"],
                ["-m", "streams", "eval", str(SET), "--tune", *sys.argv[1:]],
                [str(FOLLOW_UPS), *(["--json"] if "--json" in sys.argv else [])],
            ):
                process = await asyncio.create_subprocess_exec(
                    sys.executable, *command, cwd=ROOT,
                    stdout=subprocess.DEVNULL if "put" in command else None,
                )  # fmt: skip
                if await process.wait():
                    return process.returncode or 1
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
