"""Grounding: what an answer's sentences cite, and whether that says what they say. No model is asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import reduce
from operator import or_

from streams.answering.found import Found
from streams.answering.grounding.contradict import contradicted
from streams.answering.grounding.markers import Marker, ends_in_code, markers, pointed
from streams.answering.grounding.marking import Markers
from streams.answering.grounding.polar import answered
from streams.answering.grounding.quote import quote
from streams.answering.grounding.rates import EACH
from streams.answering.text.quantities import Quantity, canonical, held, quantities, unmeasured
from streams.answering.text.sentences import sentences, spans
from streams.answering.text.words import GERMAN, content_words, counted, stem, stems, words
from streams.messages.answers import Citation

SUPPORTED = 0.5
"""Share of a sentence's content words that must stand in what it cites, where no more than one is missing."""
MOSTLY = 2 / 3
"""The same, where more are missing: a sentence may be half the passage's and half invented."""

_LITTLE = frozenset(map(stem, GERMAN | EACH))
_ITEM = re.compile(r"\s*(?:[-*•>#]+|\d{1,3}[.)])\s+")


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer without its markers, and the citations that it points at."""

    text: str
    cited: tuple[int, ...]


def claims(text: str) -> list[Claim]:
    """The sentences of an answer. One without a marker is covered by the next one's that has some."""
    made: list[Claim] = []
    following: tuple[int, ...] = ()
    pointing = markers(text)
    for start, end in reversed(list(spans(text))):
        own = [marker for marker in pointing if start <= marker.start < end]
        following = tuple(dict.fromkeys(marker.n for marker in own)) or following
        if bare := _ITEM.sub("", _without(text, start, end, own), count=1).strip():
            made.append(Claim(bare, following))
    return made[::-1]


def _without(text: str, start: int, end: int, cut: Sequence[Marker]) -> str:
    """`text[start:end]` less the markers in it, and the white space before each."""
    kept = []
    for marker in cut:
        kept.append(text[start : marker.start].rstrip())
        start = marker.end
    return "".join([*kept, text[start:end]])


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The stems of a text's words, and its numbers."""

    stems: frozenset[str]
    numbers: frozenset[Quantity]

    def __bool__(self) -> bool:
        """Whether anything is said."""
        return bool(self.stems or self.numbers)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.stems) + len(self.numbers)

    def __or__(self, other: Vocabulary) -> Vocabulary:
        """That of both texts."""
        return Vocabulary(self.stems | other.stems, self.numbers | other.numbers)

    def beyond(self, other: Vocabulary) -> Vocabulary:
        """What is in this one alone; all of it where nothing is."""
        return Vocabulary(self.stems - other.stems, self.numbers - other.numbers) or self

    def within(self, other: Vocabulary) -> Vocabulary:
        """What the other one holds of this."""
        there = frozenset(one for one in self.numbers if held(one, other.numbers))
        return Vocabulary(self.stems & other.stems, there)


_NOTHING = Vocabulary(frozenset(), frozenset())


def _of_text(text: str) -> Vocabulary:
    plain = canonical(text)
    return Vocabulary(_telling(unmeasured(plain)), quantities(plain))


def _telling(text: str) -> frozenset[str]:
    """The stems of what is said, German's little words, and those before a period, left out, too."""
    return frozenset(map(stem, content_words(text))) - _LITTLE


def _of_passages(passages: Sequence[Found]) -> list[Vocabulary]:
    """Of each; what it counts in words may be said in digits."""
    return [_of_passage(_text(found)) for found in passages]


def _of_passage(text: str) -> Vocabulary:
    plain = list(map(canonical, sentences(text)))
    read = frozenset().union(*map(quantities, plain), map(Quantity, counted(text)))
    return Vocabulary(_telling(text) | _telling(" ".join(plain)), read)


def _text(found: Found) -> str:
    return f"{found.hit.title}\n\n{found.hit.text}"


def supports(said: Vocabulary, sentence: Vocabulary, asked: Vocabulary = _NOTHING) -> bool:
    """Whether what is `said` holds what a sentence says, as far as words can tell.

    All but one of its content words, but at least half, or two thirds of them are there, inflections aside,
    and all of its numbers, of the same units. Words that only repeat what was `asked` say nothing. A sentence
    without a content word is supported by anything that is said, but not by nothing.
    """
    if not sentence:
        return bool(said)
    own = sentence.beyond(asked)
    there = len(own.within(said))
    share = SUPPORTED if len(own) - there <= 1 else MOSTLY
    return sentence.numbers == sentence.within(said).numbers and there >= share * len(own)


def grounded(text: str, passages: Sequence[Found], question: str = "") -> float:
    """The share of the sentences of `text`, an answer to `question`, that what they cite supports.

    0 to 1; 0 for no sentences. What the source says otherwise, with nearly the same words, is not supported.
    """
    made, sources, asked = claims(text), _of_passages(passages), _of_text(question)
    right = [
        _copied(claim.text, cited := [_text(passages[n - 1]) for n in claim.cited])
        or (
            supports(
                reduce(or_, (sources[n - 1] for n in claim.cited), _NOTHING), _of_text(claim.text), asked
            )
            and _agreed(claim.text, cited, question)
        )
        for claim in made
    ]
    return sum(right) / len(made) if made else 0.0


def _copied(sentence: str, sources: Sequence[str]) -> bool:
    """Whether it is a whole sentence of a source, word for word."""
    own = words(canonical(sentence))
    return bool(own) and any(
        words(canonical(_ITEM.sub("", one, count=1))) == own for text in sources for one in sentences(text)
    )


def _agreed(sentence: str, sources: Sequence[str], question: str) -> bool:
    """Whether nothing in `sources` speaks against a sentence that holds their words, or none of its own."""
    if question and not _of_text(sentence):
        return answered(sentence, question, sources)
    return not contradicted(sentence, sources)


def regulating(passages: Sequence[Found]) -> Markers:
    """What makes the markers of an answer from these passages regular."""
    return Markers(len(passages), [found.hit.text for found in passages], _backing(passages))


def _backing(passages: Sequence[Found]) -> Callable[[int, str], bool]:
    """Tells of a citation's number and a text whether that passage says what the text's last sentence does.

    What has no word of its own is said by none.
    """
    sources = _of_passages(passages)

    def backs(n: int, text: str) -> bool:
        last = _of_text(made[-1].text) if (made := claims(text)) else _NOTHING
        return bool(last) and supports(sources[n - 1], last)

    return backs


def attribution(text: str, passages: Sequence[Found]) -> str:
    """The markers to add to the end of an answer that has none: the passages that support its sentences."""
    if pointed(text) or ends_in_code(text):
        return ""
    sources = _of_passages(passages)
    found = {_source(_of_text(claim.text), sources) for claim in claims(text)} - {0}
    return " " + "".join(f"[{n}]" for n in sorted(found)) if found else ""


def _source(sentence: Vocabulary, sources: Sequence[Vocabulary]) -> int:
    """The number of the passage that supports `sentence` best, the first of equals; 0 where none does."""
    able = [n for n, said in enumerate(sources, 1) if sentence and supports(said, sentence)]
    return max(able, key=lambda n: len(sentence.within(sources[n - 1])), default=0)


def citations(passages: Sequence[Found], question: str, answer: str = "") -> list[Citation]:
    """What the answer was made from, numbered from 1, best first.

    Each quotes its passage where it is closest to the sentences that cite it, else to the question.
    """
    made = claims(answer)
    cited = pointed(answer)
    return [
        _citation(n, found, _about(n, made) if n in cited else stems(question), cited=n in cited)
        for n, found in enumerate(passages, 1)
    ]


def _about(n: int, made: Sequence[Claim]) -> frozenset[str]:
    return frozenset().union(*(stems(claim.text) for claim in made if n in claim.cited))


def _citation(n: int, found: Found, about: AbstractSet[str], *, cited: bool) -> Citation:
    return Citation(
        n=n,
        document_id=found.head.document_id or "",
        title=found.head.title,
        url=found.head.url,
        quote=quote(found.hit.text, about),
        position=str(found.head.position),
        score=found.hit.score,
        cited=cited,
    )
