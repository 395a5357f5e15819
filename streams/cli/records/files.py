"""Files and folders as document changes."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

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
    ".html": "text/html",
    ".htm": "text/html",
    ".pdf": "application/pdf",
}
"""The files that a folder is searched for, by suffix; a file that is named itself may have any."""

HEADING = re.compile(r"^#\s+(.+?)\s*#*$", re.MULTILINE)
PAGE_TITLE = re.compile(r"<title[^>]*>([^<]*)</title>", re.IGNORECASE)
CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset=["']?([A-Za-z0-9_.:-]+)""", re.IGNORECASE)
HEAD_BYTES = 4096
"""Where a page names its encoding, at the latest."""


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
    """The upsert that a file stands for; its title is its first `# heading` or `<title>`, else its name."""
    media_type = MEDIA_TYPES.get(found.path.suffix.lower(), "text/plain")
    text = _text(found.path, media_type)
    try:
        return DocumentChange(
            id=found.id,
            title=_title(text, media_type) or found.path.name,
            text=text,
            media_type=media_type,
            tenant=tenant,
            readers=readers or None,
            metadata=dict(metadata),
        )
    except ValidationError as error:
        raise invalid(error) from None


def lines(path: Path) -> Iterator[DocumentChange]:
    """The changes of a JSON Lines file, one `DocumentChange` a line; unknown fields are refused by name."""
    with _opened(path) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    data = decode_json(line)
                    refuse_unknown(DocumentChange, data)
                    yield read(DocumentChange, data, code="invalid_change")
                except Rejected as error:
                    raise Rejected(f"{path}, line {number}: {error}", code=error.code) from None


def _title(text: str, media_type: str) -> str | None:
    if media_type == "application/pdf":
        return None
    found = (PAGE_TITLE if media_type == "text/html" else HEADING).search(text)
    if found is None:
        return None
    title = html.unescape(found[1]) if media_type == "text/html" else found[1]
    return " ".join(title.split())[:2000] or None


def _text(path: Path, media_type: str) -> str:
    with _opened(path) as file:
        data = file.read()
    if media_type == "application/pdf":
        return base64.b64encode(data).decode()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if media_type == "text/html" and (text := _as_declared(data)) is not None:
            return text
        raise Rejected(
            f"{path} is not UTF-8 (byte {error.start}); convert it first", code="not_utf8"
        ) from None


def _as_declared(page: bytes) -> str | None:
    """A page in the encoding that it names; None where it names none, or is not in it."""
    named = CHARSET.search(page[:HEAD_BYTES])
    try:
        return page.decode(named[1].decode()) if named else None
    except (LookupError, UnicodeDecodeError):
        return None


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise Rejected(f"{path}: there is no such file", code="no_such_file") from None
    except OSError as error:
        raise Rejected(f"{path} can't be read: {error.strerror}", code="unreadable_file") from None
