"""What a comparison came to is remembered in the index and told by every worker."""

import asyncio
from datetime import UTC, datetime

from streams.reconcile import clean

FIRST, LATER = datetime(2026, 11, 24, tzinfo=UTC), datetime(2026, 11, 25, tzinfo=UTC)


class Notes(dict):
    async def set_note(self, name, text):
        self[name] = text

    async def note(self, name):
        return self.get(name)


async def told(notes, *sources):
    """The gauges that a worker shows."""
    gauges, round_over = {}, asyncio.Event()

    async def sleep(_seconds):
        round_over.set()
        await asyncio.Event().wait()

    async def held():
        return notes

    def observe(event):
        gauges[event.name, event.labels["source"]] = event.value

    task = asyncio.create_task(clean.tell(held, sources, observe, sleep=sleep))
    await round_over.wait()
    task.cancel()
    return gauges


async def test_an_index_that_differs_is_told_with_how_much_and_when_it_was_last_clean():
    notes = Notes()
    await clean.remember(notes, ["kb", "cms"], FIRST, {}, clean=True)
    await clean.remember(notes, ["kb"], LATER, {"kb": 3, "cms": 9}, clean=False)
    assert await told(notes, "kb", "cms") == {
        ("reconcile_last_clean_timestamp_seconds", "kb"): FIRST.timestamp(),
        ("reconcile_last_run_timestamp_seconds", "kb"): LATER.timestamp(),
        ("reconcile_differing_documents", "kb"): 3,
        ("reconcile_last_clean_timestamp_seconds", "cms"): FIRST.timestamp(),
        ("reconcile_last_run_timestamp_seconds", "cms"): FIRST.timestamp(),
        ("reconcile_differing_documents", "cms"): 0,
    }


async def test_what_is_known_of_one_index_is_known_of_the_next_where_that_knows_nothing_later():
    before, after = Notes(), Notes()
    await clean.remember(before, ["kb", "cms"], FIRST, {}, clean=True)
    await clean.remember(after, ["cms"], LATER, {"cms": 2}, clean=False)
    await clean.carry(before, after, ["kb", "cms", "new"])
    assert await clean.last_clean(after, "kb") == FIRST
    assert await clean.last_run(after, "kb") == (FIRST, 0)
    assert await clean.last_run(after, "cms") == (LATER, 2)
    assert await clean.last_clean(after, "cms") == FIRST
    assert await clean.last_run(after, "new") is None


async def test_nothing_is_told_of_a_source_that_was_never_compared():
    assert await told(Notes(), "kb") == {}


async def test_a_note_of_a_later_version_that_says_more_is_read():
    notes = Notes()
    await clean.remember(notes, ["kb"], FIRST, {"kb": 3}, clean=True)
    for name, text in notes.items():
        notes[name] = f"{text} more"
    assert await clean.last_run(notes, "kb") == (FIRST, 3)
    assert await clean.last_clean(notes, "kb") == FIRST
