"""Databases refuse to run as root: where root starts one, another user runs it."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any


def unprivileged(name: str) -> str | None:
    """The user that a server is to run as, `name` if there is one; None: the one who asks, who isn't root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(name).pw_name
    except KeyError:
        return "nobody"


def handed_over(folder: Path, user: str | None) -> dict[str, Any]:
    """Makes the folder, gives it to `user`, and gives what has a subprocess run as that user."""
    folder.mkdir(parents=True, exist_ok=True)
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
