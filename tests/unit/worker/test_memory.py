from __future__ import annotations

import subprocess
import sys

import pytest

HOLES = """
import ctypes
from pathlib import Path
from streams.worker import memory

if {given_back} and not memory.give_back():
    print("another C library")
    raise SystemExit

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]

def pages():
    return int(Path("/proc/self/statm").read_text().split()[1])

def block(size):
    at = libc.malloc(size)
    ctypes.memset(at, 1, size)
    return at

libc.free(block(8 << 20))
before = pages()
large, small = [], []
for _ in range(400):
    large.append(block(130_000))
    small.append(block(100))
for at in large:
    libc.free(at)
print((pages() - before) * 4096 // 1_000_000)
"""


def megabytes_kept(*, given_back: bool) -> int:
    """By a process that dropped 52 MB of large blocks with small ones between that stay."""
    done = subprocess.run(
        [sys.executable, "-c", HOLES.format(given_back=given_back)],
        capture_output=True,
        text=True,
        check=True,
    )
    if not done.stdout.strip().isdigit():
        pytest.skip(f"what is measured is glibc's: {done.stdout.strip()}")
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator, and /proc")
def test_large_blocks_that_are_dropped_are_given_back_whatever_lies_between_them():
    assert megabytes_kept(given_back=False) > 40
    assert megabytes_kept(given_back=True) < 5
