"""Chunks: where a text is cut, and what an edit leaves as it was."""

import sys
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.indexing.cutting.chunk import Chunking, chunk
from streams.indexing.cutting.tokens import estimate

SENTENCE = "The quick brown fox jumps over the lazy dog near the river bank. "
MARKUP = ["# Title\n", "## Part\n", "Part\n---\n", "- item\n", "  - nested\n", "1. first\n", "> quoted\n"]
FENCES = ["```rust\n", "```\n", "~~~\n", "| a | b |\n", "\n", "\n\n", " ", "\t", "\r", "\x1c"]
PROSE = [SENTENCE, SENTENCE * 9, "数据。", "é", "👨‍👩‍👧", "x" * 300]
PIECES = st.sampled_from(MARKUP + FENCES + PROSE)
TEXTS = st.one_of(st.text(), st.lists(PIECES | st.text(max_size=30), max_size=40).map("".join))
CHUNKINGS = st.builds(Chunking, st.integers(8, 2048), st.integers(16, 1000))
MEDIA = st.sampled_from(["text/markdown", "text/plain"])


def cut(text, *, media_type="text/markdown", max_tokens=2048, target_chars=800):
    return chunk(text, media_type=media_type, chunking=Chunking(max_tokens, target_chars))


def paragraph(name, sentences=5):
    return " ".join(f"Sentence {n} of paragraph {name} says something of its own." for n in range(sentences))


@settings(max_examples=300)
@given(TEXTS, MEDIA, CHUNKINGS)
def test_chunks_are_ordered_and_cover_every_character_but_spaces_once(text, media_type, chunking):
    chunks = chunk(text, media_type=media_type, chunking=chunking)
    end = 0
    for piece in chunks:
        assert text[end : piece.start].strip() == ""
        assert piece.start < piece.end
        assert text[piece.start : piece.end] == piece.text == piece.text.strip()
        end = piece.end
    assert text[end:].strip() == ""


@settings(max_examples=300)
@given(TEXTS, MEDIA, CHUNKINGS)
def test_no_chunk_exceeds_the_window_or_the_tolerated_length(text, media_type, chunking):
    for piece in chunk(text, media_type=media_type, chunking=chunking):
        assert estimate(piece.text) <= chunking.max_tokens
        assert len(piece.text) <= chunking.tolerance


@given(TEXTS, MEDIA, CHUNKINGS)
def test_the_same_text_is_always_cut_the_same_way(text, media_type, chunking):
    first = chunk(text, media_type=media_type, chunking=chunking)
    assert chunk(text, media_type=media_type, chunking=chunking) == first


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1, 12), min_size=40, max_size=120),
    st.integers(0, 10_000),
    st.sampled_from(["insert", "delete", "change"]),
)
def test_an_edit_of_one_paragraph_leaves_all_but_a_few_chunks_as_they_were(lengths, where, edit):
    paragraphs = [paragraph(n, length) for n, length in enumerate(lengths)]
    where %= len(paragraphs)
    edited = paragraphs.copy()
    if edit == "insert":
        edited.insert(where, paragraph("new"))
    elif edit == "delete":
        del edited[where]
    else:
        edited[where] += " And one more sentence."
    before = Counter(piece.text for piece in cut("\n\n".join(paragraphs)))
    after = Counter(piece.text for piece in cut("\n\n".join(edited)))
    assert (after - before).total() <= 6


def test_inserting_at_the_top_of_a_long_document_embeds_two_chunks_at_most_in_most_cases():
    paragraphs = [paragraph(n) for n in range(200)]
    before = Counter(piece.text for piece in cut("\n\n".join(paragraphs)))
    touched = []
    for n in range(50):
        after = Counter(piece.text for piece in cut("\n\n".join([paragraph(f"new {n}", 2), *paragraphs])))
        touched.append((after - before).total())
    assert sorted(touched)[45] <= 2


@pytest.mark.parametrize("text", ["", " ", "\n" * 1000, " \t\r\n\x1c\u2003"])
def test_a_text_of_nothing_but_spaces_has_no_chunks(text):
    assert cut(text) == ()


def test_a_short_text_is_one_chunk_without_the_spaces_around_it():
    (only,) = cut("\n\n  Bonjour.  \n")
    assert (only.text, only.start, only.end) == ("Bonjour.", 4, 12)


def test_a_heading_starts_a_chunk_and_keeps_its_text():
    sections = [f"## Section {n}\n\n{paragraph(n, 17)}" for n in range(6)]
    chunks = cut("\n\n".join(sections))
    assert [piece.text for piece in chunks] == sections


def test_an_underlined_heading_cuts_like_any_other():
    sections = [f"Section {n}\n=====\n\n{paragraph(n, 8)}\n\n{paragraph(n + 100, 9)}" for n in range(16)]
    assert [piece.text for piece in cut("\n\n".join(sections))] == sections


def test_a_heading_inside_fenced_code_is_code():
    code = "```sh\n" + "".join(f"# comment {n}\nrun --step {n}\n\n" for n in range(40)) + "```"
    text = f"{paragraph('before', 8)}\n\n{code}\n\n{paragraph('after', 8)}"
    assert code in [piece.text for piece in cut(text)]


def test_in_plain_text_a_hash_is_no_heading_and_a_fence_is_no_code():
    text = "\n\n".join(f"# {n}\n\n{paragraph(n, 8)}\n\n{paragraph(n + 100, 8)}" for n in range(20))
    assert all(piece.text.startswith("# ") for piece in cut(text))
    assert not all(piece.text.startswith("# ") for piece in cut(text, media_type="text/plain"))


def test_the_media_types_parameters_and_case_do_not_matter():
    text = "\n\n".join(f"## Part {n}\n\n{paragraph(n, 9)}" for n in range(9))
    assert cut(text, media_type="Text/Markdown; charset=utf-8") == cut(text)


def test_fenced_code_that_is_too_long_is_cut_between_lines():
    code = (
        "```\n"
        + "".join(f"    let value_{n} = compute({n}, {n + 1}, {n * 7});\n" for n in range(200))
        + "```"
    )
    for piece in cut(code):
        assert code[piece.end : piece.end + 1] in {"\n", ""}


def test_a_long_paragraph_is_cut_between_sentences():
    text = paragraph("long", 100)
    chunks = cut(text)
    assert len(chunks) > 3
    assert all(piece.text.startswith("Sentence") and piece.text.endswith(".") for piece in chunks)


def test_a_long_paragraph_without_spaces_between_sentences_is_cut_after_full_stops():
    text = "".join(f"数据库第{n}次变更之后系统会重新建立索引。" for n in range(300))
    assert all(piece.text.endswith("。") for piece in cut(text))


def test_a_long_sentence_is_cut_between_words():
    text = " ".join(f"word{n}" for n in range(2000))
    assert all(word.startswith("word") for piece in cut(text) for word in piece.text.split())


def test_a_long_list_is_cut_between_items():
    text = "\n".join(f"- item {n} with {'some more text ' * 3}\n  - nested {n}" for n in range(100))
    assert all(piece.text.startswith("-") for piece in cut(text))


@pytest.mark.parametrize("grapheme", ["👨‍👩‍👧‍👦", "🇫🇷", "e\u0301\u0323", "👍🏽", "நி"])
def test_a_run_without_spaces_is_not_cut_inside_a_grapheme(grapheme):
    for piece in cut(grapheme * 2000, max_tokens=256):
        assert piece.text == grapheme * (len(piece.text) // len(grapheme))


def test_a_run_without_spaces_finds_its_borders_again_after_an_edit():
    run = "".join(f"{n * 7919 % 100_003:x}" for n in range(4000))
    before = Counter(piece.text for piece in cut(run))
    after = Counter(piece.text for piece in cut("edited" + run))
    assert (after - before).total() <= 5


def test_a_list_or_code_is_parted_from_the_paragraph_before_it_only_where_there_is_no_better_place():
    steps = "".join(f"- step {n} of the way there, which takes some words to say\n" for n in range(4))
    part = f"{paragraph('intro', 6)} Do this:\n\n{steps}\n```\nrun --all\n```\n\n{paragraph('outro', 7)}\n\n"
    assert not any(piece.text.startswith(("-", "```")) for piece in cut(part * 12))


def test_a_short_text_is_cut_finer_so_that_an_edit_of_it_costs_less_than_all_of_it():
    sections = [f"## Question {n}\n\n{paragraph(n, 5)}" for n in range(4)]
    text = "\n\n".join(sections)
    assert [piece.text for piece in cut(text)] == sections
    assert len(cut(text * 8)) < 32


def test_a_text_that_grows_is_not_cut_anew_wherever_it_grows_past_a_step():
    paragraphs = [paragraph(n, 1 + n % 4) for n in range(100)]
    anew = []
    for length in range(1, len(paragraphs)):
        before = Counter(piece.text for piece in cut("\n\n".join(paragraphs[:length])))
        after = Counter(piece.text for piece in cut("\n\n".join(paragraphs[: length + 1])))
        anew.append((after - before).total())
    assert max(anew) <= 6
    assert sum(anew) / len(anew) < 2


def test_the_last_cut_of_a_piece_is_near_its_middle():
    sections = [
        f"## Section {n}\n\n" + "\n\n".join(paragraph(f"{n} {m}", 1) for m in range(27)) for n in range(16)
    ]
    assert all(len(section) in range(1300, 1800) for section in sections)
    chunks = cut("\n\n".join(sections))
    assert len(chunks) == 32
    for first, second in zip(chunks[::2], chunks[1::2], strict=True):
        assert first.text.startswith("## ")
        assert abs(len(first.text) - len(second.text)) < 120


def test_the_mean_length_is_near_the_target():
    text = "\n\n".join(paragraph(n, 1 + n % 5) for n in range(500))
    chunks = cut(text)
    assert 600 <= sum(len(piece.text) for piece in chunks) / len(chunks) <= 1000


def test_no_chunk_of_short_paragraphs_is_a_scrap():
    text = "\n\n".join(paragraph(n, 1 + n % 5) for n in range(500))
    assert min(len(piece.text) for piece in cut(text)) >= 200


def test_a_small_window_makes_smaller_chunks_not_tiny_ones():
    text = "\n\n".join(paragraph(n) for n in range(50))
    chunks = cut(text, max_tokens=128)
    assert sum(len(piece.text) for piece in chunks) / len(chunks) > 60


def test_the_name_tells_two_chunkings_apart():
    names = {Chunking(512).name, Chunking(256).name, Chunking(512, 400).name}
    assert len(names) == 3
    assert Chunking(512).name == Chunking(512, 800).name


def test_halving_ends():
    chunking = Chunking(2048, 800)
    for _ in range(20):
        chunking = chunking.halved()
    assert chunking == chunking.halved()
    assert cut("text " * 100, max_tokens=chunking.max_tokens, target_chars=chunking.target_chars)


def test_a_window_that_no_text_fits_is_refused():
    with pytest.raises(ValueError, match="at least"):
        Chunking(3)


MEGABYTE = {
    "one letter": lambda n: "a" * n,
    "one word over and over": lambda n: "ab " * (n // 3),
    "new lines": lambda n: "a" + "\n" * n + "b",
    "lines of one letter": lambda n: "a\n" * (n // 2),
    "paragraphs of one letter": lambda n: "a\n\n" * (n // 3),
    "headings": lambda n: "# a\n" * (n // 4),
    "fences": lambda n: "```\n" * (n // 4),
    "backticks": lambda n: "`" * n,
    "full stops": lambda n: "." * n,
    "sentences": lambda n: "A. " * (n // 3),
    "nested quotes": lambda n: "> " * (n // 2),
    "nested lists": lambda n: "\n".join("  " * level + "- x" for level in range(int(n**0.5))),
    "brackets": lambda n: "[" * n,
    "ideographs": lambda n: "数" * n,
    "accents": lambda n: "a" + "\u0301" * n,
    "joined emoji": lambda n: "👨‍👩‍👧‍👦" * (n // 7),
    "flags": lambda n: "🇫🇷" * (n // 2),
    "rising hashes": lambda n: "\n\n".join(f"{i}" for i in range(n // 7)),
}


@pytest.mark.parametrize("kind", MEGABYTE)
@pytest.mark.parametrize("max_tokens", [256, 2048])
def test_the_time_grows_with_the_length_alone_on_the_worst_texts(kind, max_tokens):
    def seconds(n):
        text = MEGABYTE[kind](n)
        started = time.process_time()
        cut(text, max_tokens=max_tokens)
        return time.process_time() - started

    small = min(seconds(10_000) for _ in range(2))
    # Twelve times the length: a quadratic step would take 144 times as long.
    assert seconds(120_000) < 40 * small + 0.5


@pytest.mark.parametrize("kind", MEGABYTE)
@pytest.mark.parametrize("max_tokens", [64, 2048])
def test_the_steps_taken_grow_with_the_length_alone_on_the_worst_texts(kind, max_tokens):
    small, large = (steps(MEGABYTE[kind](n), max_tokens) for n in (2_000, 16_000))
    # Eight times the length: a step for each pair of characters, or of borders, would make it 64 times.
    assert large < 16 * small + 20_000


def steps(text, max_tokens):
    """The lines of ours that run to cut the text: the same number on any machine."""
    taken = 0

    def count(frame, event, _arg):
        nonlocal taken
        taken += event == "line"
        return count if "indexing" in frame.f_code.co_filename else None

    sys.settrace(count)
    try:
        cut(text, max_tokens=max_tokens)
    finally:
        sys.settrace(None)
    return taken


def test_ten_thousand_levels_of_nesting_are_cut_like_any_text():
    text = "".join("> " * level + "- x\n" for level in (10_000, 1, 5_000)) + "[" * 10_000 + "]" * 10_000
    assert "".join(piece.text for piece in cut(text)).count("x") == 3


@given(st.integers(8, 9000), st.integers(16, 20000))
def test_a_chunking_is_known_by_its_name(tokens, characters):
    chunking = Chunking(tokens, characters)
    assert Chunking.named(chunking.name) == chunking


def test_an_earlier_algorithms_name_gives_its_sizes_and_what_is_no_name_is_refused():
    assert Chunking.named("structure-1-512t-800c") == Chunking(512, 800)
    for name in ("", "windows-800c", "structure-2-512t-800c-more"):
        with pytest.raises(ValueError, match="no chunking"):
            Chunking.named(name)
