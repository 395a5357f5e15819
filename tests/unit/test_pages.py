"""The documentation's pages lead to each other."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def written(page):
    """Its text, but for what stands in blocks of code."""
    return re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)


def anchors(page):
    """What its headings are linked by."""
    for heading in re.findall(r"^#+ (.*)$", written(page), re.MULTILINE):
        yield re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def links():
    """Each link to a file: the page it is on, the file, and the heading, which may be empty."""
    for page in PAGES:
        for path, anchor in re.findall(r"\]\((?!\w+:)([^)#\s]*)#?([^)\s]*)\)", written(page)):
            yield page, (page.parent / path).resolve() if path else page, anchor


def test_every_link_leads_to_a_file_that_is_there():
    assert [(page.name, str(file)) for page, file, _ in links() if not file.exists()] == []


def test_every_link_to_a_heading_leads_to_one_that_is_there():
    headed = [(page, file, anchor) for page, file, anchor in links() if anchor]
    assert headed != []
    assert [(page.name, anchor) for page, file, anchor in headed if anchor not in anchors(file)] == []


def test_every_page_can_be_reached_from_another():
    reached = {file for page, file, _ in links() if file != page}
    assert [page.name for page in PAGES if page not in reached and page.name != "README.md"] == []
