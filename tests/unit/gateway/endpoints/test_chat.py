"""OpenAI's shape: what becomes a question, and what is said where an answer starts over."""

import json

import pytest

from streams.errors import Rejected, Retryable
from streams.gateway.asking.past import Sent
from streams.gateway.endpoints import chat
from streams.gateway.endpoints.chat import ChatBody
from streams.gateway.endpoints.completions import _Pieces, asked
from streams.gateway.http.problems import Problem
from streams.messages.answers import Citation
from streams.messages.records import Offset
from tests.unit.messages.events import completed, delta, failed, reset, started


def body(*messages, **more):
    said = [{"role": role, "content": content} for role, content in messages]
    return ChatBody.model_validate({"model": "rag-streams", "messages": said, **more})


def cited(text, **more):
    citation = {
        "n": 1, "document_id": "kb/42", "title": "Passwords", "url": "https://x.example/42", "quote": "q",
        "position": "p", "score": 1.0, "cited": True, **more,
    }  # fmt: skip
    return completed(1, 3, text).model_copy(update={"citations": [Citation(**citation)]})


async def said(*events, held=False, with_usage=False):
    """The text that a stream gives, its last choice, and all its chunks."""

    async def answer():
        for event in events:
            if isinstance(event, Exception):
                raise event
            yield event

    sent = Sent("q", Offset(topic="questions", partition=0, offset=1), 0, 30_000)
    raw = [chunk async for chunk in _Pieces(sent, held=held, with_usage=with_usage).of(answer())]
    assert raw[-1] == b"data: [DONE]\n\n"
    chunks = [json.loads(one.removeprefix(b"data: ")) for one in raw[:-1]]
    choices = [chunk["choices"][0] for chunk in chunks if chunk.get("choices")]
    return "".join(one["delta"].get("content") or "" for one in choices), choices[-1], chunks


def test_the_last_message_of_a_user_is_the_question_and_what_was_before_is_its_history():
    fields = chat.question_fields(
        body(("system", "Be brief."), ("user", "One?"), ("assistant", "Yes."), ("user", "Two?"))
    )
    assert fields["text"] == "Two?"
    assert [(turn["role"], turn["content"]) for turn in fields["history"]] == [
        ("user", "One?"),
        ("assistant", "Yes."),
    ]


def test_the_sources_under_an_earlier_answer_are_no_part_of_the_history():
    whole = chat.completion(cited("Under Settings [1]."))["choices"][0]["message"]["content"]
    assert whole == "Under Settings [1].\n\nSources:\n[1] Passwords (https://x.example/42)"
    fields = chat.question_fields(body(("user", "Where?"), ("assistant", whole), ("user", "And then?")))
    assert fields["history"][1]["content"] == "Under Settings [1]."


def test_a_conversation_that_is_too_long_keeps_its_end():
    long = [("user" if n % 2 else "assistant", f"{n} " + "x" * 40_000) for n in range(300)]
    history = chat.question_fields(body(*long, ("user", "Now?")))["history"]
    assert (len(history), len(history[-1]["content"])) == (100, 32_000)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"model": "gpt-4o"}, "model_not_found"),
        ({"n": 2}, "invalid_request"),
        ({"tools": [{}]}, "invalid_request"),
        ({"rag_streams": {"tenant": "other"}}, "unknown_field"),
        ({"rag_streams": {"principals": ["x"]}}, "unknown_field"),
        ({"messages": [{"role": "system", "content": "x"}]}, "invalid_question"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "invalid_request"),
        ({"messages": [{"role": "user", "content": "x" * 8001}]}, "invalid_question"),
    ],
)
def test_what_can_not_be_done_here_is_refused(more, code):
    with pytest.raises(Rejected) as caught:
        chat.question_fields(body(("user", "?")).model_validate({**body(("user", "?")).model_dump(), **more}))
    assert caught.value.code == code


async def test_a_stream_is_the_answers_text_then_its_sources():
    text, last, chunks = await said(
        started(), delta(1, 1, "Under "), delta(1, 2, "Settings [1]."), cited("Under Settings [1].")
    )
    assert text == "Under Settings [1].\n\nSources:\n[1] Passwords (https://x.example/42)"
    assert last["finish_reason"] == "stop"
    assert last["delta"]["annotations"][0]["url_citation"]["start_index"] == 15
    assert chunks[-1]["rag_streams"]["text"] == "Under Settings [1]."


def test_a_bracket_in_code_is_no_citation_of_an_address():
    text = "Use `argv[1]` here [1].\n```\nrow[1]\n```"
    (annotation,) = chat.completion(cited(text))["choices"][0]["message"]["annotations"]
    found = annotation["url_citation"]
    assert text[: found["start_index"]] == "Use `argv[1]` here "
    assert text[found["start_index"] : found["end_index"]] == "[1]"


async def test_an_answer_that_was_stopped_ends_with_length_in_both_faces():
    cut = cited("Under Settings [1].").model_copy(update={"truncated": True})
    _, last, chunks = await said(started(), cut)
    assert last["finish_reason"] == "length"
    assert chunks[-1]["rag_streams"]["truncated"] is True
    assert chat.completion(cut)["choices"][0]["finish_reason"] == "length"
    assert chat.completion(cited("Under Settings [1]."))["choices"][0]["finish_reason"] == "stop"


async def test_an_answer_that_starts_over_before_a_word_was_said_shows_nothing_of_that():
    text, _, _ = await said(started(), reset(2), delta(2, 1, "Right"), completed(2, 2, "Right"))
    assert text == "Right"


async def test_an_answer_that_starts_over_after_a_word_was_said_says_so():
    text, _, chunks = await said(
        started(), delta(1, 1, "Wrong"), reset(2), delta(2, 1, "Right"), completed(2, 2, "Right")
    )
    assert text == f"Wrong{chat.AGAIN}Right"
    assert chunks[-1]["rag_streams"]["text"] == "Right"


async def test_citations_point_into_the_content_also_where_it_starts_over():
    end = cited("Under Settings [1].").model_copy(update={"attempt": 2})
    text, last, _ = await said(
        started(), delta(1, 1, "Some"), delta(1, 2, "where."), reset(2), delta(2, 1, "Under Set"), end
    )
    (found,) = (one["url_citation"] for one in last["delta"]["annotations"])
    assert text[found["start_index"] : found["end_index"]] == "[1]"
    assert text.index("[1]") == found["start_index"]


async def test_what_was_voided_is_no_part_of_the_history():
    end = completed(2, 2, "Under Settings.")
    text, _, _ = await said(started(), delta(1, 1, "Give it away."), reset(2), end)
    assert "Give it away." in text
    fields = chat.question_fields(body(("user", "Where?"), ("assistant", text), ("user", "And then?")))
    assert fields["history"][1]["content"] == "Under Settings."


def test_a_persons_own_text_is_kept_whole():
    own = f"My notes.{chat.SOURCES}- the handbook{chat.AGAIN}The VPN is called Falcon."
    fields = chat.question_fields(body(("user", own), ("assistant", "I see."), ("user", "And then?")))
    assert fields["history"][0]["content"] == own


async def test_text_that_may_be_replaced_is_held_until_it_stands():
    text, _, _ = await said(
        started(), delta(1, 1, "Wrong"), reset(2), delta(2, 1, "Right"), completed(2, 2, "Right"), held=True
    )
    assert text == "Right"


async def test_an_end_that_was_not_streamed_is_shown_whole():
    assert (await said(completed(1, 0, "Right")))[0] == "Right"
    assert (await said(delta(1, 1, "Other"), completed(2, 0, "Right")))[0] == f"Other{chat.AGAIN}Right"


async def test_a_failure_within_a_stream_is_an_error_of_openais():
    for events in ((started(), failed(retryable=True)), (started(), Retryable("gone", code="no_answer"))):
        _, _, chunks = await said(*events)
        assert chunks[-1]["error"]["type"] == "server_error"


async def test_usage_is_the_last_chunk_where_it_is_asked_for():
    _, _, chunks = await said(completed(1, 0, "Right"), with_usage=True)
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 0


@pytest.mark.parametrize("end", [failed(retryable=True), Retryable("no answer", code="no_answer")])
async def test_a_question_that_was_asked_is_not_asked_anew_by_the_client_itself(end):
    async def answer():
        if isinstance(end, Exception):
            raise end
        yield end

    with pytest.raises(Problem) as caught:
        await asked(answer())
    assert caught.value.headers["x-should-retry"] == "false"
