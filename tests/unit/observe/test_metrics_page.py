"""The page of metrics and the code name the same ones."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/reference/metrics.md").read_text()


def observed():
    """The names of all metrics in the code, as Prometheus shows them."""
    for path in (ROOT / "streams").rglob("*.py"):
        tree = ast.parse(path.read_text())
        constants = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Observed":
                first = node.args[0]
                name = ast.literal_eval(constants[first.id] if isinstance(first, ast.Name) else first)
                yield f"streams_{name}" + ("" if name.endswith("_seconds") else "_total")


def test_every_metric_is_on_the_page_and_no_other():
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `streams_")]
    assert {name for row in rows for name in re.findall(r"streams_\w+", row)} == set(observed())
