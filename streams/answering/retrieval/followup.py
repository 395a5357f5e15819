"""Follow-up questions: whether a question leans on what was said before, and words that make it stand alone.

A search knows nothing of a conversation. "And how long is it kept?" finds what is about keeping, whatever
was talked about; with the question before it, it finds the right thing. A question that says all by itself
must not get that: it would find the last subject again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from streams.answering.text.language import guess, language_of
from streams.answering.text.screen import screen
from streams.answering.text.words import content_words, folded, listed, stem, stems, words
from streams.messages.questions import Turn

FEW = 1
"""Content words up to which a question says too little by itself."""
AMBIGUOUS = 2
"""Content words up to which it may: "Who approves requests?" is a whole question, and may be half a one."""
NAMED = 2
"""Content words before a pronoun from which it means one of these, and nothing that was said earlier."""
BEFORE = 3
"""Earlier questions that one may lean on, each on the one before."""
CONTEXT_CHARACTERS = 500
LONGEST = 400
"""Characters of a rewritten question."""
NEW_WORDS = 2
"""Content words that a rewritten question may have of its own."""
TURNS = 4
"""Turns that tell what is talked about."""
TURN_CHARACTERS = 400
SHORT = 6
"""Words up to which a pronoun in a language without lists of little words is what a question is about."""

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
_OPENINGS_ELSEWHERE = {
    "de": listed("und aber oder also sonst warum wieso"),
    "es": listed("y e pero o entonces"),
    "it": listed("e ed ma o allora perche"),
    "pt": listed("e mas ou entao"),
    "nl": listed("en maar of dus waarom"),
}
_PRONOUNS_ELSEWHERE = {
    "de": listed("er ihn ihm ihnen dies dieser diese dieses davon dafur damit dazu dort"),
    "es": listed("eso esto ello aquello ella ellos ellas"),
    "it": listed("questo questa quello quella cio lui lei loro"),
    "pt": listed("isso isto aquilo ele ela eles elas"),
    "nl": listed("dit deze hij zij ervan ervoor daar"),
}
_AT_THE_END = re.compile(r"(?<!gibt )\b(?:es|das|sie|ihr|het|dat|die)\s*\?*$")
"""Pronouns where nothing follows them; else articles, or the subject of "gibt es"."""
_IMPERSONAL = re.compile(
    r"\bdoes it mean(?: that)?\b|\bil (?:faut|y a|existe|est (?:possible|necessaire)|s['’ ]agit|suffit)\b|"  # noqa: RUF001 - typographic apostrophe
    r"\b(?:faut|existe|suffit|y a|est|se passe)[- ](?:t[- ])?il\b"
)
_INVERTED = re.compile(
    r"\b(?:le|la|les|l['’]|un|une|des|du|ce|cet|cette|ces)\s?\w+\s[\w ]{0,100}\w-(?:t-)?(?:ils?|elles?)\b"  # noqa: RUF001 - typographic apostrophe
)
_OBJECT = re.compile(
    r"\b(?:comment|ou|pourquoi|quand|peut[- ]on|puis[- ]je|faut[- ]il|peux|dois[- ]je)\s+"
    r"(?:le|la|les|l['’])\s?\w+(?:er|ir|re)\b"  # noqa: RUF001 - typographic apostrophe
)
_BEGINS = re.compile(r"(?i:what|which|how)\s+(?:is|are|was|were|does|do)\s+(?:it|that|this|they)\b")
_NAMED = re.compile(r"\b(?:[A-Z]\w+|\w*[\d_]\w*)\b")


def earlier(history: Sequence[Turn]) -> list[str]:
    """What was asked before, the last one first: the ends of `BEFORE` questions, screened."""
    asked = (
        screen(turn.content[-CONTEXT_CHARACTERS:]).strip()
        for turn in reversed(history)
        if turn.role == "user"
    )
    return list(islice((text for text in asked if text), BEFORE))


def told(history: Sequence[Turn]) -> list[tuple[str, str]]:
    """The last turns, each as far as it is needed to know what is talked about, screened."""
    return [(turn.role, screen(turn.content[:TURN_CHARACTERS]).strip()) for turn in history[-TURNS:]]


def leans_on(question: str, history: Sequence[Turn]) -> bool:
    """Whether the question needs what was asked before."""
    return bool(earlier(history)) and leans(question)


def may_lean(question: str) -> bool:
    """Whether the question, which is whole as it stands, may mean what was talked about before."""
    return len(content_words(question)) <= AMBIGUOUS and not _NAMED.search(_uncapitalised(question))


def leans(question: str) -> bool:
    """Whether the question can't be understood without what was said before it."""
    if (language := language_of(question)) in _PRONOUNS_ELSEWHERE:
        spoken = words(question)
        short = len(spoken) <= SHORT and not _PRONOUNS_ELSEWHERE[language].isdisjoint(spoken)
        ends = language in {"de", "nl"} and _AT_THE_END.search(question)
        return spoken[0] in _OPENINGS_ELSEWHERE[language] or short or bool(ends)
    plain = _IMPERSONAL.sub(" ", folded(question).strip())
    if _OPENING.match(plain) or _BEGINS.match(plain) or _OBJECT.search(plain):
        return True
    says = len(content_words(question))
    if says <= FEW and not _NAMED.search(_uncapitalised(question)):
        return True
    said = 0
    # "Le vacuum attend-il": the pronoun only repeats the subject.
    for word in words(_INVERTED.sub(lambda found: found[0].rpartition("-")[0], plain)):
        if word in _ELSEWHERE or (word in _PRONOUNS and (said < NAMED or says <= AMBIGUOUS)):
            return True
        said += bool(content_words(word))
    return False


def combined(question: str, history: Sequence[Turn]) -> str:
    """The question, after those that it leans on, where it leans on any."""
    return after(question, history) if leans(question) else question


def after(question: str, history: Sequence[Turn]) -> str:
    """The question, after the one that was asked last, and after those that this one leans on."""
    before: list[str] = []
    for asked in earlier(history):
        before.append(asked)
        if not leans(asked):
            break
    return "\n".join([*reversed(before), question])


def accepted(rewritten: str, question: str, history: Sequence[Turn]) -> bool:
    """Whether `rewritten`, a model's, asks the same question, of what was talked about, and stands alone.

    It keeps the question's content words and its language, and names nothing that nobody has named.
    """
    said = " ".join([question, *(text for _, text in told(history))])
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
