"""The sources file (`STREAMS_SOURCES`, TOML): which topics are read, and how.

    [[sources]]                     [[questions]]
    topic = "documents.changes"     topic = "questions.acme"
    format = "native"               tenant = "acme"

Where it has `[[sources]]`, these are all the sources; likewise `[[questions]]`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import TypeAdapter, ValidationError

from streams.errors import Misconfigured
from streams.sources.formats import FORMATS
from streams.sources.mapping import TEMPLATES
from streams.sources.template import parse
from streams.sources.tenancy import is_tenant
from streams.sources.topics import QuestionTopic, Source, Topics

SETTING = "STREAMS_SOURCES"

Row = TypeVar("Row", Source, QuestionTopic)

_URL = re.compile(r"https?://[^\s/@?#]+(/[^\s?#]*)?")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_READERS: dict[type[Any], TypeAdapter[Any]] = {row: TypeAdapter(row) for row in (Source, QuestionTopic)}


def load(path: Path | None, *, changes_topic: str, questions_topic: str) -> Topics:
    """The topics that the file at `path` names; those given stand in for what it, or no file, leaves out.

    Raises `Misconfigured`, naming the file, the table in it and what would be right.
    """
    file = _File("", {}) if path is None else _read(path)
    known = {"sources", "questions"}
    if unknown := sorted(file.data.keys() - known):
        _fail(f"{file.name}: there is no {unknown[0]!r}; write [[sources]] or [[questions]]")
    topics = Topics(
        sources=_rows(file, "sources", Source) or (Source(changes_topic),),
        questions=_rows(file, "questions", QuestionTopic) or (QuestionTopic(questions_topic),),
    )
    sources = [source.topic for source in topics.sources]
    _all_different(file, sources + [question.topic for question in topics.questions])
    return topics


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    data: dict[str, Any]
    text: str = ""

    def place(self, table: str, number: int) -> str:
        """Where the table `[[table]]` number `number` (from 1) stands, for a person to find."""
        headers = list(re.finditer(rf"^[ \t]*\[\[\s*{table}\s*\]\]", self.text, re.MULTILINE))
        line = ""
        if len(headers) == len(self.data[table]):
            line = f", line {self.text.count(chr(10), 0, headers[number - 1].start()) + 1}"
        return f"{self.name}: [[{table}]] number {number}{line}"


def _read(path: Path) -> _File:
    try:
        text = path.read_text(encoding="utf-8")
        return _File(str(path), tomllib.loads(text), text)
    except OSError as error:
        _fail(f"{path} can't be read: {error.strerror}. Name a TOML file, or leave the setting out")
    except UnicodeDecodeError:
        _fail(f"{path} is not UTF-8, as TOML must be")
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        _fail(f"{path} is not TOML: {error}")


def _rows(file: _File, table: str, kind: type[Row]) -> tuple[Row, ...]:
    if table not in file.data:
        return ()
    rows = file.data[table]
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        _fail(f"{file.name}: {table!r} is a list of tables: begin each one with [[{table}]]")
    return tuple(_row(file.place(table, number), kind, row) for number, row in enumerate(rows, 1))


def _row(place: str, kind: type[Row], data: dict[str, Any]) -> Row:
    names = [field.name for field in fields_of(kind)]
    if unknown := sorted(data.keys() - set(names)):
        _fail(f"{place}: there is no {unknown[0]!r}; there are {', '.join(names)}")
    try:
        row: Row = _READERS[kind].validate_python(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        _fail(f"{place}: {'.'.join(map(str, first['loc']))}: {first['msg']}")
    if not _TOPIC.fullmatch(row.topic) or row.topic in {".", ".."}:
        _fail(f"{place}: topic: a name that Kafka takes has 1 to 249 of A-Z, a-z, 0-9, '.', '_' and '-'")
    if isinstance(row, Source):
        _check_format(place, row, data.keys() - {"topic", "format"})
    elif row.tenant is not None:
        _check_tenant(place, row.tenant)
    return row


def _check_format(place: str, source: Source, given: set[str]) -> None:
    if source.format not in FORMATS:
        _fail(f"{place}: format: this version reads {', '.join(FORMATS)}")
    form = FORMATS[source.format]
    if useless := sorted(given - form.fields):
        _fail(f"{place}: {useless[0]!r} means nothing to the format {source.format}; leave it out")
    if source.encoding not in form.encodings:
        _fail(f"{place}: encoding: {source.format} is read from {', '.join(sorted(form.encodings))}")
    if lacking := [name for name in form.needed if name not in given]:
        _fail(f"{place}: the format {source.format} needs {lacking[0]}, a template over the row's columns")
    if form.tenant_is_constant:
        _check_constant(place, source.tenant)
    else:
        _check_templates(place, source)
        _check_registry(place, source)


def _check_constant(place: str, tenant: str | None) -> None:
    if tenant is not None:
        _check_tenant(place, tenant)


def _check_templates(place: str, source: Source) -> None:
    for name, text in ((name, getattr(source, name)) for name in TEMPLATES):
        if text is not None:
            _check_template(place, name, text)
    if source.readers_when_empty is not None and source.readers is None:
        _fail(f"{place}: readers_when_empty: means nothing without readers, when everyone may read")
    for name in source.metadata:
        if "=" in name or not all(name.removesuffix("?").split(".")):
            _fail(f"{place}: metadata: {name!r} is no column that metadata can be named after")
    if source.unavailable_value.startswith("hex:") and not _is_hex(source.unavailable_value[4:]):
        _fail(f"{place}: unavailable_value: what follows hex: is in hexadecimal, two digits a byte")
    if not (source.unavailable_value and source.fields_prefix):
        _fail(f"{place}: unavailable_value and fields_prefix are never empty")
    if not all(source.key):
        _fail(f"{place}: key: names columns, none of them empty")


def _is_hex(text: str) -> bool:
    try:
        return bool(bytes.fromhex(text))
    except ValueError:
        return False


def _check_registry(place: str, source: Source) -> None:
    url = source.schema_registry
    if (source.encoding == "avro") != (url is not None):
        _fail(f'{place}: schema_registry: is needed with encoding = "avro", and means nothing without')
    if url is not None and not _URL.fullmatch(url):
        _fail(
            f"{place}: schema_registry: an address such as http://localhost:8081, without a user or "
            "a password: those are STREAMS_SCHEMA_REGISTRY_USERNAME and STREAMS_SCHEMA_REGISTRY_PASSWORD"
        )


def _check_template(place: str, name: str, text: str) -> None:
    try:
        template = parse(text)
    except ValueError as error:
        _fail(f"{place}: {name}: {error}")
    if not text:
        _fail(f"{place}: {name}: an empty template gives nothing; leave it out")
    if name == "tenant" and not template.columns:
        _check_tenant(place, text)
    if name == "id" and not template.columns:
        _fail(f"{place}: id: names no column, so that every row would be the same document")


def _check_tenant(place: str, tenant: str) -> None:
    if not is_tenant(tenant):
        _fail(f"{place}: tenant: a constant of 1 to 64 of A-Z, a-z, 0-9, '_' and '-'")


def _all_different(file: _File, topics: list[str]) -> None:
    for topic in topics:
        if topics.count(topic) > 1:
            where = f"{file.name}: " if file.name else ""
            _fail(
                f"{where}the topic {topic} is named twice; a topic is one source or carries questions, once"
            )


def _fail(message: str) -> NoReturn:
    raise Misconfigured(message, setting=SETTING)
