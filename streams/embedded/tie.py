"""Runs a command that ends when its parent does, however the parent ends: `tie.py MODE PARENT COMMAND…`.

`kernel` (Linux): the kernel kills the command the moment that the thread that started it dies; the
command takes this process's place. `watch` (anywhere): this process stays, and kills the command when
its standard input, whose other end only the parent holds, comes to its end. Knows nothing of its
package, so that it starts at once.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1  # prctl(2)
GONE = 70  # EX_SOFTWARE
SIGNALLED = 128


def by_kernel(parent: int, command: list[str]) -> None:
    """Becomes the command; ends at once where the parent is gone already."""
    import ctypes  # noqa: PLC0415 - only this mode needs it, and it may be missing elsewhere

    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        sys.exit(f"prctl failed: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit(GONE)
    os.execvp(command[0], command)  # noqa: S606 - that is what this is for


def by_watching(parent: int, command: list[str]) -> None:
    """Runs the command, passes SIGTERM and SIGINT on, and kills it at the end of the standard input."""
    if os.getppid() != parent:
        sys.exit(GONE)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - the command is the parent's
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: child.send_signal(number))
    while child.poll() is None:
        # SIGCHLD may have come before its handler: look again now and then.
        ready, _, _ = select.select([0, woken], [], [], 1.0)
        if woken in ready:
            os.read(woken, 512)
        if 0 in ready and not os.read(0, 512):
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            child.wait()
    sys.exit(child.returncode if child.returncode >= 0 else SIGNALLED - child.returncode)


MODES = {"kernel": by_kernel, "watch": by_watching}


if __name__ == "__main__":
    MODES[sys.argv[1]](int(sys.argv[2]), sys.argv[3:])
