"""Evaluation sets: questions and the documents that answer them, as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streams.evaluation.expected import Expected
from streams.messages.changes import DEFAULT_TENANT, Tenant


class EvaluationLine(BaseModel):
    """One line: a question, the ids of the documents that answer it (none: nothing does), and who asks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: Annotated[str, Field(min_length=1, max_length=8000)]
    document_ids: tuple[str, ...]
    tenant: Tenant = DEFAULT_TENANT
    principals: tuple[str, ...] = ()
    language: str | None = None


def read_questions(path: Path) -> Sequence[Expected]:
    """The questions of a file. Raises a usage error that names the line that is none."""
    questions = [
        _question(path, number, line)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.strip()
    ]
    if not questions:
        raise typer.BadParameter(f"{path} holds no question")
    return questions


def _question(path: Path, number: int, line: str) -> Expected:
    try:
        one = EvaluationLine.model_validate(json.loads(line))
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        what = f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
        raise typer.BadParameter(f"{path}, line {number}: {what}") from None
    except ValueError:
        raise typer.BadParameter(f"{path}, line {number}: no JSON") from None
    return Expected(one.question, frozenset(one.document_ids), one.tenant, one.principals, one.language)
