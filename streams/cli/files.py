"""Files and folders as document changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from streams.cli.arguments import invalid
from streams.errors import Rejected
from streams.messages.changes import DocumentChange
from streams.messages.decode import decode_json, read, refuse_unknown

MEDIA_TYPES = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".rst": "text/plain",
}
"""The files that a folder is searched for, by suffix; a file that is named itself may have any."""

HEADING = re.compile(r"^#\s+(.+?)\s*#*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Found:
    """A file and the document id that it gets."""

    path: Path
    id: str


def find(paths: list[Path]) -> list[Found]:
    """The files under `paths`, sorted; an id is the path as given, the folder that was given included.

    Raises `Rejected` where a path is not there, or where nothing is found.
    """
    found = []
    for path in paths:
        if path.is_dir():
            files = sorted(
                file for file in path.rglob("*") if file.suffix.lower() in MEDIA_TYPES and file.is_file()
            )
            visible = [
                file
                for file in files
                if not any(part.startswith(".") for part in file.relative_to(path).parts)
            ]
            found += [Found(file, file.as_posix()) for file in visible]
        elif path.is_file():
            found.append(Found(path, path.as_posix()))
        else:
            raise Rejected(f"{path}: there is no such file or folder", code="no_such_file")
    if not found:
        kinds = ", ".join(sorted(MEDIA_TYPES))
        raise Rejected(f"no {kinds} files under {', '.join(map(str, paths))}", code="no_such_file")
    return list(dict.fromkeys(found))


def document(
    found: Found, *, tenant: str | None, readers: list[str], metadata: dict[str, str]
) -> DocumentChange:
    """The upsert that a file stands for; its title is its first `# heading`, else its name."""
    text = _text(found.path)
    heading = HEADING.search(text)
    try:
        return DocumentChange(
            id=found.id,
            title=heading.group(1)[:2000] if heading else found.path.name,
            text=text,
            media_type=MEDIA_TYPES.get(found.path.suffix.lower(), "text/plain"),
            tenant=tenant,
            readers=readers or None,
            metadata=dict(metadata),
        )
    except ValidationError as error:
        raise invalid(error) from None


def lines(path: Path) -> Iterator[DocumentChange]:
    """The changes of a JSON Lines file, one `DocumentChange` a line; unknown fields are refused by name."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    data = decode_json(line)
                    refuse_unknown(DocumentChange, data)
                    yield read(DocumentChange, data, code="invalid_change")
                except Rejected as error:
                    raise Rejected(f"{path}, line {number}: {error}", code=error.code) from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Rejected(
            f"{path} is not UTF-8 (byte {error.start}); convert it first", code="not_utf8"
        ) from None
