"""Calibration: what an estimated token is really, by what model servers count.

`streams.answering.text.tokens` estimates without the model's tokenizer. How far that is off differs from
model to model and from language to language (1.7 times too many for English, 1.2 for French), and is learnt
from the counts that come with each reply (`prompt_eval_count`), so that a prompt fills the window that there
is and never more.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from functools import lru_cache

from streams.answering.found import Found
from streams.answering.text.language import language_of

REMEMBERED = 64
"""Prompts of a model in a language whose counts are remembered, the last ones."""
ENOUGH = 8
"""Prompts from which on a model is believed to make fewer tokens than are estimated."""
MARGIN = 1.1
"""How much more the next prompt may have, of the same estimate, than any that is remembered."""
LEAST, MOST = 0.4, 4.0
"""A count beyond these is none of a whole prompt: servers leave out what they still had in memory."""
FEWEST = 0.8
"""What is believed at the least: code and numbers have more tokens for each than the prose around them."""
SAMPLE = 300
"""Characters of a text that its language is told by."""
DEAREST = 2.0
"""What is believed at the most: one text that is like no other must not take everybody's room."""


def languages(question: str, passages: Sequence[Found]) -> frozenset[str]:
    """The languages of what a prompt is made of, by their beginnings; an empty one for what can't be told."""
    texts = [(question, None), *((found.hit.text, found.head.language) for found in passages)]
    return frozenset(_language(text[:SAMPLE], declared) for text, declared in texts)


@lru_cache(maxsize=4096)
def _language(text: str, declared: str | None) -> str:
    """Kept, since passages come again and again."""
    return language_of(text, declared, otherwise="")


class Calibration:
    """Real tokens for each estimated one, by model and language. At first 1: estimates err upwards.

    It is the most that the last prompts had, and a margin. More is believed at once, less after `ENOUGH`
    prompts in that language alone.
    """

    def __init__(self) -> None:
        self._ratios: dict[tuple[str, str], deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED))

    def counted(
        self, model: str, spoken: Iterable[str], *, estimated: int, tokens: int, whole: bool = True
    ) -> None:
        """The server counted so many tokens in a prompt of that estimate, in the languages that are `spoken`.

        `whole`: it left nothing out, for certain. Else, as of several languages, no language is believed to
        have fewer tokens for it.
        """
        ratio, spoken = tokens / estimated if estimated else 0.0, tuple(spoken)
        if LEAST <= ratio <= MOST:
            surely = ratio if whole and len(spoken) == 1 else max(ratio, 1 / MARGIN)
            self._seen(model, spoken, surely)

    def refused(self, model: str, spoken: Iterable[str], *, estimated: int, window: int) -> None:
        """A prompt of that estimate had more tokens than the window has."""
        self._seen(model, spoken, min(MOST, window / estimated) if estimated else MOST)

    def ratio(self, model: str, spoken: Iterable[str]) -> float:
        """Tokens that a prompt in these languages may have for each one that is estimated."""
        return max((self._of(model, language) for language in spoken), default=1.0)

    def budget(self, models: Iterable[str], spoken: Iterable[str], tokens: int, *, at_least: int) -> int:
        """What a prompt may be estimated at, so that none of these models sees more than `tokens`."""
        spoken = tuple(spoken)
        dearest = max((self.ratio(model, spoken) for model in models), default=1.0)
        return max(at_least, int(tokens / dearest))

    def _seen(self, model: str, spoken: Iterable[str], ratio: float) -> None:
        for language in spoken:
            self._ratios[model, language].append(ratio)

    def _of(self, model: str, language: str) -> float:
        seen = self._ratios.get((model, language), ())
        learnt = MARGIN * max(seen, default=0.0)
        return min(DEAREST, max(FEWEST if len(seen) >= ENOUGH else 1.0, learnt))
