"""Runs a command that ends when its parent does: `python tied.py COMMAND…`.

On Linux the kernel sends SIGTERM the moment that the parent dies, however it dies; the command takes
this process's place. Elsewhere the command runs untied.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # prctl(2)


def main(command: list[str]) -> None:
    """Becomes `command`; ends at once where the parent is gone already."""
    parent = int(os.environ.pop("TIED_TO"))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("the parent ended before the command began")
    os.execvp(command[0], command)  # noqa: S606 - that is what this is for


if __name__ == "__main__":
    main(sys.argv[1:])
