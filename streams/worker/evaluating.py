"""Judging a generation by what a worker with these settings would answer from."""

from __future__ import annotations

import time

from streams.answering.guard.inspect import Guard
from streams.evaluation.retrieval import Evaluation
from streams.ports import Serving
from streams.settings import Settings
from streams.worker.at_work import reading_of
from streams.worker.generations import Opened
from streams.worker.parts import answering_of


def evaluation_of(generation: Opened, settings: Settings) -> Evaluation:
    """Asks this generation, live or not, as the worker would."""
    answering = answering_of(settings)
    return Evaluation(
        Serving(generation.store, generation.embedder, reading_of(generation, settings).reads),
        answering.retrieval,
        monotonic=time.monotonic,
        goes_on=Guard(answering.guard_policy).lets_through,
    )
