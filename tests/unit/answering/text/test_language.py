"""Languages: of texts, and which of them a model reads."""

import asyncio

import pytest

from streams.answering.retrieval.pairs import PAIRS
from streams.answering.retrieval.query import UNREAD, searched_words, vector_weight
from streams.answering.retrieval.reads import OTHERS, Reading
from streams.answering.text.language import guess, language_of
from streams.errors import Retryable
from streams.ports import Serving


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How do I reset my password?", "en"),
        ("Opt-in, opt-out, ça veut dire quoi ?", "fr"),
        ("À quoi sert le champ changed_at ?", "fr"),
        ("L\u2019impôt est-il dû ?", "fr"),
        ("Wie ändere ich mein Passwort?", "de"),
        ("¿Cómo puedo cambiar mi contraseña?", "es"),
        ("Come posso cambiare la mia password?", "it"),
        ("Como posso mudar a minha senha?", "pt"),
        ("Hoe kan ik mijn wachtwoord wijzigen?", "nl"),
        ("Как сменить пароль?", "ru"),
        ("パスワードを変更するには?", "ja"),
        ("密码怎么改", "zh"),
        ("IL-6 is a marker, miR-142 and Ca2+ in M. stadtmanae are not", "en"),
        ("VPN error 442", "en"),
        ("", "en"),
    ],
)
def test_a_text_tells_its_language(text, language):
    assert language_of(text) == language
    assert guess(text) == ("fr" if language == "fr" else "en")


def test_what_is_declared_counts_and_what_tells_nothing_is_what_it_is_taken_for():
    assert language_of("How do I reset my password?", "de-CH") == "de"
    assert language_of("How do I reset my password?", "nonsense") == "en"
    assert language_of("VPN 442", otherwise="fr") == "fr"
    assert language_of("How do I reset my password?", otherwise="fr") == "en"


def test_words_are_searched_for_without_those_of_the_language_that_say_nothing():
    assert searched_words("Comment puis-je changer d'assurance auto ?", "fr") == "changer assurance auto"
    assert searched_words("What does car insurance cost?", "en") == "car insurance cost"
    assert searched_words("Wie ändere ich das?", "de") == "Wie ändere ich das"
    assert searched_words("Who is it?", "en") == "Who is it?", "where there are no others, they are kept"
    assert searched_words("Was ist XK-4471?", "en") == "ist XK 4471"


@pytest.mark.parametrize("language", PAIRS)
def test_the_pairs_are_in_the_language_that_they_are_listed_under(language):
    assert len(PAIRS[language]) == len(PAIRS["en"])
    assert {language_of(pair.answer) for pair in PAIRS[language]} == {language}


class Reader:
    """An embedder that reads some languages: there, a question and its answer have the same vector.

    In the others all vectors are the same.
    """

    model, dimension, window = "reader", 13, 256

    def __init__(self, *languages):
        self.shown = []
        self.meaning = {
            text: number
            for language in languages
            for number, pair in enumerate(PAIRS[language], 1)
            for text in pair
        }

    async def embed_query(self, text):
        self.shown.append(text)
        return [float(place == self.meaning.get(text, 0)) for place in range(self.dimension)]

    async def embed_documents(self, texts):
        return [await self.embed_query(text) for text in texts]


async def test_a_model_shows_which_languages_it_reads():
    english, every = Reading(Reader("en")), Reading(Reader(*PAIRS))
    for pair in (("fr", "fr"), ("de", "de"), ("fr", "en"), ("en", "de"), ("es", "es"), ("es", "en")):
        assert await every.reads(*pair), pair
        assert not await english.reads(*pair), pair
    assert await english.reads("en", "en")
    some = Reading(Reader("en", "fr"))
    assert await some.reads("fr", "fr")
    assert not await some.reads("es", "es"), "it does not read all that it was shown"


async def test_english_costs_nothing_and_another_language_is_shown_once():
    reader = Reader("en")
    reading = Reading(reader)
    await reading.reads("en", "en")
    assert reader.shown == []
    for _ in range(3):
        await reading.reads("fr", "fr")
    assert len(reader.shown) == 2 * len(PAIRS["fr"])


async def test_no_question_waits_long_for_it_or_fails_with_it():
    class Slow(Reader):
        free = None

        async def embed_query(self, text):
            await self.free.wait()
            return await super().embed_query(text)

    slow = Slow("en")
    slow.free = asyncio.Event()
    reading = Reading(slow, patience_s=0.01)
    assert await reading.reads("fr", "fr"), "it is not known yet"
    slow.free.set()
    while await reading.reads("fr", "fr"):
        pass

    class Down(Reader):
        async def embed_query(self, text):
            raise Retryable("away")

    assert await Reading(Down()).reads("fr", "fr")


async def test_a_model_whose_languages_are_told_is_not_asked():
    reader = Reader()
    reading = Reading(reader, {"en", "sv"})
    assert await reading.reads("sv", "en")
    assert not await reading.reads("fr", "en")
    assert reader.shown == []


async def test_vectors_weigh_less_in_a_language_that_the_model_does_not_read():
    serving = Serving(None, None, Reading(Reader("en")).reads)
    assert await vector_weight(serving, "en", 0.5) == 0.5
    for other in OTHERS:
        assert await vector_weight(serving, other, 0.5) == UNREAD * 0.5
        assert await vector_weight(serving, other, 1.0) == 1.0, "vectors alone are vectors alone"
