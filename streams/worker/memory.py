"""How a worker's process treats its memory: what is dropped is given back, and little is looked through."""

from __future__ import annotations

import ctypes
import gc

NEW_OBJECTS = 2_000
"""Objects made and not yet dropped after which Python looks for cycles among them; its own default is 700."""
MMAP_BYTES = 64 * 1024
"""From this size on, a block is the system's own, and goes back to it when it is dropped."""
TRIM_BYTES = 128 * 1024
"""What may be free at the heap's end."""

# From glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3


def give_back() -> bool:
    """Has glibc give large blocks back to the system for good; False where the C library is another one.

    By itself it raises both limits with the largest block that was ever dropped (a reply with 32 vectors
    is one of 130 kB), and the heap then fills up with holes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    wanted = ((_M_MMAP_THRESHOLD, MMAP_BYTES), (_M_TRIM_THRESHOLD, TRIM_BYTES))
    return all(mallopt(option, size) == 1 for option, size in wanted)


def collect_seldom() -> None:
    """Has the garbage collector leave alone what is there for good, and look at the rest less often.

    With a hundred changes under way nearly all that is young is in use: to look through it took a tenth of
    a worker's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])
