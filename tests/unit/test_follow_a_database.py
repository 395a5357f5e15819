"""What the page on following a database shows is what compose and the tests run."""

from __future__ import annotations

import json
import re
import tomllib

from tests.composed import FILE
from tests.pages import DOCS, block, blocks

PAGE = "how-to/follow-a-database.md"
CDC = FILE.parent / "ops" / "cdc"


def statements(sql):
    """A script's statements, whatever their white space and comments."""
    without = re.sub(r"--.*", "", sql)
    return {" ".join(one.split()) for one in without.split(";") if one.strip()}


def test_its_source_is_the_one_of_the_file():
    [shown] = tomllib.loads(block(PAGE, "toml", "[[sources]]"))["sources"]
    assert shown in tomllib.loads((CDC / "sources.toml").read_text())["sources"]


def test_its_lines_of_the_connector_are_those_of_the_file():
    shown = json.loads(block(PAGE, "json", "topic.prefix"))
    assert shown.items() <= json.loads((CDC / "connector.json").read_text()).items()
    assert len(shown) > 5


def test_its_lines_of_mariadbs_connector_are_those_of_the_file():
    shown = json.loads(block(PAGE, "json", "database.server.id"))
    assert shown.items() <= json.loads((CDC / "mariadb.json").read_text()).items()


def test_its_statements_for_the_database_are_those_of_the_script():
    shown = statements(block(PAGE, "sql", "CREATE PUBLICATION"))
    assert shown <= statements((CDC / "init.sql").read_text())
    assert len(shown) == 2


def test_its_environment_is_what_compose_asks_for():
    asked = set(re.findall(r"\$\{(\w+)", FILE.read_text())) | {"COMPOSE_PROFILES"}
    [environment] = [one for one in blocks(PAGE) if "COMPOSE_PROFILES" in one]
    assert set(re.findall(r"^(\w+)=", environment, re.MULTILINE)) <= asked


def test_the_files_and_pages_that_it_names_are_there():
    text = (DOCS / PAGE).read_text()
    for path in re.findall(r"\]\(([\w./-]+\.md)\)", text):
        assert (DOCS / "how-to" / path).resolve().exists(), path
    for path in re.findall(r"ops/cdc/[\w.]+", text):
        assert (FILE.parent / path.rstrip(".")).exists(), path


def test_its_truncate_has_the_databases_time_not_that_of_whoever_writes_it():
    written, _ = block(PAGE, "", "console-producer").split(" | ")
    assert "clock_timestamp()" in written
    assert "date" not in written.replace("update", "")
