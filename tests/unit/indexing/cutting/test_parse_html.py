"""HTML: of a page its main text, of a fragment all of it, as Markdown."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import Rejected
from streams.indexing.cutting.chunk import Chunking, chunk
from streams.indexing.cutting.parse import parse
from streams.messages.changes import Document

SENTENCES = (
    "The quick brown fox jumps over the lazy dog near the river bank, and nobody minds it at all. " * 3
)
PAGE = f"""<!DOCTYPE html><html lang="en"><head><title>Reset a password</title><style>p {{color: red}}</style>
<script>var tracking = "on";</script></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/about">About us</a></li></ul></nav>
<div class="cookie-banner">We use cookies. <button>Accept all</button></div>
<aside class="sidebar">Subscribe to our newsletter! <a href="/buy">Buy now</a></aside>
<main><article><h1>Reset a password</h1><p>Open <b>Settings</b> and choose <a href="/s">Security</a>.
{SENTENCES}</p>
<h2>On a phone</h2><ol><li>Open the app<ul><li>sign in</li></ul></li><li>Tap Profile</li></ol>
<pre><code>reset --user bob
reset --all</code></pre>
<table><tr><th>Plan</th><th>Price</th></tr><tr><td>Basic</td><td>12 EUR</td></tr></table>
<h3>If it fails</h3><p>{SENTENCES}</p></article></main>
<div class="ad advertisement">Cheap flights to Rome</div>
<footer>Copyright 2026 Example Ltd. Imprint. Privacy policy.</footer></body></html>"""


def parsed(text):
    return parse(Document(tenant="acme", id="1", text=text, media_type="text/html; charset=utf-8"))


def test_a_pages_own_text_keeps_its_structure_and_loses_what_stands_around_it():
    got = parsed(PAGE)
    assert got.media_type == "text/markdown"
    for kept in (
        "# Reset a password\n",
        "Open Settings and choose Security. The quick",
        "\n\n## On a phone\n\n1. Open the app\n   - sign in\n2. Tap Profile\n",
        "```\nreset --user bob\nreset --all\n```",
        "| Plan | Price |\n| Basic | 12 EUR |",
        "\n\n### If it fails\n\n",
    ):
        assert kept in got.text
    for dropped in ("Home", "newsletter", "Buy now", "Privacy", "tracking", "color", "cookies", "Rome"):
        assert dropped not in got.text


def test_a_page_is_cut_at_its_own_headings():
    text = parsed(PAGE.replace(SENTENCES, SENTENCES * 4))
    chunks = chunk(text.text, media_type=text.media_type, chunking=Chunking(2048, 800))
    assert any(piece.text.startswith("## On a phone") for piece in chunks)


def test_a_question_that_is_a_button_stays_with_its_answer():
    asked = "".join(
        f"<h2><button>How do I reset item {n}?</button></h2><div><p>Open Settings, choose number {n}, then"
        " wait for the message, which is sent to you by mail within the hour.</p></div>"
        for n in range(6)
    )
    page = f"<!doctype html><body><nav>Home About</nav><main><h1>Help</h1>{asked}</main></body>"
    assert parsed(page).text.count("How do I reset") == 6


def test_of_a_fragment_nothing_is_lost():
    fragment = "<nav>Home</nav><p>Short.</p>Loose text<div>and <h2>a part</h2><p>with <i>words</i></p></div>"
    assert parsed(fragment).text == "Home\n\nShort.\n\nLoose text\n\nand\n\n## a part\n\nwith words"


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<html><body><nav>Home</nav><p>Yes.</p></body></html>", "Yes."),
        ("<html><body><header><h1>All that there is</h1></header></body></html>", "# All that there is"),
        ("<body><div><span>One</span> <span>two</span></div></body>", "One two"),
    ],
)
def test_a_page_of_which_no_main_text_can_be_told_is_read_all_the_same(page, text):
    assert parsed(page).text == text


@pytest.mark.parametrize(
    "text", ["", " \n", "<html></html>", "<p></p>", "<script>alert(1)</script>", "<!-- nothing -->"]
)
def test_a_page_with_nothing_to_read_is_an_empty_text(text):
    assert parsed(text).text == ""


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<h1>One</h1><h6>Six</h6><h2> </h2>", "# One\n\n###### Six"),
        ("<ul><li><p>one</p><p>two</p></li><li>three</li></ul>", "- one\n\n  two\n- three"),
        ("<ul><li>a<ol><li>b</li><li>c</li></ol></li></ul>", "- a\n  1. b\n  2. c"),
        ("<p>one<br>two</p>", "one\ntwo"),
        ("<pre>a\n  ```\n</pre>", "````\na\n  ```\n````"),
        ("<p>run <code>make</code> now</p>", "run make now"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
        (
            "<table><caption>C</caption><tr><th>a<th>b<tr><td>1<br>2<td>3</table>",
            "C\n\n| a | b |\n| 1 2 | 3 |",
        ),
        ("<table><tr><td><h2>Laid out</h2><p>x</p></td><td>y</td></tr></table>", "## Laid out\n\nx\n\ny"),
        ("<table><tr><td>one column</td></tr><tr><td>only</td></tr></table>", "one column\n\nonly"),
        ("<ul>before <li>a</li> between <li>b</li> after</ul>", "before\n\n- a\n\nbetween\n\n- b\n\nafter"),
        ("<ol><li>a</li>between<li>b</li></ol>", "1. a\n\nbetween\n\n2. b"),
        (
            "<table>loose<tr><td>a<td>b</tr><tr><form><td>c</td><td>d</td></form></tr></table>",
            "loose\n\n| a | b |\n| c | d |",
        ),
        ("<h2><button>How do I?</button></h2><p>So.</p>", "## How do I?\n\nSo."),
        ("<p>Run <textarea>curl -X POST</textarea></p>", "Run curl -X POST"),
        (
            "<p><math><semantics><mi>E</mi><mo>=</mo><mi>m</mi><annotation>TeX</annotation></semantics></math>.",
            "E=m.",
        ),
        ("<dl><dt>term</dt><dd>what it means</dd></dl>", "term\n\nwhat it means"),
        ("a &lt;b&gt; &amp; c&nbsp;d &eacute;", "a <b> & c d é"),
        ("<meta charset=latin-1><p>é</p>", "é"),
        ("<?xml version='1.0' encoding='utf-16'?><p>é</p>", "é"),
    ],
)
def test_each_element_has_its_markdown(html, markdown):
    assert parsed(html).text == markdown


def test_entities_of_a_documents_own_are_not_expanded():
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE html [<!ENTITY l0 "lol">{entities}]><html><body><p>&l9;</p></body></html>'
    assert len(parsed(bomb).text) < 1000


@pytest.mark.parametrize("tag", ["div", "b", "ul><li", "blockquote", "table><tr><td"])
def test_ten_thousand_nested_elements_are_refused_not_silently_lost(tag):
    with pytest.raises(Rejected) as caught:
        parsed(f"<{tag}>x" * 10_000)
    assert caught.value.code == "too_deep"


def test_the_same_page_always_gives_the_same_text():
    assert {parsed(PAGE).text for _ in range(5)} == {parsed(PAGE).text}


def test_naughty_strings_are_text_whatever_they_are(test_data):
    for naughty in json.loads((test_data / "naughty" / "blns.json").read_text()):
        for page in (naughty, f"<p>{naughty}</p>", f"<html><body><p>{naughty}</p></body></html>"):
            text = parsed(page).text
            assert "\0" not in text
            text.encode()


TAGS = st.sampled_from(
    ["p", "div", "ul", "li", "table", "tr", "td", "h1", "pre", "b", "a", "html", "body", "x-y"]
)
MARKUP = st.lists(
    st.one_of(
        TAGS.map(lambda tag: f"<{tag}>"),
        TAGS.map(lambda tag: f"</{tag}>"),
        st.text(max_size=20),
        st.sampled_from(
            ["<!--", "-->", "<![CDATA[", "&#0;", "&#xD800;", "<br/>", "<script>", "\r\n", "\0", "\x1b"]
        ),
    ),
    max_size=40,
).map("".join)


def outcome(markup):
    try:
        return parsed(markup).text, None
    except Rejected as error:
        return "", error.code


@settings(max_examples=300, deadline=None)
@given(MARKUP)
def test_any_markup_is_text_or_is_refused(markup):
    text, code = outcome(markup)
    assert code in {None, "not_utf8", "too_deep", "too_large"}
    assert "\0" not in text
    assert "\r" not in text
    text.encode()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12), min_size=1, max_size=30)
)
def test_no_word_of_a_fragment_is_lost(words):
    html = "".join(
        f"<p>{word}</p>" if n % 3 else f"<ul><li>{word}<div>x</div></li></ul>" for n, word in enumerate(words)
    )
    assert [word for word in parsed(html).text.replace("- ", " ").split() if word != "x"] == [
        word for word in words if word != "x"
    ]
