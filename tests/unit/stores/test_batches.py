"""Batches that Weaviate answers in time, and of which no more is held than one."""

from streams.stores.weaviate.objects import passage_object
from streams.stores.weaviate.writing import BATCH_CHARACTERS, BATCH_OBJECTS, batches
from tests.contract.held import passage


def objects(count, made, **fields):
    """Passages as objects; what was made of them is in `made`."""
    for number in range(count):
        made.append(number)
        yield passage_object(passage(f"passage {number}", **fields))


def sizes(count, **fields):
    return [len(batch) for batch in batches(objects(count, [], **fields))]


def test_small_passages_go_by_their_number():
    assert sizes(2 * BATCH_OBJECTS + 1) == [BATCH_OBJECTS, BATCH_OBJECTS, 1]


def test_what_every_passage_carries_counts_too():
    long = "x" * (BATCH_CHARACTERS // 10)
    for fields in ({"metadata": (f"raw={long}",)}, {"readers": ("a", long)}, {"title": long}):
        assert sizes(20, **fields) == [9, 9, 2]


def test_no_more_objects_are_made_than_a_batch_holds():
    made = []
    first = next(iter(batches(objects(5 * BATCH_OBJECTS, made))))
    assert len(first) == BATCH_OBJECTS
    assert len(made) <= BATCH_OBJECTS + 1
