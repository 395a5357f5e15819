"""Follow-up questions: whether a question leans on what was said before, and words that make it stand alone.

A search knows nothing of a conversation. "And how long is it kept?" finds what is about keeping, whatever
was talked about; with the question before it, it finds the right thing. A question that says all by itself
must not get that: it would find the last subject again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from streams.answering.text.language import guess
from streams.answering.text.screen import screen
from streams.answering.text.words import content_words, folded, listed, stem, stems, words
from streams.messages.questions import Turn

FEW = 2
"""Content words up to which a question says too little by itself."""
NAMED = 2
"""Content words before a pronoun from which it means one of these, and nothing that was said earlier."""
BEFORE = 3
"""Earlier questions that one may lean on, each on the one before."""
CONTEXT_CHARACTERS = 500
LONGEST = 400
"""Characters of a rewritten question."""
NEW_WORDS = 2
"""Content words that a rewritten question may have of its own."""

_OPENING = re.compile(
    r"(?:and|but|so|then|also|or|what about|how about|what else|anything else|why(?: not)?\s*\?|"
    r"et|mais|alors|ou bien|sinon|donc|qu[' ]en est il|pourquoi(?: pas)?\s*\?)\b",
)
_ELSEWHERE = listed("""
latter former instead otherwise meanwhile afterwards else
""")
_PRONOUNS = listed("""
it its itself they them their theirs he him his she her hers this that these those there one ones same
il ils elle elles lui leur leurs celui celle ceux celles cela ca ceci sien sienne siens dedans
""")
_IMPERSONAL = re.compile(
    r"\bdoes it mean(?: that)?\b|\bil (?:faut|y a|existe|est (?:possible|necessaire)|s['’ ]agit|suffit)\b|"  # noqa: RUF001 - typographic apostrophe
    r"\b(?:faut|existe|suffit|y a|est|se passe)[- ](?:t[- ])?il\b"
)
_INVERTED = re.compile(
    r"\b(?:le|la|les|l['’]|un|une|des|du|ce|cet|cette|ces)\s?\w+\s[\w ]*\w-(?:t-)?(?:ils?|elles?)\b"  # noqa: RUF001 - typographic apostrophe
)
_OBJECT = re.compile(
    r"\b(?:comment|ou|pourquoi|quand|peut[- ]on|puis[- ]je|faut[- ]il|peux|dois[- ]je)\s+"
    r"(?:le|la|les|l['’])\s?\w+(?:er|ir|re)\b"  # noqa: RUF001 - typographic apostrophe
)
_BEGINS = re.compile(r"(?i:what|which|how)\s+(?:is|are|was|were|does|do)\s+(?:it|that|this|they)\b")
_NAMED = re.compile(r"\b(?:[A-Z]\w+|\w*[\d_]\w*)\b")


def earlier(history: Sequence[Turn]) -> list[str]:
    """What was asked before, screened, the last one first."""
    asked = (screen(turn.content).strip() for turn in reversed(history) if turn.role == "user")
    return [text for text in asked if text]


def leans_on(question: str, history: Sequence[Turn]) -> bool:
    """Whether the question needs what was asked before."""
    return bool(earlier(history)) and leans(question)


def leans(question: str) -> bool:
    """Whether the question can't be understood without what was said before it."""
    plain = _IMPERSONAL.sub(" ", folded(question).strip())
    if _OPENING.match(plain) or _BEGINS.match(plain) or _OBJECT.search(plain):
        return True
    if len(content_words(question)) <= FEW and not _NAMED.search(_uncapitalised(question)):
        return True
    said = 0
    # "Le vacuum attend-il": the pronoun only repeats the subject.
    for word in words(_INVERTED.sub(lambda found: found[0].rpartition("-")[0], plain)):
        if word in _ELSEWHERE or (word in _PRONOUNS and said < NAMED):
            return True
        said += bool(content_words(word))
    return False


def combined(question: str, history: Sequence[Turn]) -> str:
    """The question, and before it those that it leans on: the last one that stands alone and what follows."""
    before: list[str] = []
    text = question
    for asked in earlier(history)[:BEFORE]:
        if not leans(text):
            break
        before.append(asked[-CONTEXT_CHARACTERS:])
        text = asked
    return "\n".join([*reversed(before), question])


def accepted(rewritten: str, question: str, history: Sequence[Turn]) -> bool:
    """Whether `rewritten`, a model's, asks the same question, of what was talked about, and stands alone.

    It keeps the question's content words and its language, and names nothing that nobody has named.
    """
    said = " ".join([question, *(turn.content for turn in history)])
    known = stems(said)
    new = stems(rewritten) - known
    names = {folded(name) for name in _NAMED.findall(_uncapitalised(rewritten))}
    return (
        0 < len(rewritten) <= LONGEST
        and "\n" not in rewritten.strip()
        and _kept(question) <= stems(rewritten)
        and len(new) <= NEW_WORDS
        and names <= set(words(said)) | {folded(name) for name in _NAMED.findall(said)}
        and guess(rewritten) == guess(question)
        and not leans(rewritten)
    )


def _kept(question: str) -> frozenset[str]:
    """The stems of the question's words that say something."""
    return frozenset(stem(word) for word in content_words(question) if word not in _PRONOUNS)


def _uncapitalised(text: str) -> str:
    """The text without its first word's capital, which names nothing."""
    return text[:1].lower() + text[1:]
