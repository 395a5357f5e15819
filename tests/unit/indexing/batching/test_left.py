"""What attempts leave to the next ones, in bounded memory."""

from __future__ import annotations

import tracemalloc
from uuid import UUID

import pytest

from streams.indexing.batching.left import Attempted, Left
from streams.indexing.batching.remember import OVERHEAD_BYTES

ONE, OTHER, THIRD = (UUID(int=number) for number in range(1, 4))
EACH = OVERHEAD_BYTES + 4 * 2


def attempted(*digests, since=0.0):
    return Attempted(since, len(digests), dict.fromkeys(digests, (0.25, 0.5)))


def held(left, key, generation="g1"):
    taken = left.take(generation, key)
    return None if taken is None else list(taken.vectors)


def test_what_was_left_is_taken_once_with_its_numbers():
    left = Left()
    left.put("g1", ONE, Attempted(3.0, 7, {"a": (0.1, 1.0)}))
    taken = left.take("g1", ONE)
    assert (taken.since, taken.lacking) == (3.0, 7)
    assert list(taken.vectors["a"]) == pytest.approx([0.1, 1.0])
    assert left.take("g1", ONE) is None
    assert left.bytes == 0


def test_generations_are_told_apart_and_forgotten_together():
    left = Left()
    left.put("g1", ONE, attempted("a"))
    left.put("g2", ONE, attempted("b"))
    left.put("g1", OTHER, attempted("c"))
    assert held(left, ONE, "g2") == ["b"]
    left.put("g2", ONE, attempted("b"))
    left.forget(ONE)
    assert (held(left, ONE), held(left, ONE, "g2"), held(left, OTHER)) == (None, None, ["c"])


def test_what_was_left_the_longest_ago_makes_room_but_how_far_it_came_is_known():
    left = Left(most_bytes=3 * EACH)
    left.put("g1", ONE, attempted("a", "b", since=5.0))
    left.put("g1", OTHER, attempted("c"))
    left.put("g1", THIRD, attempted("d"))
    assert left.bytes <= 3 * EACH
    assert left.take("g1", ONE) == Attempted(5.0, 2)
    assert (held(left, OTHER), held(left, THIRD)) == (["c"], ["d"])
    assert left.bytes == 0


def test_of_one_document_that_is_too_large_as_much_is_kept_as_fits():
    left = Left(most_bytes=2 * EACH)
    left.put("g1", ONE, attempted("a", "b", "c"))
    taken = left.take("g1", ONE)
    assert (taken.lacking, list(taken.vectors)) == (3, ["a", "b"])


def test_it_takes_no_more_memory_than_it_may():
    left = Left(most_bytes=2_000_000)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(40):
        vectors = {f"{number} {digest:060}": [0.5] * 384 for digest in range(100)}
        left.put("g1", UUID(int=number), Attempted(0.0, 100, vectors))
        del vectors
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert 1_000_000 < used < 2_200_000
