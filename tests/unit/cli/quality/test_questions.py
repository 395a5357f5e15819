import pytest
import typer

from streams.cli.quality.questions import read_questions
from streams.evaluation.expected import Expected


def read(folder, text):
    path = folder / "questions.jsonl"
    path.write_text(text, encoding="utf-8")
    return read_questions(path)


def test_each_line_is_a_question_with_the_documents_that_answer_it(tmp_path):
    assert read(
        tmp_path,
        '{"question": "Où ?", "document_ids": ["a", "b"], "tenant": "acme", "principals": ["group:x"]}\n\n'
        '{"question": "Why?", "document_ids": ["c"]}\n',
    ) == [
        Expected("Où ?", frozenset({"a", "b"}), "acme", ("group:x",)),
        Expected("Why?", frozenset({"c"}), "default", ()),
    ]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "no JSON"),
        ('{"question": "x"}', "document_ids"),
        ('{"question": "", "document_ids": ["a"]}', "question"),
        ('{"question": "x", "document_ids": ["a"], "tenant": "no tenant"}', "tenant"),
        ('{"question": "x", "document_ids": ["a"], "answer": "y"}', "answer"),
    ],
)
def test_a_line_that_is_none_is_named_with_what_is_wrong(tmp_path, line, what):
    with pytest.raises(typer.BadParameter, match=rf"line 2: .*{what}"):
        read(tmp_path, f'{{"question": "Why?", "document_ids": ["c"]}}\n{line}\n')


def test_an_empty_set_compares_nothing_and_is_refused(tmp_path):
    with pytest.raises(typer.BadParameter, match="no question"):
        read(tmp_path, "\n\n")
