"""The documentation's code blocks, so that tests run what it says."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str = "") -> list[str]:
    """All blocks of a page that are in this language, in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [dedent(block) for _, named, block in BLOCK.findall(text) if named == language]


def block(page: str, language: str, holding: str) -> str:
    """The one block in this language that holds these words."""
    [found] = [one for one in blocks(page, language) if holding in one]
    return found
