"""The console in a real Chromium, before real Kafka, Weaviate and Ollama."""

import asyncio

import pytest

from tests.browsing import browser, chromium, page_at
from tests.consoles import enter, told
from tests.real.test_gateway import house

__all__ = ["house"]

SHELL = "The oyster farm of Cancale sells its shells on Tuesday mornings."


@pytest.mark.timeout(400)
def test_what_is_written_in_the_console_is_answered_from_and_cited(house):
    chromium()
    asyncio.run(written_and_asked(f"http://127.0.0.1:{house.ports[1]}", house.key))


async def written_and_asked(url: str, key: str) -> None:
    async with browser() as running, page_at(running, url) as page:
        await enter(page, key, "#/documents")
        await page.get_by_role("button", name="Write a document").click()
        await page.get_by_label("Id", exact=True).fill("guide/cancale")
        await page.get_by_label("Text").fill(SHELL)
        await page.get_by_role("button", name="Write", exact=True).click()
        await told(page, "#writes", "indexed")
        await page.get_by_role("link", name="Ask", exact=True).click()
        await page.get_by_label("Your question").fill("When does the oyster farm of Cancale sell its shells?")
        await page.keyboard.press("Enter")
        await page.locator(".facts").wait_for(timeout=120_000)
        summary = page.get_by_text("that the text does not point at")
        if await summary.is_visible() and not await page.locator(".source").first.is_visible():
            await summary.click()
        await page.locator(".source", has_text="guide/cancale").first.click()
        await told(page, "#passage blockquote", "Tuesday mornings")
        await told(page, "#passage", "The document still says this.")
        await page.get_by_role("link", name="Index").click()
        await told(page, "#feed .name", "guide/cancale")
