"""The dashboard as Grafana reads it: `python -m ops.observe.dashboard export|check`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ops.observe.panels import ROWS, Panel

FILE = Path(__file__).with_name("grafana") / "rag-streams.json"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH, HEIGHT, STAT_HEIGHT = 24, 8, 4
COLUMNS, STATS = 3, 6


def dashboard() -> dict[str, Any]:
    """Grafana's model of the dashboard (schema 39), to be imported or provisioned."""
    return {
        "uid": "rag-streams",
        "title": "rag-streams",
        "tags": ["rag-streams"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
            ]
        },
        "panels": list(_placed()),
    }


def text() -> str:
    """The file's text."""
    return json.dumps(dashboard(), indent=1) + "\n"


def _placed() -> Iterator[dict[str, Any]]:
    top = number = 0
    for row in ROWS:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1},
        }
        top += 1
        stats = row.panels[0].stat
        columns, height = (STATS, STAT_HEIGHT) if stats else (COLUMNS, HEIGHT)
        for index, panel in enumerate(row.panels):
            number += 1
            x, y = index % columns * (WIDTH // columns), top + index // columns * height
            yield {
                "id": number,
                **_panel(panel),
                "gridPos": {"x": x, "y": y, "w": WIDTH // columns, "h": height},
            }
        top += -(-len(row.panels) // columns) * height


def _panel(panel: Panel) -> dict[str, Any]:
    targets = [
        {
            "refId": chr(ord("A") + index),
            "datasource": SOURCE,
            "expr": query.expr,
            "legendFormat": query.legend or "__auto",
        }
        for index, query in enumerate(panel.queries)
    ]
    return {
        "type": "stat" if panel.stat else "timeseries",
        "title": panel.title,
        "description": panel.help,
        "datasource": SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"reduceOptions": {"calcs": ["lastNotNull"]}} if panel.stat else {},
    }


def main(task: str) -> int:
    """Writes the file, or says whether it differs; gives the exit code."""
    if task == "export":
        FILE.write_text(text(), encoding="utf-8")
        return 0
    if not FILE.is_file() or FILE.read_text(encoding="utf-8") != text():
        sys.stderr.write(f"{FILE} is not what panels.py says: python -m ops.observe.dashboard export\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "check"))
