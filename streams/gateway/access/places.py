"""How many requests of one key may be open at a time: each has one of the connections that there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from streams.gateway.http.problems import Problem
from streams.ports import Observed, Observer

FOR_ONE_KEY = 200
"""Streams, and answers that are waited for, of one key at one gateway."""
AGAIN_S = 5
"""What `Retry-After` says: one ends when its answer does, or when whoever follows goes away."""


class Places:
    """Room for requests that stay open."""

    def __init__(self, observe: Observer) -> None:
        self._observe = observe
        self._taken: Counter[str] = Counter()

    @contextmanager
    def place(self, key_id: str) -> Iterator[None]:
        """A place for a request of this key. Raises `Problem` (`too_many_open`) where none is left."""
        if self._taken[key_id] >= FOR_ONE_KEY:
            self._observe(Observed("gateway_refusals", labels={"reason": "too_many_open"}))
            detail = f"this key has {FOR_ONE_KEY} streams and waiting requests open: end one"
            raise Problem(429, "too_many_open", detail, headers={"Retry-After": str(AGAIN_S)})
        self._taken[key_id] += 1
        try:
            yield
        finally:
            self._taken[key_id] -= 1
            if not self._taken[key_id]:
                del self._taken[key_id]
