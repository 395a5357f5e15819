"""Grounding: what an answer's sentences cite, and whether that says what they say. No model is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import cache, lru_cache, reduce
from operator import or_

from streams.answering.found import Found
from streams.answering.grounding.claims import Claim, claims
from streams.answering.grounding.clauses import KEPT, said
from streams.answering.grounding.contradict import contradicts
from streams.answering.grounding.markers import pointed
from streams.answering.grounding.marking import Markers
from streams.answering.grounding.polar import answered
from streams.answering.grounding.quote import quote
from streams.answering.grounding.vocabulary import NOTHING, Vocabulary, of_passage, of_text
from streams.answering.text.items import bare
from streams.answering.text.quantities import canonical
from streams.answering.text.sentences import sentences
from streams.answering.text.words import stems, words
from streams.messages.answers import Citation
from streams.messages.markers import ends_in_code

SUPPORTED = 0.5
"""Share of a sentence's content words that must stand in what it cites, where no more than one is missing."""
MOSTLY = 2 / 3
"""The same, where more are missing: a sentence may be half the passage's and half invented."""


def _of_passages(passages: Sequence[Found]) -> list[Vocabulary]:
    return [of_passage(_text(found)) for found in passages]


def _text(found: Found) -> str:
    return f"{found.hit.title}\n\n{found.hit.text}"


def supports(said: Vocabulary, sentence: Vocabulary, asked: Vocabulary = NOTHING) -> bool:
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

    0 to 1; 0 for no sentences. What the source says otherwise, with nearly the same words, is not supported;
    a whole sentence of the source, word for word, is.
    """
    return share(list(judged(text, passages, question)))


def share(right: Sequence[bool]) -> float:
    """The share of those that are right; 0 for none."""
    return sum(right) / len(right) if right else 0.0


def judged(text: str, passages: Sequence[Found], question: str = "") -> Iterator[bool]:
    """Whether each sentence of `text` is supported, as `grounded` counts them, one at a time.

    Each may take milliseconds, and an answer may have hundreds.
    """
    asked = of_text(question)

    @cache
    def right(claim: Claim) -> bool:
        told, read = [_text(passages[n - 1]) for n in claim.cited], _as_read(claim.text)
        if any(read in _copies(one) for one in told):
            return True
        own = of_text(claim.text)
        if not supports(reduce(or_, map(of_passage, told), NOTHING), own, asked):
            return False
        if question and not own:
            return answered(claim.text, question, told)
        return not contradicts(said(told), claim.text)

    return map(right, claims(text))


def acquaint(found: Found) -> None:
    """Reads a passage ahead of `grounded`, which is faster for it, and the same without."""
    text = _text(found)
    _copies(text), of_passage(text), said([text])


@lru_cache(KEPT)
def _copies(text: str) -> frozenset[tuple[str, ...]]:
    """The sentences of `text`, as they are read."""
    return frozenset(_as_read(bare(one)) for one in sentences(text)) - {()}


def _as_read(sentence: str) -> tuple[str, ...]:
    return tuple(words(canonical(sentence)))


def regulating(passages: Sequence[Found]) -> Markers:
    """What makes the markers of an answer from these passages regular."""
    return Markers(len(passages), [found.hit.text for found in passages], _backing(passages))


def _backing(passages: Sequence[Found]) -> Callable[[int, str], bool]:
    """Tells of a citation's number and a text whether that passage says what the text's last sentence does.

    What has no word of its own is said by none.
    """

    def backs(n: int, text: str) -> bool:
        last = of_text(made[-1].text) if (made := claims(text)) else NOTHING
        return bool(last) and supports(of_passage(_text(passages[n - 1])), last)

    return backs


def attribution(text: str, passages: Sequence[Found]) -> str:
    """The markers to add to the end of an answer that has none: the passages that support its sentences."""
    if pointed(text) or ends_in_code(text):
        return ""
    sources = _of_passages(passages)
    found = {_source(of_text(claim.text), sources) for claim in claims(text)} - {0}
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
