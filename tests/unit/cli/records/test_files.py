"""Files as document changes: what `put` makes of each."""

from __future__ import annotations

import base64

import pytest
from typer.testing import CliRunner

from streams.cli.app import app
from streams.cli.records import files
from streams.errors import Rejected
from streams.indexing.cutting.parse import parse
from streams.messages.changes import Document
from tests.pdfs import pdf, pdf_bytes


def put(folder, name, data):
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    (found,) = files.find([path])
    return files.document(found, tenant=None, readers=[], metadata={})


def parsed(change):
    return parse(Document("default", change.id, change.text, media_type=change.media_type)).text


@pytest.mark.parametrize(
    ("name", "data", "media_type", "title", "text"),
    [
        ("a.md", "# Héros\n\nBonjour", "text/markdown", "Héros", "# Héros\n\nBonjour"),
        ("a.txt", "Bonjour", "text/plain", "a.txt", "Bonjour"),
        ("a.HTML", "<title>Caf&eacute;\n au lait</title><p>Yes", "text/html", "Café au lait", "Yes"),
        ("a.htm", "<p>Yes", "text/html", "a.htm", "Yes"),
        ("a.html", '<meta charset="latin-1"><p>é'.encode("latin-1"), "text/html", "a.html", "é"),
        ("a.pdf", pdf_bytes("Bonjour"), "application/pdf", "a.pdf", "Bonjour"),
        ("a.conf", "x = 1", "text/plain", "a.conf", "x = 1"),
    ],
)
def test_a_file_is_read_by_its_suffix(tmp_path, name, data, media_type, title, text):
    change = put(tmp_path, name, data)
    assert (change.media_type, change.title) == (media_type, title)
    assert parsed(change) == text


def test_a_pdf_travels_in_base64(tmp_path):
    assert put(tmp_path, "a.pdf", base64.b64decode(pdf("x"))).text == pdf("x")


def test_a_folder_is_searched_for_all_kinds_of_files(tmp_path):
    for name in ("a.md", "b.html", "c.htm", "d.pdf", "e.txt", "f.rst", "g.docx", ".h.md"):
        (tmp_path / name).write_text("x")
    assert [found.path.name for found in files.find([tmp_path])] == [
        "a.md",
        "b.html",
        "c.htm",
        "d.pdf",
        "e.txt",
        "f.rst",
    ]


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html"])
def test_a_file_in_no_encoding_that_is_known_is_refused(tmp_path, name):
    with pytest.raises(Rejected, match="not UTF-8") as caught:
        put(tmp_path, name, b"caf\xe9")
    assert caught.value.code == "not_utf8"


def test_a_missing_file_of_changes_is_refused_by_name(tmp_path):
    with pytest.raises(Rejected, match="no such file") as caught:
        list(files.lines(tmp_path / "nowhere.jsonl"))
    assert caught.value.code == "no_such_file"


def test_a_folder_of_changes_is_refused(tmp_path):
    with pytest.raises(Rejected, match="can't be read"):
        list(files.lines(tmp_path))


@pytest.mark.parametrize("option", [["--reader", "bob"], ["--metadata", "a=b"], ["--id", "x"]])
def test_options_that_json_lines_would_ignore_are_refused(tmp_path, option):
    (tmp_path / "a.jsonl").write_text('{"id": "x", "text": "y"}\n')
    done = CliRunner().invoke(app, ["put", "--jsonl", str(tmp_path / "a.jsonl"), *option])
    assert done.exit_code == 2
    assert "--jsonl" in done.output
