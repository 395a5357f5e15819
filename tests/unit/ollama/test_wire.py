"""What servers say that speak as Ollama does, but not quite."""

import json

import pytest

from streams.ollama.wire import ChatReply, ModelInfo


@pytest.mark.parametrize("name", ["message", "done_reason", "prompt_eval_count", "eval_count"])
def test_null_is_as_good_as_left_out(name):
    whole = {"message": {"content": "Yes."}, "done": True, "prompt_eval_count": 7, "eval_count": 2}
    left_out = {key: value for key, value in whole.items() if key != name}
    assert ChatReply.model_validate_json(json.dumps(whole | {name: None})) == ChatReply(**left_out)


@pytest.mark.parametrize("name", ["content", "thinking"])
def test_a_message_of_null_says_nothing(name):
    message = ChatReply.model_validate({"message": {name: None}}).message
    assert (message.content, message.thinking) == ("", "")


def test_a_model_that_says_nothing_of_itself_has_no_context_length():
    assert ModelInfo.model_validate({"parameters": None, "model_info": None}).context_length is None


def test_fewer_tokens_than_none_are_none():
    reply = ChatReply.model_validate({"prompt_eval_count": -5, "eval_count": -1})
    assert (reply.prompt_eval_count, reply.eval_count) == (0, 0)
