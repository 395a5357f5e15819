"""Runs a command that ends when its parent does: `python tied.py COMMAND…`.

On Linux the kernel sends a signal the moment that the parent dies, however it dies; the command takes
this process's place. Elsewhere the command runs untied. In the environment: `TIED_TO`, the parent's
process id; `TIED_BY`, the signal's number; `TIED_AS`, the name of the user to become, if any.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1  # prctl(2)


def main(command: list[str]) -> None:
    """Becomes `command`; ends at once where the parent is gone already."""
    parent, number = int(os.environ.pop("TIED_TO")), int(os.environ.pop("TIED_BY"))
    if user := os.environ.pop("TIED_AS", None):
        _become(user)
    # After that, as the kernel forgets it where a process changes its user.
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        sys.exit("the parent ended before the command began")
    os.execvp(command[0], command)  # noqa: S606 - that is what this is for


def _become(user: str) -> None:
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


if __name__ == "__main__":
    main(sys.argv[1:])
