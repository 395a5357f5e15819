"""Newline-delimited JSON out of bytes that may be cut anywhere. Pure."""

from __future__ import annotations


class LineTooLong(ValueError):
    """A line is longer than what is kept of one."""


class LineSplitter:
    r"""Takes bytes as they come, gives whole lines of them.

    Lines end in `\n` or `\r\n`; empty ones are left out. Cut at bytes, never inside of a character.
    At most `limit` bytes wait for their line's end: more raises LineTooLong.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes."""
        end = data.rfind(b"\n")
        if end < 0:
            self._keep(data)
            return []
        whole = bytes(self._pending) + data[:end]
        self._pending.clear()
        self._keep(data[end + 1 :])
        return self._lines(whole)

    def rest(self) -> list[bytes]:
        """The last line, where it did not end in a newline."""
        whole = bytes(self._pending)
        self._pending.clear()
        return self._lines(whole)

    def _keep(self, data: bytes) -> None:
        if len(self._pending) + len(data) > self._limit:
            raise LineTooLong(f"a line is longer than {self._limit} bytes")
        self._pending += data

    def _lines(self, whole: bytes) -> list[bytes]:
        lines = [stripped for line in whole.split(b"\n") if (stripped := line.strip(b"\r"))]
        if any(len(line) > self._limit for line in lines):
            raise LineTooLong(f"a line is longer than {self._limit} bytes")
        return lines
