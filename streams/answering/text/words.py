"""The words of a text that carry what it is about, in a form in which two texts can be compared."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+")
_DIGIT = re.compile(r"\d")
_GROUPING = re.compile(r"(?<=\d)[,.'’ \u00a0\u202f](?=\d{3}(?!\d))")  # noqa: RUF001 - spaces and marks between thousands
_STEM = 6
_ENDINGS = ("s", "ing", "ed", "e")
_SHORTEST = 3
_KEPT = 8192
"""Words whose stem is kept: texts repeat them."""


def listed(text: str) -> frozenset[str]:
    """The words of a list."""
    return frozenset(text.split())


ENGLISH = listed("""
a about above after again against all also am an and any are aren as at be because been before being
below between both but by can cannot could couldn did didn do does doesn doing don down during each else
ever every few for from further get gets give given had has have having he her here hers herself him
himself his how however i if in into is isn it its itself just kind let like make many may me might more
most much must my myself need no nor not now of off often on once one only or other our ours ourselves
out over own please same shall she should so some such tell than that the their theirs them themselves
then there therefore these they thing things this those though through thus to too two under until up
upon us use used uses using very via want was way we well were what when where whether which while who
whom whose why will with within without would yes yet you your yours yourself
""")
FRENCH = listed("""
a afin ai ainsi alors apres as au aucun aucune aura aussi autre autres aux avaient avais avait avant
avec avez avoir avons bien c ca car ce ceci cela celle celles celui cependant ces cet cette ceux chaque
chez ci combien comme comment d dans de deja depuis des deux doit doivent donc dont du elle elles en
encore entre es est et etaient etais etait etant etre eu eux faire fais fait faut ici il ils j jamais je
jusque l la laquelle le lequel les lesquelles lesquels leur leurs lors lorsque lui m ma mais me meme
memes mes moi moins mon n ne ni non nos notre nous on ont ou oui par parce parmi pas pendant peu peut
peuvent peux plus plusieurs pour pourquoi pouvez puis qu quand que quel quelle quelles quels quelque
quelques qui quoi s sa sans se selon sera serait ses si sien soi soit sommes son sont sous souvent suis
sur t ta tandis tant te tel telle tes toi ton toujours tous tout toute toutes tres tu un une va vais
vers veux voici voila vos votre vous y
""")
GERMAN = listed("""
aber als am an auch auf aus bei beim bis da damit das dass dem den denn der des die dies diese diesem diesen
dieser dieses doch du durch ein eine einem einen einer eines er es fur haben hat hier ich ihr ihre ihrem ihren
ihrer im in ist ja jede jedem jeden jeder jedes kann konnen man mehr mit muss mussen nach noch nur ob oder
schon sehr sein seine seinem seinen seiner sich sie sind so soll sollen sowie uber um und uns unter vom
von vor war waren was weil wenn werden wie wir wird wurde wurden zu zum zur zwischen immer jederzeit
""")
"""The same of German, for what is read without an index: the stop words below decide what is evidence."""
COUNTED = {
    word: str(number)
    for names in (
        "two three four five six seven eight nine ten eleven twelve",
        "deux trois quatre cinq six sept huit neuf dix onze douze",
    )
    for number, word in enumerate(names.split(), 2)
}
"""Numbers in words, folded, and in digits."""
STOP_WORDS = ENGLISH | FRENCH
"""Words that say how a sentence is built rather than what about, without accents."""


def folded(text: str) -> str:
    """`text` in lower case, compatibility forms and accents undone."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def words(text: str) -> list[str]:
    """Every word of `text`, folded, in order."""
    return _WORD.findall(folded(text))


def pieces(text: str) -> list[str]:
    """Every word of `text` as it is written there, in order."""
    return _WORD.findall(text)


def content_words(text: str) -> list[str]:
    """The words of `text` that carry meaning, folded, in order: no stop words, none under three letters.

    Numbers count whatever their length, and so does each word of a script without spaces.
    """
    return [word for word in words(text) if is_content(word)]


def is_content(word: str) -> bool:
    """Whether a folded word carries meaning."""
    if word in STOP_WORDS:
        return False
    return len(word) >= _SHORTEST or bool(_DIGIT.search(word)) or not word.isascii()


@lru_cache(_KEPT)
def stem(word: str) -> str:
    """The front of a word, by which its inflections are alike; a word with a digit in it is its own."""
    if _DIGIT.search(word):
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST:
            word = word.removesuffix(ending)
    return word[:_STEM]


def stems(text: str) -> frozenset[str]:
    """The stems of the content words of `text`, the grouping of thousands undone."""
    return frozenset(map(stem, content_words(ungrouped(text))))


def numbers(text: str) -> frozenset[str]:
    """The words of `text` with a digit in them, the grouping of thousands undone: `10,000` is `10000`."""
    return frozenset(word for word in words(ungrouped(text)) if _DIGIT.search(word))


def counted(text: str) -> frozenset[str]:
    """The numbers of `text` that are written as words, in digits."""
    return frozenset(COUNTED[word] for word in words(text) if word in COUNTED)


def ungrouped(text: str) -> str:
    """`text` with the grouping of thousands undone: `10,000` is `10000`."""
    return _GROUPING.sub("", text)
