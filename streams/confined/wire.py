"""What a worker and its cutting process say to each other: frames of a JSON object and a text.

A frame is two lengths (4 bytes each, big-endian), then as many bytes of JSON, then as many of UTF-8.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from streams.errors import Rejected
from streams.indexing.cutting.chunk import Chunk, Chunking
from streams.messages.changes import Document

LENGTHS = struct.Struct(">II")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may take: seconds of processor time, seconds in all, bytes of address space."""

    cpu_s: float = 60.0
    wall_s: float = 240.0
    memory_bytes: int = 1 << 30


def frame(said: dict[str, Any], text: str = "") -> bytes:
    """The bytes of a frame."""
    head, body = json.dumps(said).encode(), text.encode()
    return LENGTHS.pack(len(head), len(body)) + head + body


def request(document: Document, chunking: Chunking) -> bytes:
    """The frame that asks for a document's chunks; what it is called, and whose it is, stays here."""
    return frame({"media_type": document.media_type, **asdict(chunking)}, document.text)


def requested(said: dict[str, Any], text: str) -> tuple[Document, Chunking]:
    """What is asked for."""
    document = Document(tenant="", id="", text=text, media_type=said["media_type"])
    return document, Chunking(said["max_tokens"], said["target_chars"])


def answer(chunks: Sequence[Chunk]) -> bytes:
    """The frame that gives the chunks: where each stands, and the text that they make together."""
    spans = [[chunk.start, chunk.end] for chunk in chunks]
    markdown = any(chunk.markdown for chunk in chunks)
    return frame({"spans": spans, "markdown": markdown}, "".join(chunk.gap + chunk.text for chunk in chunks))


def refusal(error: Rejected) -> bytes:
    """The frame that says why there are none."""
    return frame({"code": error.code, "message": str(error)})


def answered(said: dict[str, Any], text: str) -> list[Chunk]:
    """The chunks. Raises `Rejected` where they were refused."""
    if "code" in said:
        raise Rejected(said["message"], code=said["code"])
    chunks, last = [], 0
    for start, end in said["spans"]:
        chunks.append(Chunk(text[start:end], start, end, text[last:start], said["markdown"]))
        last = end
    return chunks
