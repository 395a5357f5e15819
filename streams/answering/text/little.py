"""The little words of a few languages: they hold sentences together, and tell which language it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from streams.answering.text.words import ENGLISH, FRENCH, listed

_LITTLE: Mapping[str, frozenset[str]] = {
    "en": ENGLISH,
    "fr": FRENCH,
    "de": listed("""
        aber als auch auf aus bei bin bis da damit das dass dem den der des die dies diese dieser du
        ein eine einem einen einer eines er es fur gegen gibt haben habe hat ich ihr im ist ja kann
        kein keine konnen man mein meine mich mir mit muss nach nicht noch nur oder ohne sein seine
        sich sie sind soll uber um und uns unter vom von vor wann warum was welche welcher welches
        wenn wer werden wie wird wir wo wurde zu zum zur zwischen"""),
    "es": listed("""
        al aqui como con cual cuales cuando cuanto cuantos de del desde donde el ella ellos en entre
        era es esta este esto estos fue hace hacer hasta hay la las lo los mas me mi mis muy no nos
        o para pero por porque puede puedo que quien se ser si sin sobre son su sus tiene tengo un
        una unas unos y ya yo"""),
    "it": listed("""
        agli ai al alla alle anche che chi ci come con cosa cui da dal dalla degli dei del della
        delle di dove e ed gli ha hanno ho i il in io la le lo ma mi mio nel nella non per perche
        piu posso puo quale quali quando quanto quanti questa questo se si sono su sua sul sulla suo
        tra un una uno"""),
    "pt": listed("""
        ao aos as com como da das de do dos e ela ele em entre era essa esse esta este eu foi ha
        isso mais mas meu minha na nao nas no nos o onde os para pela pelo por porque posso qual
        quais quando quanto quantos que quem se sem seu sua tem tenho um uma voce"""),
    "nl": listed("""
        aan als bij dan dat de deze die dit een en er geen had heb hebben heeft het hij hoe hoeveel
        iets ik in is kan kunnen maar met mijn moet naar niet nog of om onze ook op over te tot uit
        van veel voor waar waarom wanneer wat we welke werd wie wij wordt worden zijn zo zonder"""),
}
_LANGUAGES_OF = Counter(word for little in _LITTLE.values() for word in little)

TELLING: Mapping[str, Mapping[str, int]] = {
    word: {language: 2 if count == 1 else 1 for language, little in _LITTLE.items() if word in little}
    for word, count in _LANGUAGES_OF.items()
    if len(word) > 1
}
"""How much a word tells of each language: 2 where no other has it."""
