"""A real Chromium for tests, and what must be true of every page that is looked at in it."""

from __future__ import annotations

import os
import shutil
from contextlib import asynccontextmanager

from tests.conftest import lacking

VIOLATIONS = """addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP ${event.violatedDirective} ${event.blockedURI}`));"""
EXPECTED = "Failed to load resource"
"""What Chromium says of any answer above 399: those are part of what is tested."""

CONTRAST = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((one, n) => one * a + under[n] * (1 - a));
  const ancestors = (element) => (element ? [...ancestors(element.parentElement), element] : []);
  const ground = (element) => ancestors(element).reduce(
    (under, one) => over(rgba(getComputedStyle(one).backgroundColor), under),
    matchMedia("(prefers-color-scheme: dark)").matches ? [0, 0, 0] : [255, 255, 255]);
  const light = (color) => {
    const [r, g, b] = color.map((one) => one / 255)
      .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const poor = [];
  const judge = (element, color, least, what) => {
    const under = ground(element);
    const found = ratio(over(rgba(color), under), under);
    if (found < least) poor.push(`${what}: ${found.toFixed(2)}`);
  };
  const seen = (element) => element.checkVisibility({ checkVisibilityCSS: true, checkOpacity: true })
    && !element.closest(".visually-hidden, :disabled");
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let judged = 0;
  while (texts.nextNode()) {
    const { parentElement: element, data } = texts.currentNode;
    if (!data.trim() || !seen(element)) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    judge(element, style.color, large ? 3 : 4.5, data.trim().slice(0, 40));
    judged += 1;
  }
  for (const field of document.querySelectorAll("input:not([type=radio]), textarea, select")) {
    if (!seen(field)) continue;
    judge(field, getComputedStyle(field, "::placeholder").color, 4.5, `placeholder of ${field.id}`);
    const edged = field.closest(".composer .box") ?? field;
    const under = ground(edged.parentElement);
    const edge = ratio(over(rgba(getComputedStyle(edged).borderTopColor), under), under);
    if (edge < 3) poor.push(`edge of ${field.id}: ${edge.toFixed(2)}`);
  }
  return { judged, poor };
}"""
"""Text of less contrast than WCAG 2.2 asks for (1.4.3), and fields whose edge has less than 3:1 (1.4.11)."""

NAMED = {
    "button", "link", "textbox", "combobox", "radio", "checkbox", "dialog", "navigation", "region", "table",
    "article", "DisclosureTriangle", "group", "form", "searchbox", "image", "list",
}  # fmt: skip
MAY_BE_NAMELESS = {"article", "group", "image", "list", "form"}


def chromium() -> str:
    """The browser's program; without one the test ends."""
    found = shutil.which("chromium")
    if found is None:
        lacking("no Chromium: install Debian's package `chromium`")
    return found


@asynccontextmanager
async def browser():
    """A browser for a module's tests."""
    program = chromium()
    from playwright.async_api import async_playwright

    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as driver:
        running = await driver.chromium.launch(executable_path=program, args=arguments)
        yield running
        await running.close()


@asynccontextmanager
async def page_at(browser, url: str, *, width: int = 1280, height: int = 800, scheme: str = "light"):
    """A page of a new profile. At its end nothing was violated, broken, or asked for elsewhere."""
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        reduced_motion="reduce",
        base_url=url,
    )
    context.set_default_timeout(60_000)
    page = await context.new_page()
    wrong: list[str] = []
    await page.add_init_script(VIOLATIONS)
    page.on("console", lambda said: _note(wrong, said))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
    page.on(
        "request", lambda request: request.url.startswith(url) or wrong.append(f"elsewhere: {request.url}")
    )
    try:
        yield page
        assert wrong == []
    finally:
        await context.close()


def _note(wrong: list[str], said) -> None:
    if said.type in {"error", "warning"} and not said.text.startswith(EXPECTED):
        wrong.append(f"{said.type}: {said.text}")


async def poor_contrast(page) -> list[str]:
    """What can't be read well enough on the page as it is now."""
    found = await page.evaluate(CONTRAST)
    assert found["judged"] > 3
    return found["poor"]


async def accessible(page) -> list[tuple[str, str, int | None]]:
    """What a screen reader finds: (role, name, level of a heading), in order."""
    session = await page.context.new_cdp_session(page)
    nodes = (await session.send("Accessibility.getFullAXTree"))["nodes"]
    await session.detach()
    found = []
    for node in nodes:
        if node["ignored"]:
            continue
        level = next(
            (one["value"]["value"] for one in node.get("properties", []) if one["name"] == "level"), None
        )
        found.append((node["role"]["value"], node.get("name", {}).get("value", "").strip(), level))
    return found


def nameless(found: list[tuple[str, str, int | None]]) -> list[str]:
    """Roles of what should have a name and has none."""
    return [role for role, name, _ in found if role in NAMED - MAY_BE_NAMELESS and not name]


async def too_wide(page) -> int:
    """By how many pixels the page is wider than its window."""
    return await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
