"""The dashboard, the alerts and their runbooks fit each other and the metrics that there are."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from ops.observe import dashboard
from ops.observe.panels import PANELS
from streams.observe.catalogue import METRICS
from tests.conftest import lacking

ROOT = Path(__file__).parents[2]
OPS = ROOT / "ops/observe"
RULES = [
    rule for group in yaml.safe_load((OPS / "rules.yml").read_text())["groups"] for rule in group["rules"]
]
EXPRESSIONS = [query.expr for panel in PANELS for query in panel.queries] + [rule["expr"] for rule in RULES]


def shown(metric):
    suffixes = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
    return {metric.shown + suffix for suffix in suffixes}


def test_the_dashboard_file_is_what_the_panels_say():
    assert dashboard.FILE.read_text() == dashboard.text()


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_a_query_asks_for_metrics_that_there_are_by_labels_that_they_have(expr):
    known = {name: metric for metric in METRICS.values() for name in shown(metric)}
    asked = re.findall(r"(streams_\w+)(?:\{([^}]*)\})?", expr)
    assert asked or 'job=~"rag-streams' in expr
    labels = {"le", "instance", "job"}
    for name, where in asked:
        assert name in known
        labels |= set(known[name].labels)
        assert set(re.findall(r"(\w+)[=!]", where)) <= set(known[name].labels)
    for grouped in re.findall(r"(?:by|on) ?\(([^)]*)\)", expr):
        assert {label.strip() for label in grouped.split(",")} <= labels


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_who_is_woken_what_is_wrong_and_which_runbook_helps(rule):
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert {"summary", "description", "runbook"} == set(rule["annotations"])
    path, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^## (.+)$", (ROOT / path).read_text(), re.MULTILINE)
    assert anchor == rule["alert"].lower()
    assert rule["alert"] in headings


def test_no_runbook_is_of_an_alert_that_there_is_not():
    headings = re.findall(r"^## (RagStreams.+)$", (ROOT / "docs/runbooks.md").read_text(), re.MULTILINE)
    assert headings == [rule["alert"] for rule in RULES]


@pytest.mark.parametrize("task", [("check", "rules", "rules.yml"), ("test", "rules", "rules_test.yml")])
def test_promtool_finds_the_rules_right_and_each_alert_fires_when_it_should(task):
    if shutil.which("promtool") is None:
        lacking("promtool is not there: it comes with Debian's package `prometheus`")
    *words, file = task
    ended = subprocess.run(["promtool", *words, str(OPS / file)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_each_alert_is_tried_by_promtool():
    tried = (OPS / "rules_test.yml").read_text()
    assert [rule["alert"] for rule in RULES if rule["alert"] not in tried.split("a healthy worker")[1]] == []
