import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.ollama.lines import LineSplitter, LineTooLong


def split(data: bytes, cuts: list[int], limit: int = 1 << 20) -> list[bytes]:
    splitter = LineSplitter(limit)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    lines = [line for start, end in pairwise(places) for line in splitter.feed(data[start:end])]
    return lines + splitter.rest()


@given(
    texts=st.lists(st.text(max_size=20)),
    ends=st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\r\n\r\n"]),
    last=st.booleans(),
    cuts=st.lists(st.integers(0, 400)),
)
def test_lines_are_the_same_wherever_the_bytes_are_cut(texts, ends, last, cuts):
    lines = [json.dumps({"t": text}, ensure_ascii=False).encode("utf-8", "surrogatepass") for text in texts]
    data = ends.join(lines) + (ends if last else b"")
    assert split(data, cuts) == lines


def test_a_line_that_never_ends_is_refused_at_the_limit():
    splitter = LineSplitter(100)
    for _ in range(10):
        splitter.feed(b"x" * 10)
    with pytest.raises(LineTooLong):
        splitter.feed(b"x")


def test_a_long_line_that_comes_whole_is_refused_too():
    with pytest.raises(LineTooLong):
        LineSplitter(100).feed(b"x" * 101 + b"\n")


def test_many_short_lines_at_once_are_no_long_line():
    assert LineSplitter(10).feed(b"12345\n" * 100) == [b"12345"] * 100
