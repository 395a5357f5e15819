"""Reads a JUnit report: says what ran, and exits 1 where nothing ran or something was skipped."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path


def main(report: Path) -> int:
    """The exit code for one report."""
    cases = list(ET.parse(report).iter("testcase"))  # noqa: S314 - pytest wrote it just now
    skipped = [
        (f"{case.get('classname')}::{case.get('name')}", skip.get("message"))
        for case in cases
        for skip in case.iter("skipped")
        if skip.get("type") != "pytest.xfail"
    ]
    print(f"{report.stem}: {len(cases) - len(skipped)} tests ran, {len(skipped)} were skipped")
    for name, reason in skipped:
        print(f"  skipped: {name}: {reason}")
    return 1 if skipped or not cases else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
