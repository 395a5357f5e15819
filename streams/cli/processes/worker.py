"""`worker`: indexes and answers until it is told to stop."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.client.here import here
from streams.worker.parts import ROLES, Role


def worker(
    roles: Annotated[str, typer.Option(help="`index`, `answer`, or both.")] = ",".join(ROLES),
) -> None:
    """Index changes and answer questions. SIGTERM drains and exits 0 within 20 seconds.

    Example: `rag-streams worker --roles index`
    """
    from streams.worker.run import main  # noqa: PLC0415 - no other command needs Faust, which is slow to import

    main(here(), _roles(roles))


def _roles(text: str) -> tuple[Role, ...]:
    named = [part.strip() for part in text.split(",")]
    chosen = tuple(role for role in ROLES if role in named)
    if not chosen or len(chosen) != len(set(named)):
        raise typer.BadParameter(f"--roles takes {' and '.join(ROLES)}, separated by a comma, not {text!r}")
    return chosen
