import pytest

from ops.servers.ollama_models import GENERATE_MODEL
from streams.answering.generating.generate import TOO_LONG, Unfinished
from streams.answering.generating.reply import Writing, check_read
from streams.errors import PromptTooLong
from streams.ollama.client import OllamaClient, OllamaConfig
from streams.ports import ChatMessage, ChatRequest
from tests.contract.ollama_suite import OllamaSuite


@pytest.fixture
def url(ollama):
    return ollama


class TestRealOllama(OllamaSuite):
    pass


async def test_a_prompt_that_the_server_cuts_without_a_word_is_found_out(url):
    long = ChatMessage("user", "The portal locks an account for a while. " * 200)
    request = ChatRequest(GENERATE_MODEL, (long,), num_ctx=512, max_tokens=4)
    async with OllamaClient(OllamaConfig(url)) as client:
        try:
            last = [chunk async for chunk in client.chat(request)][-1]
        except PromptTooLong:
            return
    with pytest.raises(Unfinished) as caught:
        check_read(last, Writing(0.0, 512, 4))
    assert caught.value.code == TOO_LONG
