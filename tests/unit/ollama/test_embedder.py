import contextlib
import math

import pytest

from streams.errors import Misconfigured, Rejected, Retryable
from streams.ollama.client import OllamaClient, OllamaConfig
from streams.ollama.embedder import CANARY_TEXT, CachedQueries, OllamaEmbedder, open_embedder
from streams.ollama.prefixes import prefixes_of, with_prefixes
from tests.unit.ollama.misbehaving import Misbehaving, Peer, says


def embeds(vector):
    """Answers each text with `vector`."""

    async def act(peer: Peer) -> None:
        await says({"embeddings": [vector] * len(peer.request.body["input"])})(peer)

    return act


@contextlib.asynccontextmanager
async def answering(*acts):
    async with (
        Misbehaving(list(acts)).running() as server,
        OllamaClient(OllamaConfig(server.url, backoff_s=0.001)) as client,
    ):
        yield client, server


SHOWN = {
    "model_info": {"general.architecture": "bert", "bert.context_length": 512},
    "capabilities": ["embedding"],
}


@pytest.mark.parametrize(
    ("model", "document", "query"),
    [
        ("nomic-embed-text", "search_document: ", "search_query: "),
        ("nomic-embed-text:v1.5", "search_document: ", "search_query: "),
        ("someone/Nomic-Embed-Text-v2-moe:latest", "search_document: ", "search_query: "),
        ("mxbai-embed-large:335m", "", "Represent this sentence for searching relevant passages: "),
        ("snowflake-arctic-embed:22m", "", "Represent this sentence for searching relevant passages: "),
        ("snowflake-arctic-embed2", "", "query: "),
        ("jeffh/intfloat-multilingual-e5-large", "", ""),
        ("multilingual-e5-large:f16", "passage: ", "query: "),
        ("bge-m3", "", ""),
        ("all-minilm:l6-v2", "", ""),
    ],
)
def test_a_model_gets_the_prefixes_of_its_family(model, document, query):
    prefixes = prefixes_of(model)
    assert (prefixes.document, prefixes.query) == (document, query)


def test_a_prefix_stands_before_each_text():
    assert with_prefixes("query: ", ["a", ""]) == ["query: a", "query: "]


async def test_documents_and_questions_are_sent_with_their_prefixes():
    async with answering(embeds([0.0, 2.0])) as (client, server):
        embedder = OllamaEmbedder(client, "nomic-embed-text", 2, 2048)
        await embedder.embed_documents(["one", "two"])
        await embedder.embed_query("why")
    assert [request.body["input"] for request in server.requests] == [
        ["search_document: one", "search_document: two"],
        ["search_query: why"],
    ]
    assert all(request.body["truncate"] is False for request in server.requests)


async def test_texts_go_in_batches_and_come_back_in_order():
    async with answering(embeds([3.0, 4.0])) as (client, server):
        vectors = await OllamaEmbedder(client, "m", 2, 512, batch=2).embed_documents(list("abcde"))
    assert [request.body["input"] for request in server.requests] == [["a", "b"], ["c", "d"], ["e"]]
    assert vectors == [[0.6, 0.8]] * 5


async def test_no_texts_ask_nothing():
    async with answering(says({}, 500)) as (client, server):
        assert await OllamaEmbedder(client, "m", 2, 512).embed_documents([]) == []
    assert server.requests == []


async def test_vectors_come_at_unit_length():
    async with answering(embeds([3.0, -1.0, 2.0])) as (client, _):
        vector = await OllamaEmbedder(client, "m", 3, 512).embed_query("x")
    assert math.hypot(*vector) == pytest.approx(1.0)


NO_VECTORS = [[0.0, 0.0], [math.nan, 1.0], [math.inf, 1.0]]
NAN = "failed to encode response: json: unsupported value: NaN"


def embeds_all_but(bad, vector):
    """Answers a text that holds `bad` with `vector`, or with what Ollama says where that is None."""

    async def act(peer: Peer) -> None:
        hit = [bad in text for text in peer.request.body["input"]]
        if any(hit) and vector is None:
            await says({"error": NAN}, 500)(peer)
        else:
            await says({"embeddings": [vector if one else [1.0, 0.0] for one in hit]})(peer)

    return act


@pytest.mark.parametrize("vector", [*NO_VECTORS, None])
async def test_a_text_that_gets_no_vector_while_the_canary_gets_one_is_refused(vector):
    async with answering(embeds_all_but("secret", vector)) as (client, _):
        with pytest.raises(Rejected) as raised:
            await OllamaEmbedder(client, "m", 2, 512).embed_documents(["secret text"])
    assert raised.value.code == "bad_vector"
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("vector", [*NO_VECTORS, None])
async def test_where_the_canary_gets_no_vector_either_no_text_is_at_fault(vector):
    async with answering(embeds_all_but("", vector)) as (client, server):
        embedder = OllamaEmbedder(client, "nomic-embed-text", 2, 512)
        for ask in (embedder.embed_documents(["secret text"]), embedder.embed_query("secret text")):
            with pytest.raises(Retryable) as raised:
                await ask
            assert raised.value.code == "model_broken"
            assert "secret" not in str(raised.value)
    assert server.requests[1].body["input"] == [f"search_document: {CANARY_TEXT}"]


async def test_a_canary_that_was_well_is_believed_for_a_second():
    now = [0.0]
    async with answering(embeds_all_but("bad", [0.0, 0.0])) as (client, server):
        embedder = OllamaEmbedder(client, "m", 2, 512, monotonic=lambda: now[0])
        for now[0] in (0.0, 0.5, 0.9, 2.0):
            with pytest.raises(Rejected):
                await embedder.embed_documents(["bad"])
    assert [request.body["input"] == [CANARY_TEXT] for request in server.requests].count(True) == 2


async def test_a_model_that_gives_no_numbers_at_the_start_is_waited_for():
    async with answering(says(SHOWN), says({"error": NAN}, 500)) as (client, _):
        with pytest.raises(Retryable) as raised:
            await open_embedder(client, "all-minilm")
    assert raised.value.code == "model_broken"


async def test_a_vector_of_another_length_names_the_setting_and_its_right_value():
    async with answering(embeds([1.0, 0.0, 0.0])) as (client, _):
        with pytest.raises(Misconfigured, match="set STREAMS_EMBED_DIMENSION to 3") as raised:
            await OllamaEmbedder(client, "m", 2, 512).embed_query("x")
    assert raised.value.setting == "STREAMS_EMBED_DIMENSION"


async def test_opening_asks_the_server_for_window_and_dimension():
    async with answering(says(SHOWN), embeds([1.0, 0.0, 0.0])) as (client, _):
        embedder = await open_embedder(client, "all-minilm")
    assert (embedder.model, embedder.dimension, embedder.window) == ("all-minilm", 3, 512)


async def test_opening_with_the_wrong_dimension_stops_before_any_work():
    async with answering(says(SHOWN), embeds([1.0, 0.0, 0.0])) as (client, _):
        with pytest.raises(Misconfigured, match="to 3 "):
            await open_embedder(client, "all-minilm", 768)


async def test_opening_a_chat_model_names_the_setting():
    async with answering(says({"capabilities": ["completion"]})) as (client, _):
        with pytest.raises(Misconfigured, match="STREAMS_EMBED_MODEL"):
            await open_embedder(client, "llama3")


@pytest.mark.parametrize(
    ("made_for", "parameters", "window"),
    [(2048, "num_ctx    8192", 2048), (512, "num_ctx    256", 256), (40960, "", 8192), (512, "", 512)],
)
async def test_the_window_is_what_model_and_server_both_take(made_for, parameters, window):
    shown = {"model_info": {"x.context_length": made_for}, "parameters": parameters}
    async with answering(says(shown), embeds([1.0])) as (client, server):
        assert (await open_embedder(client, "m")).window == window
        assert server.requests[-1].body["options"] == {"num_ctx": window}


async def test_the_window_leaves_room_for_the_prefix():
    async with answering(says(SHOWN), embeds([1.0])) as (client, _):
        assert (await open_embedder(client, "nomic-embed-text")).window == 512 - len("search_document: ")


class Counting:
    model, dimension, window = "m", 1, 9

    def __init__(self):
        self.asked = []

    async def embed_documents(self, texts):
        return [[1.0]] * len(texts)

    async def embed_query(self, text):
        self.asked.append(text)
        return [float(len(self.asked))]


async def test_a_question_is_embedded_once_until_its_time_is_over():
    now, embedder = 0.0, Counting()
    cached = CachedQueries(embedder, ttl_s=10, size=5, monotonic=lambda: now)
    assert await cached.embed_query("a") == await cached.embed_query("a") == [1.0]
    now = 9.9
    assert await cached.embed_query("a") == [1.0]
    now = 10.0
    assert await cached.embed_query("a") == [2.0]


async def test_only_the_questions_asked_last_are_kept():
    embedder = Counting()
    cached = CachedQueries(embedder, ttl_s=10, size=2, monotonic=lambda: 0.0)
    for text in ["a", "b", "a", "c", "a", "b"]:
        await cached.embed_query(text)
    assert embedder.asked == ["a", "b", "c", "b"]


async def test_no_time_to_live_keeps_nothing():
    embedder = Counting()
    cached = CachedQueries(embedder, ttl_s=0, size=2, monotonic=lambda: 0.0)
    await cached.embed_query("a")
    await cached.embed_query("a")
    assert embedder.asked == ["a", "a"]
