"""Text in a code that a model can read: base 64, hexadecimal, percent signs, ROT13, backwards."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Iterator
from itertools import islice
from urllib.parse import unquote

MOST = 8
"""Pieces that are decoded of a text."""
LONGEST = 4_000
"""Characters of each."""

_BASE64 = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{24,}={0,2}")
# Several lines or words of at least eight characters, as programs wrap it.
_WRAPPED = re.compile(r"(?<![\w+/=-])(?:[A-Za-z0-9+/_-]{8,}[\s>]+){2,200}[A-Za-z0-9+/_-]{2,}={0,2}")
_MIXED = re.compile(r"[a-z][A-Z]|[a-zA-Z]\d|\d[a-zA-Z]")
_BLANKS = re.compile(r"[\s>]+")
_BASE32 = re.compile(r"(?<![\w=])[A-Z2-7]{32,}={0,6}(?!\w)")
_HEX = re.compile(r"(?<![0-9a-zA-Z])(?:(?:0x|\\x)?[0-9a-fA-F]{2}[ ,:]?){16,}(?![0-9a-zA-Z])")
_HEX_MARKS = re.compile(r"0x|\\x|[ ,:]")
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2}|[\w.-]){12,}")
_PERCENTS = 6
_STRAY = 3
_PRINTABLE = 0.9

TELLING = (
    "ignore",
    "instruction",
    "disregard",
    "prompt",
    "system",
    "previous",
    "consigne",
    "oublie",
    "pretend",
)
"""Words of which nearly every injection has one."""
_ROTATED = tuple(codecs.encode(word, "rot13") for word in TELLING)
_REVERSED = tuple(word[::-1] for word in TELLING)


def decoded(text: str) -> Iterator[str]:
    """What pieces of `text` say when they are decoded: at most `MOST`, each at most `LONGEST` characters."""
    return islice(_all(text), MOST)


def _all(text: str) -> Iterator[str]:
    low = text.casefold()
    if any(word in low for word in _ROTATED):
        yield codecs.encode(text[:LONGEST], "rot13")
    if any(word in low for word in _REVERSED):
        yield text[:LONGEST][::-1]
    yield from _unwrapped(text)
    patterns = [(_BASE64, _of_base64), (_BASE32, _of_base32), (_HEX, _of_hex)]
    if text.count("%") >= _PERCENTS:
        patterns.append((_PERCENT, _of_percent))
    for pattern, read in patterns:
        for piece in pattern.finditer(text):
            if found := _text(read(piece[0][: 2 * LONGEST])):
                yield found[:LONGEST]


def _unwrapped(text: str) -> Iterator[str]:
    """What base 64 in several lines says, whatever word stands right before or after it."""
    if not _MIXED.search(text):
        return
    for run in _WRAPPED.finditer(text):
        if not _MIXED.search(run[0]):
            continue
        parts = _BLANKS.split(run[0][: 2 * LONGEST])
        for first in range(min(_STRAY, len(parts) - 1)):
            if found := _text(_of_base64("".join(parts[first:]))):
                yield found[:LONGEST]
                break


def _of_base64(piece: str) -> bytes:
    bare = piece.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(bare[: len(bare) - (len(bare) % 4 == 1)] + "=" * (-len(bare) % 4))
    except (binascii.Error, ValueError):
        return b""


def _of_base32(piece: str) -> bytes:
    bare = piece.rstrip("=")
    try:
        return base64.b32decode(bare[: len(bare) // 8 * 8])
    except (binascii.Error, ValueError):
        return b""


def _of_hex(piece: str) -> bytes:
    try:
        return bytes.fromhex(_HEX_MARKS.sub("", piece))
    except ValueError:
        return b""


def _of_percent(piece: str) -> bytes:
    return unquote(piece).encode() if piece.count("%") >= _PERCENTS else b""


def _text(data: bytes) -> str:
    """`data` as text; empty where it is none."""
    text = data.decode("utf-8", "replace")
    readable = sum(
        character.isprintable() or character.isspace() for character in text.replace("\ufffd", "\0")
    )
    return text if text and readable >= _PRINTABLE * len(text) else ""
