"""What a server that speaks Ollama's API must do, as our client sees it.

Subclassed where there is one: a fixture `url` says where. It has the models `smollm2:135m` and `all-minilm`.
"""

import asyncio
import math
import time
from contextlib import aclosing

import httpx
import pytest

from streams.errors import PromptTooLong
from streams.ollama.client import OllamaClient, OllamaConfig
from streams.ollama.embedder import open_embedder
from streams.ollama.errors import BadRequest, UnknownModel
from streams.ports import ChatMessage, ChatRequest

CHAT, EMBED = "smollm2:135m", "all-minilm"
NUM_CTX = 2048


def asking(text: str, **more) -> ChatRequest:
    more = {"max_tokens": 24, "num_ctx": NUM_CTX, "seed": 1} | more
    return ChatRequest(model=CHAT, messages=(ChatMessage("user", text),), **more)


def cosine(a, b) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


class OllamaSuite:
    @pytest.fixture
    async def client(self, url):
        async with OllamaClient(OllamaConfig(url)) as client:
            yield client

    async def test_it_is_there_and_says_its_version(self, client):
        assert await client.health() is True
        assert (await client.version())[0].isdecimal()

    async def test_it_lists_its_models_by_full_name(self, client):
        names = {model.name for model in await client.list()}
        assert {CHAT, f"{EMBED}:latest"} <= names
        assert all(model.size > 0 for model in await client.list())

    async def test_it_shows_window_and_capabilities(self, client):
        embedding, chat = await client.show(EMBED), await client.show(CHAT)
        assert (embedding.context_length, embedding.embedding_length) == (512, 384)
        assert (chat.context_length, chat.embedding_length) == (8192, 576)
        assert "embedding" in embedding.capabilities
        assert "completion" in chat.capabilities

    async def test_it_tells_which_models_are_loaded_and_how_much_of_them_is_on_a_gpu(self, client):
        await client.warm_up(CHAT)
        loaded = {model.name: model for model in await client.running()}
        assert 0 <= loaded[CHAT].size_vram <= loaded[CHAT].size
        assert loaded[CHAT].size > 0

    @pytest.mark.parametrize("name", ["all-minilm", "all-minilm:latest", "ALL-MINILM"])
    async def test_a_model_is_known_with_and_without_latest(self, client, name):
        assert (await client.show(name)).context_length == 512

    async def test_a_model_that_is_not_there_is_unknown_wherever_it_is_asked_for(self, client):
        with pytest.raises(UnknownModel, match="nonesuch"):
            await client.show("nonesuch")
        with pytest.raises(UnknownModel):
            await client.embed("nonesuch", ["x"])
        with pytest.raises(UnknownModel):
            await client.warm_up("nonesuch")
        with pytest.raises(UnknownModel):
            await anext(client.chat(ChatRequest("nonesuch", (ChatMessage("user", "x"),))))

    async def test_an_embedder_opens_with_what_the_server_tells(self, client):
        embedder = await open_embedder(client, EMBED, 384)
        assert (embedder.dimension, embedder.window) == (384, 512)

    async def test_vectors_have_unit_length_and_the_order_of_the_texts(self, client):
        texts = ["A cat sleeps on the sofa.", "Interest rates rose again.", "Un chat dort."]
        together = await client.embed(EMBED, texts)
        alone = [(await client.embed(EMBED, [text]))[0] for text in texts]
        for one, other in zip(together, alone, strict=True):
            assert math.hypot(*one) == pytest.approx(1, abs=1e-3)
            assert cosine(one, other) > 0.999

    async def test_what_means_the_same_is_closer_than_what_does_not(self, client):
        question, right, wrong = await client.embed(
            EMBED,
            [
                "How do I change my password?",
                "To reset a password, open the account page.",
                "The museum opens at nine o'clock on Sundays.",
            ],
        )
        assert cosine(question, right) > cosine(question, wrong) + 0.3

    async def test_a_text_beyond_the_window_is_refused_with_its_whole_batch(self, client):
        with pytest.raises(PromptTooLong):
            await client.embed(EMBED, ["short", "word " * 600])

    async def test_a_text_that_just_fits_is_taken(self, client):
        (vector,) = await client.embed(EMBED, ["word " * 510])
        assert len(vector) == 384

    async def test_a_text_beyond_the_window_is_cut_only_where_that_is_asked_for(self, client):
        (vector,) = await client.embed(EMBED, ["word " * 600], truncate=True)
        assert len(vector) == 384

    async def test_special_characters_are_embedded_like_any_other(self, client):
        texts = ["naïve café — 東京 🙂", "\x00\x07", " ", "<|im_start|>[CLS][SEP]", "a" * 400]
        vectors = await client.embed(EMBED, texts)
        assert all(math.isfinite(math.hypot(*vector)) for vector in vectors)

    async def test_a_chat_streams_and_ends_with_what_was_counted(self, client):
        chunks = [chunk async for chunk in client.chat(asking("Name three colours."))]
        assert len(chunks) > 3
        assert [chunk.done for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
        last = chunks[-1]
        assert last.done_reason in {"stop", "length"}
        assert last.prompt_tokens > 5
        assert 3 < last.completion_tokens <= 25

    async def test_the_whole_reply_is_the_streamed_one_joined(self, client):
        streamed = "".join([chunk.text async for chunk in client.chat(asking("Name three colours."))])
        whole = await client.chat_once(asking("Name three colours."))
        assert whole.done
        assert whole.text == streamed

    async def test_an_answer_is_no_longer_than_allowed(self, client):
        whole = await client.chat_once(asking("Tell me a very long story.", max_tokens=5))
        assert whole.done_reason == "length"
        assert whole.completion_tokens <= 6

    async def test_a_stop_word_ends_the_answer_and_is_not_in_it(self, client):
        text = "Count: one two three four five six. Repeat it."
        plain = await client.chat_once(asking(text))
        stop = plain.text.split()[2]
        stopped = await client.chat_once(asking(text, stop=(stop,)))
        assert stop not in stopped.text
        assert plain.text.startswith(stopped.text)
        assert stopped.done_reason == "stop"

    async def test_the_same_seed_gives_the_same_answer(self, client):
        hot = asking("Invent a name for a boat.", temperature=1.0, seed=7)
        assert (await client.chat_once(hot)).text == (await client.chat_once(hot)).text

    async def test_a_conversation_with_a_system_message_is_taken(self, client):
        messages = (
            ChatMessage("system", "You answer in one word."),
            ChatMessage("user", "Hello"),
            ChatMessage("assistant", "Hi"),
            ChatMessage("user", "Capital of France?"),
        )
        whole = await client.chat_once(ChatRequest(CHAT, messages, num_ctx=NUM_CTX, max_tokens=10, seed=1))
        assert whole.text.strip()

    async def test_closing_a_long_answer_stops_the_models_work(self, client):
        tokens, read = 1500, 20
        async with aclosing(client.chat(asking("Write a very long story.", max_tokens=tokens))) as chunks:
            await anext(chunks)
            began = time.monotonic()
            for _ in range(read):
                assert not (await anext(chunks)).done
            whole_answer_s = (time.monotonic() - began) / read * tokens
        async with asyncio.timeout(whole_answer_s / 2):
            await client.chat_once(asking("Say hi.", max_tokens=3))

    async def test_chats_and_embeddings_at_the_same_time_all_end(self, client):
        chats = [client.chat_once(asking(f"Say {n}.", max_tokens=4)) for n in range(4)]
        embeddings = [client.embed(EMBED, [f"text {n}"]) for n in range(8)]
        results = await asyncio.gather(*chats, *embeddings)
        assert len(results) == 12

    async def test_warming_up_loads_the_model(self, client):
        await client.warm_up(CHAT, NUM_CTX)
        await client.warm_up(CHAT)

    async def test_an_embedding_model_does_not_chat(self, client):
        with pytest.raises(BadRequest, match="does not support"):
            await client.chat_once(ChatRequest(EMBED, (ChatMessage("user", "x"),)))

    @pytest.mark.parametrize("path", ["/api/chat", "/api/embed", "/api/generate", "/api/show"])
    @pytest.mark.parametrize("body", [b"{", b"[]", b'{"model": 7}', b'{"model": ""}'])
    async def test_a_request_that_is_none_is_an_error_in_words(self, url, path, body):
        async with httpx.AsyncClient(base_url=url) as raw:
            reply = await raw.post(path, content=body)
        assert 400 <= reply.status_code < 500
        assert isinstance(reply.json()["error"], str)
