"""`doctor`: is each part there, the right version, with what it needs; and what to do where not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import typer

from streams.cli.output import Json, Output, exit_code
from streams.cli.processes.checks import Check, checks_of
from streams.client.here import here
from streams.errors import Retryable, StreamsError
from streams.settings import Settings
from streams.settings.shown import shown

LIMIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: `error` None where all is well."""

    part: str
    detail: str
    error: StreamsError | None = None


def doctor(
    settings_too: bool = typer.Option(False, "--settings", help="Show every setting first, secrets masked."),
    as_json: Json = False,
) -> None:
    """Check Kafka, the topics, the store and the models, and say what to do where something is wrong.

    Example: `rag-streams doctor --settings`
    """
    settings, out = here(), Output(as_json)
    if settings_too:
        for one in shown(settings):
            out.row(one, f"{one.name}={one.value}{'' if one.given else '  (default)'}")
    findings = asyncio.run(_examine(settings))
    for finding in findings:
        _print(finding, out)
    codes = [exit_code(finding.error) for finding in findings if finding.error]
    if codes:
        raise typer.Exit(max(codes))


async def _examine(settings: Settings) -> list[Finding]:
    checks = checks_of(settings)
    return list(await asyncio.gather(*(_one(part, check, settings) for part, check in checks.items())))


async def _one(part: str, check: Check, settings: Settings) -> Finding:
    try:
        async with asyncio.timeout(LIMIT_S):
            return Finding(part, await check(settings))
    except StreamsError as error:
        return Finding(part, str(error), error)
    except TimeoutError:
        hangs = Retryable(f"no answer within {LIMIT_S:g} s: it hangs; look at its log, or restart it")
        return Finding(part, str(hangs), hangs)


def _print(finding: Finding, out: Output) -> None:
    row = {"part": finding.part, "ok": finding.error is None, "detail": finding.detail}
    mark = "ok   " if finding.error is None else "WRONG"
    out.row(row, f"{mark} {finding.part:<11} {finding.detail}")
