"""The console in a real Chromium, before a real gateway, broker and index.

Where an answer must take a certain course, the test plays the answering worker: on topics of its own, through
the same gateway. Every page is held against what `page_at` says: no violation of the Content-Security-Policy,
no error, no dialog, no request to elsewhere.
"""

import asyncio
import json
import random
from itertools import pairwise

import httpx
import pytest
import pytest_asyncio

from streams.messages.answers import answer_event
from streams.messages.markers import markers
from streams.messages.reader import AnswerReader
from tests.browsing import accessible, browser, chromium, nameless, page_at, poor_contrast, too_wide
from tests.consoles import ALL, PARKING, World, ask, cited, dead_letter, enter, told
from tests.e2e.test_embedded import Up
from tests.staged import Relay, Stage

pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

SOURCES = """
[[sources]]
topic = "documents.changes"
format = "native"

[[sources]]
topic = "cms.pages"
format = "json"
key = ["id"]
id = "page/{slug}"
text = "{body}"
"""
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory):
    chromium()
    folder = tmp_path_factory.mktemp("console")
    (folder / "sources.toml").write_text(SOURCES)
    (folder / ".env").write_text("STREAMS_SOURCES=sources.toml\n")
    made = World(Up(folder))
    try:
        made.up.wait(180)
        made.start()
        async with made.stage() as stage:
            # A worker looks for a topic that is not there yet now and then: this makes it.
            await stage.send("cms.pages", '{"id": 0}', '{"id": 0, "slug": "first", "body": "Is there."}')
        async with browser() as made.browser:
            made.parking = await made.put(
                "kb/parking", PARKING, title="Parking", url="https://kb.example.org/parking"
            )
            yield made
    finally:
        made.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def stage(world):
    async with world.stage() as playing:
        yield playing


async def test_an_answer_arrives_piece_by_piece_and_shows_what_it_was_made_from(world, stage):
    async with page_at(world.browser, world.gateway.url) as page:
        await enter(page, world.key(*ALL))
        played = await ask(page, stage, "When does the car park open?")
        assert (played.question.text, played.question.stream) == ("When does the car park open?", True)
        await told(page, ".progress", "Searching")
        await played.starts([cited(world.parking)])
        await told(page, ".progress", "Found 1 passage. stage:70b writes")
        await played.says("It opens at", " six [")
        answer = page.locator(".answer")
        await told(page, ".answer", "It opens at six")
        assert await answer.get_attribute("aria-busy") == "true"
        assert "[" not in await answer.inner_text()
        await played.says("1], not on Sundays [7].")
        await page.get_by_role("button", name="Source 1: Parking").wait_for()
        await played.ends([cited(world.parking)])
        await told(page, ".facts", "first word after 412 ms · 1.3 s in all")
        assert await answer.inner_text() == "It opens at six 1, not on Sundays [7]."
        assert await answer.get_attribute("aria-busy") == "false"

        await page.get_by_role("button", name="Source 1: Parking").click()
        passage = page.get_by_role("dialog", name="Parking")
        assert await passage.locator("blockquote").inner_text() == PARKING
        await told(page, "#passage", "The document still says this.")
        said = await passage.inner_text()
        assert world.parking["position"] in said
        assert f"characters 0 to {len(PARKING)}" in said
        link = passage.get_by_role("link", name="https://kb.example.org/parking")
        assert await link.get_attribute("rel") == "noopener noreferrer"
        await passage.get_by_role("link", name="kb/parking", exact=True).click()
        await told(page, "#document h2", "Parking")
        await told(page, "#document .outcome", "Indexed")


@pytest.mark.parametrize("width", [360, 1280])
async def test_who_goes_on_to_the_next_question_is_not_taken_back_to_the_passage(world, stage, width):
    async with page_at(world.browser, world.gateway.url, width=width, height=740) as page:
        await enter(page, world.key(*ALL))
        played = await ask(page, stage, "When does the car park open?")
        await played.starts([cited(world.parking)])
        await played.says("At six [1].")
        await played.ends([cited(world.parking)])
        await told(page, ".facts", "in all")
        await page.get_by_role("button", name="Source 1: Parking").first.click()
        await told(page, "#passage", "In its document")
        # In one turn, as the browser tells of what was closed only in a later one.
        focused = await page.evaluate("""async () => {
          const told = new Promise((done) => passage.addEventListener("close", done, { once: true }));
          passage.close();
          question.focus();
          await told;
          return document.activeElement.id;
        }""")
        assert focused == "question"


async def test_a_cited_document_that_changed_since_is_said_to(world, stage):
    before = await world.put("kb/lift", "The lift takes eight people.", title="Lift")
    async with page_at(world.browser, world.gateway.url) as page:
        await enter(page, world.key(*ALL))
        played = await ask(page, stage, "How many people fit into the lift?")
        quote = cited(before, "The lift takes eight people.")
        await played.starts([quote])
        await played.says("Eight [1].")
        await played.ends([quote], outdated=[1])
        await told(page, ".notice", "Changed or removed while the answer was made: source 1.")
        await world.put("kb/lift", "The lift is out of order.", title="Lift")
        await page.get_by_role("button", name="Source 1: Lift").click()
        await told(page, "#passage", "has changed since, and no longer says this.")


async def test_a_reset_takes_the_text_back_and_says_why(world, stage):
    async with page_at(world.browser, world.gateway.url) as page:
        await enter(page, world.key(*ALL))
        played = await ask(page, stage, "And on Sundays?")
        await played.starts([cited(world.parking)])
        await played.says("It is open around")
        await told(page, ".answer", "It is open around")
        await played.starts_over("timeout")
        await told(page, ".reset", "Started over: the model was too slow. Now stage:8b writes.")
        assert await page.locator(".answer").inner_text() == ""
        await played.says("Closed [1].")
        await played.ends([cited(world.parking)], model="stage:8b", route="fallback", reason="timeout")
        await told(page, ".facts", "stage:8b")
        assert await page.locator(".answer").inner_text() == "Closed 1."
        await page.get_by_text("What was written before").click()
        assert await page.locator(".discarded").inner_text() == "It is open around"


async def test_what_the_guard_found_is_said(world, stage):
    async with page_at(world.browser, world.gateway.url) as page:
        await enter(page, world.key("ask"))
        played = await ask(page, stage, "Is it safe?")
        found = {"policy": "drop", "score": 0.9, "passages_flagged": [1], "passages_dropped": 2}
        await played.ends([cited(world.parking)], "Yes [1].", guard=found)
        await told(page, ".notice", "Reads like instructions to the model, so be wary of it: source 1.")
        await told(page, ".notice", "Left out, since it reads like instructions to the model: 2 passages.")


async def test_what_is_not_known_and_what_fails_are_said_plainly(world, stage):
    async with page_at(world.browser, world.gateway.url) as page:
        await enter(page, world.key(*ALL))
        played = await ask(page, stage, "Who won in 1954?")
        await played.ends(
            [], "The documents do not say.", abstained=True, route="none", reason="no_evidence", model=None,
            grounded=None,
        )  # fmt: skip
        await told(page, ".calm", "The index holds no evidence for this, so nothing was made up.")
        assert not await page.locator(".sources").is_visible()
        played = await ask(page, stage, "Who won in 1974?")
        assert played.question.history == []
        await played.fails("unavailable", "No model answers now.", retryable=True)
        await told(page, ".problem", "be answered now. No model answers now.")
        await page.get_by_role("button", name="Ask again").click()
        again = await stage.asked()
        assert again.question.text == "Who won in 1974?"
        await again.fails("refused", "It is refused.", retryable=False)
        await told(page, ".problem", "The question was refused.")
        assert await page.get_by_role("button", name="Ask again").count() == 1


async def test_a_conversation_goes_along_with_the_next_question_until_a_new_one_begins(world, stage):
    async with page_at(world.browser, world.gateway.url) as page:
        await enter(page, world.key(*ALL))
        played = await ask(page, stage, "When does it open?")
        await played.starts([cited(world.parking)])
        await played.says("At six, `", "t[1]", "` [1].")
        await played.ends([cited(world.parking)])
        await told(page, ".facts", "in all")
        assert await page.locator(".marker").count() == 1
        played = await ask(page, stage, "And on Sundays?")
        assert [(turn.role, turn.content) for turn in played.question.history] == [
            ("user", "When does it open?"),
            ("assistant", "At six, `t[1]` ."),
        ]
        await page.get_by_role("button", name="Stop").click()
        await told(page, ".calm", "Stopped")
        await page.get_by_role("button", name="New conversation").click()
        assert await page.locator(".turn").count() == 0
        assert (await ask(page, stage, "Again?")).question.history == []


async def test_a_lost_connection_goes_on_after_the_last_event_seen(world, stage):
    async with (
        Relay(world.gateway.port) as relay,
        page_at(world.browser, relay.url) as page,
    ):
        asked_with = []
        page.on(
            "request",
            lambda request: (
                "/events" in request.url and asked_with.append(request.headers.get("last-event-id"))
            ),
        )
        await enter(page, world.key("ask"))
        played = await ask(page, stage, "When does it open?")
        await played.starts([cited(world.parking)])
        await played.says("It opens")
        await told(page, ".answer", "It opens")
        relay.closed = True
        relay.cut()
        await told(page, ".progress", "The connection was lost.")
        await played.says(" at", " six")
        relay.closed = False
        await told(page, ".answer", "It opens at six")
        await played.says(" [1].")
        await played.ends([cited(world.parking)])
        await told(page, ".facts", "in all")
        assert await page.locator(".answer").inner_text() == "It opens at six 1."
        assert set(asked_with) == {"1.1"}
        assert await page.locator(".problem:visible").count() == 0


async def test_what_can_not_be_sent_is_said_and_can_be_asked_again(world, stage):
    async with Relay(world.gateway.port) as relay, page_at(world.browser, relay.url) as page:
        await enter(page, world.key("ask"))
        relay.closed = True
        relay.cut()
        await page.get_by_label("Your question").fill("Anybody?")
        await page.keyboard.press("Enter")
        await told(page, ".problem", "be reached.")
        relay.closed = False
        await page.get_by_role("button", name="Ask again").click()
        assert (await stage.asked()).question.text == "Anybody?"


async def test_text_of_documents_answers_and_dead_letters_is_never_html(world, stage):
    held = await world.put("kb/<b>hostile</b>", HOSTILE, title=f"A title {HOSTILE}", media_type="text/plain")
    broken = {"id": f"kb/{HOSTILE}", "title": HOSTILE}
    await stage.send("documents.changes", f"default/{broken['id']}", json.dumps(broken))
    async with page_at(world.browser, world.gateway.url) as page:
        await enter(page, world.key(*ALL))
        played = await ask(page, stage, f"What is {HOSTILE}?")
        hostile = [
            cited(held, HOSTILE, url="javascript:alert(3)"),
            cited(held, HOSTILE, n=2, url=" java\nscript:alert(4)", title=None),
            cited(held, HOSTILE, n=3, url="data:text/html,<script>alert(5)</script>", cited=False),
        ]
        await played.starts(hostile)
        await played.says(f"{HOSTILE} [1][2]")
        await played.starts_over("error")
        await played.says(f"{HOSTILE} [1][2]")
        await played.ends(hostile)
        await told(page, ".facts", "in all")
        assert await page.locator(".answer").inner_text() == f"{HOSTILE} 12"
        for number in (1, 2):
            await page.get_by_role("button", name=f"Source {number}:").click()
            await told(page, "#passage", "The document still says this.")
            assert await page.locator("#passage a").count() == 1
        await page.get_by_role("navigation").get_by_role("link", name="Index").click()
        await page.locator("#feed a", has_text="kb/<b>hostile</b>").first.click()
        await told(page, "#document h2", HOSTILE)
        letter = await dead_letter(page, HOSTILE)
        await letter.locator("summary").click()
        await told(page, ".letter dd", HOSTILE)
        added = "document.querySelectorAll(':is(#main, dialog) :is(img, script, b)').length"
        assert await page.evaluate(added) == 0


async def test_a_document_is_written_followed_edited_and_deleted(world, stage):
    async with page_at(world.browser, world.gateway.url) as page:
        await enter(page, world.key(*ALL), "#/documents")
        await page.get_by_role("button", name="Write a document").click()
        await page.get_by_label("Id", exact=True).fill("kb/pool ä?#%2F")
        await page.get_by_label("Text").fill("The pool opens at nine.\n\nTowels are free.")
        await page.get_by_label("Readers").fill("*")
        await page.get_by_role("button", name="Write", exact=True).click()
        await told(page, "#writes", "indexed")
        await told(page, "#document .passages", "The pool opens at nine.")
        await told(page, "#document .outcome", "Indexed")

        await page.get_by_role("navigation").get_by_role("link", name="Ask").click()
        await told(page, "#waits", "Waits for your change of kb/pool")
        played = await ask(page, stage, "When does the pool open?")
        assert [one.topic for one in played.question.after] == ["documents.changes"]
        await played.ends([], "At nine.")
        await told(page, ".facts", "in all")
        assert not await page.locator("#waits").is_visible()

        await page.go_back()
        await page.get_by_role("button", name="Edit").click()
        assert await page.get_by_label("Text").input_value() == "The pool opens at nine.\n\nTowels are free."
        await page.get_by_label("Text").fill("The pool opens at ten.")
        await page.get_by_role("button", name="Write", exact=True).click()
        await told(page, "#document .passages", "The pool opens at ten.")
        await page.get_by_role("button", name="Delete").click()
        await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        await told(page, "#document .standing", "Deleted")
        await told(page, "#document .outcome", "Deleted")


async def test_a_row_of_a_table_is_shown_and_of_two_documents_of_an_id_the_one_that_is_chosen(world, stage):
    await stage.send("cms.pages", '{"id": 1}', '{"id": 1, "slug": "spa", "body": "The spa opens at eight."}')
    await world.holds("page/spa")
    async with page_at(world.browser, world.gateway.url) as page:
        await enter(page, world.key(*ALL), "#/documents/page%2Fspa")
        await told(page, "#document .passages", "The spa opens at eight.")
        await told(page, "#document .outcome", "Indexed")
        await told(page, "#document .properties", "cms.pages: it is changed there")
        for name in ("Edit", "Delete"):
            assert not await page.get_by_role("button", name=name, exact=True).is_visible()

        await world.put("page/spa", "Another spa.", source="documents.changes")
        await page.reload()
        await told(page, "#documents .problem", "2 sources have a document of this id")
        await page.get_by_role("link", name="page/spa of documents.changes").click()
        await told(page, "#document .passages", "Another spa.")
        await page.get_by_role("button", name="Delete").click()
        await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        await told(page, "#document .standing", "Deleted")


async def test_a_document_that_is_deleted_in_one_source_and_not_readable_in_another_is_not_deleted(
    world, stage
):
    row = '{"id": 2}'
    await stage.send("cms.pages", row, '{"id": 2, "slug": "sauna", "body": "The sauna opens at noon."}')
    await world.holds("page/sauna")
    await stage.send("cms.pages", row, None)

    async def becomes(deleted):
        async with world.http() as http, asyncio.timeout(90):
            while True:
                heads = (await http.get("/v1/history/page/sauna")).json()["heads"]
                newest = {one["source"]["topic"]: one["deleted"] for one in reversed(heads)}
                if newest == deleted:
                    return
                await asyncio.sleep(0.2)

    await becomes({"cms.pages": True})
    async with page_at(world.browser, world.gateway.url) as page:
        await enter(page, world.key(*ALL), "#/documents/page%2Fsauna")
        await told(page, "#document .standing", "Deleted")
        async with world.http() as http:
            body = {"text": "Staff may sweat at ten.", "readers": ["group:staff"]}
            assert (await http.put("/v1/documents/page/sauna", json=body)).status_code == 202
        await becomes({"cms.pages": True, "documents.changes": False})
        await page.reload()
        await told(page, "#document .standing", "The index does not hold it, or you may not read it")


async def test_a_dead_letter_is_shown_with_its_reason_and_sent_back(world, stage):
    await stage.send("documents.changes", "default/kb/empty", '{"id": "kb/empty"}')
    async with page_at(world.browser, world.gateway.url) as page:
        await enter(page, world.key(*ALL))
        letter = await dead_letter(page, "kb/empty")
        await letter.get_by_role("heading", name="invalid_change").wait_for()
        await letter.get_by_text("The record").click()
        await letter.get_by_text('{"id": "kb/empty"}').wait_for()
        await letter.get_by_role("button", name="Send back").click()
        await page.get_by_role("dialog", name="Send it back?").get_by_role("button", name="Cancel").click()
        await letter.get_by_role("button", name="Send back").click()
        await page.get_by_role("dialog").get_by_role("button", name="Send back").click()
        await letter.get_by_text("Sent to documents.retry-").wait_for()
        await page.get_by_text("Questions", exact=True).click()
        await told(page, "#dead .empty", "No dead letters.")


async def test_the_index_is_watched_as_it_happens_and_the_feed_can_be_paused(world):
    async with page_at(world.browser, world.gateway.url) as page:
        await enter(page, world.key(*ALL), "#/index")
        await told(page, "#index .lead", "Everything that was written is in the index.")
        await told(page, "#freshness", "Up to date")
        await world.put("kb/bell", "The bell rings at noon.")
        line = page.locator("#feed li").filter(has_text="kb/bell")
        await line.wait_for()
        assert "1 passage embedded, 0 reused" in await line.inner_text()
        await page.get_by_role("button", name="Pause").click()
        await world.put("kb/bells", "The bells ring at noon.")
        await page.get_by_role("button", name="Go on, 1 new").click()
        await page.locator("#feed li").filter(has_text="kb/bells").wait_for()


async def test_everything_can_be_done_with_the_keyboard_alone(world, stage):
    async with page_at(world.browser, world.gateway.url) as page:
        press, focused = page.keyboard.press, "document.activeElement.textContent.trim()"
        await page.goto("/")
        await page.locator("#key:focus").wait_for()
        await page.keyboard.type(world.key(*ALL))
        await press("Enter")
        await page.locator("#question:focus").wait_for()
        await page.keyboard.type("When does it open?")
        await press("Enter")
        played = await stage.asked()
        await played.starts([cited(world.parking)])
        await played.says("At six [1].")
        await played.ends([cited(world.parking)])
        await told(page, ".facts", "in all")
        assert await page.evaluate("document.activeElement.id") == "question"
        for _ in range(3):
            await press("Shift+Tab")
        assert await page.evaluate(focused) == "1"
        await press("Enter")
        await page.locator("#passage-title:focus").wait_for()
        await press("Tab")
        assert await page.evaluate(focused) == "Close"
        await press("Escape")
        assert await page.evaluate(focused) == "1"
        assert not await page.locator("#passage").is_visible()

        await page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        await page.locator("body").evaluate("document.body.tabIndex = -1, document.body.focus()")
        await press("Tab")
        assert await page.evaluate(focused) == "Skip to the content"
        visited = []
        while "Dead letters" not in visited:
            await press("Tab")
            visited.append(await page.evaluate(focused))
            assert len(visited) < 10
        assert visited[-4:] == ["Ask", "Index", "Documents", "Dead letters"]
        await press("Enter")
        await page.locator("#dead-title:focus").wait_for()
        for name, action in (("default", "Forget this key"),):
            for _ in range(30):
                await press("Shift+Tab")
                if name in await page.evaluate(focused):
                    break
            await press("Enter")
            await press("Tab")
            assert await page.evaluate(focused) == action
        await press("Enter")
        await page.locator("#key:focus").wait_for()


async def each_view(page, world: World, stage: Stage):
    """Every view and dialog in turn, with something in it."""
    await page.goto("/console/")
    yield "door"
    await enter(page, world.key(*ALL))
    yield "nothing asked"
    played = await ask(page, stage, "When does the car park with the very-long-name-that-has-no-spaces open?")
    await played.starts([cited(world.parking)])
    await played.says("It opens")
    await played.starts_over("timeout")
    await played.says("At six [1], " + "x" * 120)
    await told(page, ".answer", "At six")
    yield "an answer on its way"
    await played.ends([cited(world.parking), cited(world.parking, n=2, cited=False)], outdated=[1])
    await told(page, ".facts", "in all")
    await page.locator(".facts summary").click()
    yield "an answer"
    await page.get_by_role("button", name="Source 1: Parking").first.click()
    await told(page, "#passage", "In its document")
    yield "a passage"
    await page.keyboard.press("Escape")
    played = await ask(page, stage, "And then?")
    await played.fails("unavailable", "No model answers now.", retryable=True)
    await told(page, ".problem", "No model")
    yield "a failure"
    await page.get_by_role("link", name="Index").click()
    await told(page, "#feed .name", "kb/parking")
    yield "index"
    await page.get_by_role("link", name="Documents").click()
    await page.get_by_label("Document id").fill("kb/parking")
    await page.keyboard.press("Enter")
    await told(page, "#document .outcome", "Indexed")
    yield "a document"
    await page.get_by_role("button", name="Edit").click()
    yield "writing"
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Delete").click()
    yield "deleting"
    await page.keyboard.press("Escape")
    letter = await dead_letter(page, "kb/dead")
    await letter.locator("summary").click()
    await letter.locator("dd").first.wait_for()
    yield "dead letters"


LANDMARKS = {"door": {"main"}}
TWICE = """[...document.querySelectorAll("[id]")].map((one) => one.id)
  .filter((id, n, all) => all.indexOf(id) !== n)"""


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
async def test_every_view_can_be_read_has_names_and_fits(world, stage, width, scheme):
    await stage.send("documents.changes", "default/kb/dead", '{"id": "kb/dead"}')
    wrong = {}
    async with page_at(world.browser, world.gateway.url, width=width, height=740, scheme=scheme) as page:
        async for view in each_view(page, world, stage):
            found = await accessible(page)
            roles = {role for role, _, _ in found}
            modal = await page.locator("dialog:modal").count()
            headings = [level for role, _, level in found if role == "heading"]
            wrong[view] = {
                "contrast": await poor_contrast(page),
                "nameless": nameless(found),
                "wide": await too_wide(page),
                "landmarks": set()
                if modal
                else LANDMARKS.get(view, {"main", "banner", "navigation"}) - roles,
                "h1": 1 if modal else headings.count(1),
                "jumps": [pair for pair in pairwise(headings) if pair[1] > pair[0] + 1],
                "twice": await page.evaluate(TWICE),
            }
    right = {
        "contrast": [], "nameless": [], "wide": 0, "landmarks": set(), "h1": 1, "jumps": [], "twice": [],
    }  # fmt: skip
    assert wrong == dict.fromkeys(wrong, right)
    assert len(wrong) == 11


async def heard(page, count: int) -> list[str]:
    """What was said so far, once it is so many sentences."""
    async with asyncio.timeout(30):
        while len(said := await page.evaluate("window.heard")) < count:
            await page.wait_for_timeout(50)
    return said


async def test_a_screen_reader_hears_what_happens(world, stage):
    async with page_at(world.browser, world.gateway.url) as page:
        await enter(page, world.key(*ALL))
        await page.evaluate("""() => {
          window.heard = [];
          new MutationObserver(() => { if (said.textContent) window.heard.push(said.textContent); })
            .observe(said, { childList: true });
        }""")
        played = await ask(page, stage, "When does it open?")
        await played.starts([cited(world.parking)])
        await heard(page, 1)
        await played.says("At", " six,", " `t[1]` [1].")
        await played.ends([cited(world.parking)])
        assert await heard(page, 2) == [
            "Found 1 passage. The answer is being written.",
            "The answer: At six, `t[1]` (source 1). 1 passage to look at.",
        ]
        roles = [(role, name) for role, name, _ in await accessible(page)]
        assert ("status", "") in roles
        assert ("heading", "When does it open?") in roles


async def test_what_a_key_may_not_do_is_not_offered_and_not_asked_for(world, stage):
    async with page_at(world.browser, world.gateway.url) as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        await enter(page, world.key("ask"))
        assert await page.get_by_role("navigation").get_by_role("link").all_inner_texts() == ["Ask"]
        played = await ask(page, stage, "When does it open?")
        await played.starts([cited(world.parking)])
        await played.says("At six [1].")
        await played.ends([cited(world.parking)])
        await page.get_by_role("button", name="Source 1: Parking").first.click()
        await page.get_by_role("dialog", name="Parking").wait_for()
        await page.goto("/console/#/dead")
        await page.get_by_role("navigation").get_by_role("link", name="Ask").wait_for()
        assert not await page.locator("#dead").is_visible()
        paths = {httpx.URL(url).path for url in asked if "/v1/" in url}
        assert paths == {"/v1/key", "/v1/questions"}


async def test_the_key_is_in_this_tab_alone_and_can_be_forgotten(world):
    key = world.key("ask")
    async with page_at(world.browser, world.gateway.url) as page:
        await page.goto("/console/")
        await page.get_by_label("API key").fill("rs_wrong")
        await page.keyboard.press("Enter")
        await told(page, "#key-problem", "this key is not known here")
        assert await page.evaluate("sessionStorage.length") == 0
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        await enter(page, key)
        await page.reload()
        await page.locator("#app").wait_for()
        places = "[localStorage, document.cookie, location.href, history.state, document.body.innerHTML]"
        assert key not in await page.evaluate(f"JSON.stringify({places})")
        assert not [url for url in asked if key in url]
        other = await page.context.new_page()
        await other.goto("/console/")
        await other.get_by_label("API key").wait_for()
        await page.get_by_role("button", name="Key of the tenant").click()
        await page.get_by_role("button", name="Forget this key").click()
        await page.get_by_label("API key").wait_for()
        assert await page.evaluate("sessionStorage.length") == 0


async def test_a_key_that_is_revoked_meanwhile_leads_back_to_the_door(world):
    key = world.key("ask", "read")
    async with page_at(world.browser, world.gateway.url) as page:
        await enter(page, key, "#/index")
        world.revoke(key)
        await told(page, "#key-problem", "this key was revoked")
        assert await page.evaluate("Object.values(sessionStorage).join()") == ""


async def test_the_page_runs_nothing_but_its_own_files_and_can_not_be_framed(world):
    async with world.http() as http:
        page = await http.get("/console/", headers={"Authorization": ""})
        again = await http.get("/console/", headers={"If-None-Match": page.headers["etag"]})
        other = await http.get("/console/..%2fkeys.json")
        first = await http.get("/")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert (again.status_code, other.status_code) == (304, 404)
    assert first.headers["location"] == "console/"

    context = await world.browser.new_context(base_url=world.gateway.url)
    page = await context.new_page()
    await page.goto("/console/")
    ways = {
        "inner html": "document.body.innerHTML = '<b>x</b>'",
        "script": "document.createElement('script').textContent = 'window.ran = 1'",
        "handler": "document.body.setAttribute('onclick', 'window.ran = 1')",
        "elsewhere": "await fetch('https://example.org/')",
    }
    for name, way in ways.items():
        script = f"async () => {{ try {{ {way}; return 'run' }} catch (error) {{ return error.name }} }}"
        assert await page.evaluate(script) != "run", name
    style = "Object.assign(document.createElement('style'), { textContent: 'body { color: red }' })"
    await page.evaluate(f"document.body.append({style})")
    assert await page.evaluate("getComputedStyle(document.body).color") != "rgb(255, 0, 0)"
    await context.close()


def scrambled(rng: random.Random) -> list[dict]:
    """Events of one question as a topic may hold them: sent twice, late, of several attempts."""
    events = []
    for attempt in range(1, rng.randint(2, 4)):
        for seq in range(rng.randint(1, 5)):
            head = {"type": "answer.delta", "text": rng.choice(["a ", "b [1]", "", "ä"])}
            if seq == 0:
                head = {"type": "answer.reset", "reason": "timeout", "model": "m", "route": "fallback"}
            events.append({"attempt": attempt, "seq": seq, **head})
    if rng.random() < 0.5:
        events.append({
            "type": "answer.failed", "attempt": rng.randint(1, 3), "seq": 9, "code": "refused",
            "message": "no", "retryable": False,
        })  # fmt: skip
    events += rng.choices(events, k=rng.randint(0, 4))
    if rng.random() < 0.7:
        rng.shuffle(events)
    common = {"tenant": "t", "question_id": "q", "question": "questions-0-0", "at": "2026-11-25T10:00:00Z"}
    return [{**common, **event} for event in events]


async def test_the_page_reads_events_by_the_same_rule_as_the_python_client(world):
    rng = random.Random(6)
    runs = [scrambled(rng) for _ in range(200)]
    expected = []
    for run in runs:
        reader = AnswerReader()
        counted = [reader.feed(answer_event.validate_python(event)) for event in run]
        expected.append([counted, reader.attempt, reader.text])
    script = """async (runs) => {
      const { AnswerReader } = await import("/console/answer.js");
      return runs.map((run) => {
        const reader = new AnswerReader();
        return [run.map((event) => reader.feed(event)), reader.attempt, reader.text];
      });
    }"""
    async with page_at(world.browser, world.gateway.url) as page:
        await page.goto("/console/")
        assert await page.evaluate(script, runs) == expected


async def test_the_page_finds_markers_where_the_server_does_however_the_text_arrives(world):
    rng = random.Random(8)
    parts = ["`", "``", "```", "[1]", "[12]", "[", "]", "2", " ", "\n", "a", "é"]
    texts = ["".join(rng.choices(parts, k=rng.randint(1, 14))) for _ in range(2000)]
    script = """async (texts) => {
      const { pieces, settled } = await import("/console/answer.js");
      const all = new Map(Array.from({ length: 100 }, (_, n) => [n, true]));
      const numbers = (found) => found.filter((piece) => typeof piece === "number");
      return texts.map((text) => {
        const found = [];
        let shown = 0;
        for (let end = 1; end <= text.length; end += 1) {
          const sure = text.slice(0, settled(text.slice(0, end)));
          found.push(...numbers(pieces(sure, all, shown)));
          shown = sure.length;
        }
        return [numbers(pieces(text, all)), [...found, ...numbers(pieces(text, all, shown))]];
      });
    }"""
    expected = [[[marker.n for marker in markers(text)]] * 2 for text in texts]
    async with page_at(world.browser, world.gateway.url) as page:
        await page.goto("/console/")
        assert await page.evaluate(script, texts) == expected


async def test_a_stream_of_events_is_read_the_same_however_it_is_cut(world):
    stream = (
        ': alive\r\n\r\nid: 1.0\nevent: a\ndata: {"x": "ä€😀"}\n\ndata:two\rdata: lines\r\r'
        "event: b\r\ndata: [3]\r\n\r\nid\ndata\n\nevent: never\n\ndata: not ended\n"
    ).encode()
    expected = [
        {"id": "1.0", "type": "a", "data": '{"x": "ä€😀"}'},
        {"id": "1.0", "type": "message", "data": "two\nlines"},
        {"id": "1.0", "type": "b", "data": "[3]"},
        {"id": "", "type": "message", "data": ""},
    ]
    script = """async ([bytes, cuts]) => {
      const { eventsOf } = await import("/console/http.js");
      const pieces = cuts.slice(1).map((end, n) => new Uint8Array(bytes.slice(cuts[n], end)));
      const body = new ReadableStream({
        start(controller) { pieces.forEach((piece) => controller.enqueue(piece)); controller.close(); },
      });
      const found = [];
      for await (const event of eventsOf(new Response(body))) found.push(event);
      return found;
    }"""
    rng = random.Random(7)
    async with page_at(world.browser, world.gateway.url) as page:
        await page.goto("/console/")
        for size in (1, 2, 3, 7, len(stream)):
            cuts = [*range(0, len(stream), size), len(stream)]
            assert await page.evaluate(script, [list(stream), cuts]) == expected, size
        for _ in range(30):
            cuts = [0, *sorted(rng.sample(range(1, len(stream)), 6)), len(stream)]
            assert await page.evaluate(script, [list(stream), cuts]) == expected, cuts


async def test_a_real_model_answers_from_a_document_that_was_just_written(world):
    url, _, key = world.address.partition("/#key=")
    async with page_at(world.browser, url) as page:
        await page.goto(world.address)
        await page.locator("#app").wait_for()
        assert key not in page.url
        await page.get_by_role("link", name="Documents").click()
        await page.get_by_role("button", name="Write a document").click()
        await page.get_by_label("Id", exact=True).fill("kb/observatory")
        await page.get_by_label("Text").fill("The observatory is open on Friday nights until two.")
        await page.get_by_role("button", name="Write", exact=True).click()
        await page.get_by_role("link", name="Ask", exact=True).click()
        await page.get_by_label("Your question").fill("Until when is the observatory open on Friday nights?")
        await page.keyboard.press("Enter")
        await page.locator(".facts").wait_for(timeout=90_000)
        summary = page.get_by_text("that the text does not point at")
        if await summary.is_visible() and not await page.locator(".source").first.is_visible():
            await summary.click()
        await page.locator(".source", has_text="kb/observatory").first.click()
        await told(page, "#passage blockquote", "until two")
        await told(page, "#passage", "The document still says this.")
