"""Shapes: well-known binary, with PostGIS's extensions, as well-known text (OGC 06-103r4, section 7)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_POINT, _LINE, _POLYGON = 1, 2, 3
_NAMES = {1: "POINT", 2: "LINESTRING", 3: "POLYGON", 4: "MULTIPOINT", 5: "MULTILINESTRING"}
_NAMES |= {6: "MULTIPOLYGON", 7: "GEOMETRYCOLLECTION"}
_COLLECTION = 7
_HAS_Z, _HAS_M, _HAS_SRID = 0x80000000, 0x40000000, 0x20000000
_MAX_DEPTH = 8


def point_text(x: float, y: float, srid: object) -> str:
    """A point as text: `SRID=4326;POINT (1 2)`, without its reference system where that is not known."""
    return _with_srid(f"POINT ({x!r} {y!r})", srid)


def well_known_text(data: bytes, srid: object = None) -> str:
    """The shape in `data` as text. Raises ValueError where it is no shape."""
    reader = _Reader(data)
    name, body, own = _shape(reader)
    if reader.at != len(data):
        raise ValueError("bytes after the shape")
    return _with_srid(f"{name} {body}", own if srid is None else srid)


def _with_srid(shape: str, srid: object) -> str:
    return shape if srid is None else f"SRID={srid};{shape}"


@dataclass(slots=True)
class _Reader:
    """Reads numbers off `data`, in the byte order that the shape being read has."""

    data: bytes
    at: int = 0
    order: str = "<"

    def take(self, form: str) -> tuple[float, ...]:
        form = self.order + form
        if self.at + struct.calcsize(form) > len(self.data):
            raise ValueError("the shape ends early")
        values = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return values

    def count(self, least: int) -> int:
        """How many parts follow, each of at least so many bytes."""
        count = int(self.take("I")[0])
        if count * least > len(self.data) - self.at:
            raise ValueError("the shape ends early")
        return count


def _shape(reader: _Reader, depth: int = 0) -> tuple[str, str, object]:
    """The name, body and reference system of the shape that begins here."""
    if depth > _MAX_DEPTH:
        raise ValueError("too many shapes inside each other")
    reader.order = "<" if reader.take("B")[0] else ">"
    code = int(reader.take("I")[0])
    srid = int(reader.take("I")[0]) if code & _HAS_SRID else None
    dimension, kind = divmod(code & 0x1FFFFFFF, 1000)
    z, m = bool(code & _HAS_Z) or dimension in {1, 3}, bool(code & _HAS_M) or dimension in {2, 3}
    if kind not in _NAMES:
        raise ValueError("not a shape that has a name")
    name = f"{_NAMES[kind]} {'Z' * z}{'M' * m}".strip()
    return name, _body(reader, kind, 2 + z + m, depth), srid


def _body(reader: _Reader, kind: int, width: int, depth: int) -> str:
    if kind == _POINT:
        return f"({_position(reader, width)})"
    if kind == _LINE:
        return _line(reader, width)
    if kind == _POLYGON:
        return _listed([_line(reader, width) for _ in range(reader.count(4))])
    shapes = [_shape(reader, depth + 1) for _ in range(reader.count(5))]
    return _listed([f"{name} {body}" if kind == _COLLECTION else body for name, body, _ in shapes])


def _line(reader: _Reader, width: int) -> str:
    return _listed([_position(reader, width) for _ in range(reader.count(8 * width))])


def _position(reader: _Reader, width: int) -> str:
    return " ".join(repr(number) for number in reader.take("d" * width))


def _listed(parts: list[str]) -> str:
    return f"({', '.join(parts)})" if parts else "EMPTY"
