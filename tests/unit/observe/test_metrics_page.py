"""The catalogue and the code have the same metrics; those of the catalogue are well named."""

import ast
from pathlib import Path

import pytest

from streams.observe.catalogue import METRICS

ROOT = Path(__file__).parents[3]


def calls():
    """The name of each event and gauge in the code, and its labels where they are written there."""
    for path in (ROOT / "streams").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            if isinstance(node.func, ast.Name) and node.func.id == "Observed":
                yield ast.literal_eval(node.args[0]), _labels(node)
            elif ast.unparse(node.func) == "metrics.read":
                yield ast.literal_eval(node.args[0]), None


def _labels(node):
    given = [word.value for word in node.keywords if word.arg == "labels"] + node.args[2:]
    if not given:
        return set()
    return {ast.literal_eval(key) for key in given[0].keys} if _is_whole(given[0]) else None


def _is_whole(labels):
    return isinstance(labels, ast.Dict) and None not in labels.keys


def test_every_metric_of_the_code_is_in_the_catalogue_and_no_other():
    assert {name for name, _ in calls()} == set(METRICS)


@pytest.mark.parametrize(("name", "labels"), [one for one in calls() if one[1] is not None])
def test_an_event_has_the_labels_that_the_catalogue_names(name, labels):
    assert labels == set(METRICS[name].labels)


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_a_name_ends_in_its_unit_and_a_series_that_begins_at_zero_has_all_labels(metric):
    if metric.kind == "histogram":
        assert metric.name.endswith(("_seconds", "_ratio", "_texts", "_objects"))
    assert not metric.name.endswith("_total")
    assert all(len(labels) == len(metric.labels) for labels in metric.initial)


def test_no_label_is_one_that_comes_with_a_record():
    labels = {label for metric in METRICS.values() for label in metric.labels}
    assert labels.isdisjoint(
        {"tenant", "id", "document", "question", "key", "offset", "partition", "principal"}
    )
