"""The command line, `rag-streams`: one module a command group, and what a failure looks like."""

from __future__ import annotations

import logging
import os
import sys

import stamina

from streams.cli.app import app
from streams.cli.output import exit_code, report
from streams.errors import StreamsError

INTERRUPTED = 130


def main() -> None:
    """Runs the command that the arguments name, and exits with its code."""
    # What libraries log is for a worker's log; a command says what failed in its own words.
    logging.getLogger().addHandler(logging.NullHandler())
    stamina.instrumentation.set_on_retry_hooks([])
    try:
        app(prog_name="rag-streams")
    except StreamsError as error:
        report(error, as_json="--json" in sys.argv)
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Who reads our output has gone; flushing at exit would only say so again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
