"""`python -m streams.cli.reference export|check`: writes the generated pages, or says which differ."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from streams.cli.reference import commands, metrics, settings, topics

FOLDER = Path("docs/reference")

PAGES: Mapping[str, Callable[[], str]] = {
    "settings.md": settings.page,
    "topics.md": topics.page,
    "command-line.md": commands.page,
    "metrics.md": metrics.page,
}


def main(task: str) -> int:
    """Writes the pages, or says which are not what the code says; gives the exit code."""
    if task == "export":
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name, page in PAGES.items():
            (FOLDER / name).write_text(page(), encoding="utf-8")
        return 0
    differing = [name for name, page in PAGES.items() if _written(FOLDER / name) != page()]
    for name in differing:
        sys.stderr.write(f"{FOLDER / name} is not what the code says; run `make schemas`\n")
    return 1 if differing else 0


def _written(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "check"))
