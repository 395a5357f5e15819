"""Signs of a question that is none: it begins with an order to forget what the model was told, or to tell it.

A document may well hold such an order, for people or as an example. Who asks a question has no reason to give
one to anybody but the model, so that it is certain here. What may be a question stays one: "Can I ignore …?",
"Forget the old rules, which ones hold now?", what is asked about one's own words ("my previous question").
"""

# ruff: noqa: E501 - a pattern that is broken in two can't be read

from __future__ import annotations

from streams.answering.guard.signal import FEW, signals

_FIRST = r"^(?:(?:please|now|just|okay|ok|hi|hello|hey|first|so|then|bitte|s'il te plait|por favor|per favore)\b\W{1,3}){0,3}"
_CANCEL = r"(?:ignore|disregard|forget|discard|override|bypass|(?:do not|don't|stop) follow(?:ing)?)"
# `quoted` puts a word that alone is in capitals between quotation marks.
_CANCELLED = rf"(?:{_CANCEL}|\"{_CANCEL}\")"
_NOT_MINE = r"(?![^.\n]{0,20}\bmy\b)"
_NEAR = r"(?:[ \",]+[\w']+){0,5}?[ \",]+"
_EARLIER = r"(?:previous|prior|preceding|above|earlier|foregoing|initial|original|former|past)"
# What a model was told, by names that hardly anything else has; the others, where nothing follows.
_TOLD = r"(?:instructions?|prompts?|directives|programming|system messages?)\b"
_RULES = (
    r"(?:instructions?|prompts?|directives|programming|system messages?|rules|guidelines|commands|training)\b"
)
_END = r"(?=\W*$|\s?[.!;:]\W*$|,? (?:and|then|now|instead)\b)"
# Instructions on something are another's, to people.
_ON = r"(?!\W+(?:about|on|regarding|concerning|relating|for|of|in (?:this|the) (?!prompt|conversation|chat|context)|that|if|until|from|at|to)\b)"
_TELL = (
    r"(?:reveal|show|print|repeat|output|display|tell|give|leak|share|write(?: out| down)?|list|recite|quote)"
)
_HELD = r"(?:system (?:prompt|message|instructions)|(?:initial|hidden|secret|internal) (?:system )?(?:prompts?|instructions|directives)|(?:original|exact|full|complete|entire|own|core) (?:prompts?|instructions|directives)|prompts?)"
_TOLD_SO = r"(?=\W*$|\s?[.!;:,]|\s(?:to me|in full|and|now|verbatim|exactly|word|as|above|here)\b)"
_CANCELLING = "ignor,disregard,forget,discard,overrid,bypass,follow"

ASKING = (
    *signals(
        "override",
        (0.8, _CANCELLING, rf"{_FIRST}{_CANCELLED}{_NOT_MINE}{_NEAR}{_EARLIER}\W+{FEW}{_TOLD}{_ON}"),
        (0.8, _CANCELLING, rf"{_FIRST}{_CANCELLED}{_NOT_MINE}{_NEAR}(?:{_EARLIER}|all|any|every|your|system)(?: \w+){{0,2}}? {_RULES}{_END}"),
        (0.8, _CANCELLING, rf"{_FIRST}{_CANCELLED}{_NOT_MINE}{_NEAR}{_RULES} (?:that )?(?:(?:were )?(?:given|told)(?: to you)?|you (?:were|have been|got|received)[\w ]{{0,24}}|above|before (?:this|that|now)|so far|until now){_END}"),
        (0.8, _CANCELLING, rf"{_FIRST}{_CANCELLED}(?: about)? (?:all|everything|anything|whatever|what)(?: that| which)? (?:above|before (?:this|now)|previously|so far|you(?:'ve| have| were| had)? (?:been )?(?:told|instructed|given)(?: before| so far| above| until now)?|(?:was|is|stands?|comes?) (?:said |written )?(?:above|before)(?: this)?){_END}"),
        # French, German, Spanish, Italian, Portuguese
        (0.8, "ignor,oubli,neglig,ecart", rf"{_FIRST}(?:ignore|oublie|neglige|ecarte)z?\b(?![^.\n]{{0,20}}\b(?:mes|mon|ma)\b)[^.;:\n]{{0,40}}\b(?:instructions?|consignes?|directives?|prompt)\b(?:[^.;:\n]{{0,30}}\b(?:precedente?s?|anterieure?s?|ci-dessus|initiales?|recue?s?|donnee?s|d'origine|du systeme)\b|{_END})"),
        (0.8, "ignor,vergiss,vergessen,missacht", rf"{_FIRST}(?:ignorier(?:en sie|e|t)?|vergiss|vergessen sie|missachten sie|missachte)\b(?![^.\n]{{0,20}}\bmeine)[^.;:\n]{{0,40}}\b(?:vorherig\w*|bisherig\w*|obig\w*|vorig\w*|vorangegangen\w*|fruher\w*|alle|deine)\b[^.;:\n]{{0,20}}\b(?:anweisung\w*|instruktion\w*|prompts?)\b(?! (?:fur|zu|zum|zur|uber|aus|von|im|in)\b)"),
        (0.8, "ignor,olvid,dimentica,esquec", rf"{_FIRST}(?:ignor[ae]|olvid[ae]|dimentica|esquec[ae])\b(?![^.\n]{{0,20}}\b(?:mis|mie|minhas)\b)[^.;:\n]{{0,30}}\b(?:instrucciones|istruzioni|instrucoes)\b(?:[^.;:\n]{{0,12}}\b(?:anterior\w*|previ[ao]s|precedenti|iniciais|iniciales|iniziali)\b|{_END})"),
        questions_only=True, to_model=True,
    ),
    *signals(
        "reveal",
        (0.8, "prompt,instruction,directive,message", rf"{_FIRST}(?:{_TELL}|\"{_TELL}\")(?: me| us)?(?: exactly| all| everything)?(?: (?:what|of|in|is))* your (?:\w+ )?{_HELD}{_TOLD_SO}"),
        (0.8, "system prompt,system message,system instruction", rf"{_FIRST}(?:{_TELL}|\"{_TELL}\")(?: me| us)? (?:the|this) (?:\w+ )?system (?:prompt|message|instructions){_TOLD_SO}"),
        (0.8, "prompt,instruction,consigne", rf"{_FIRST}(?:revele|affiche|montre|repete|donne|recite|divulgue)z?(?:-moi|-nous)? (?:ton|tes|votre|vos|le|les) (?:prompt(?: systeme| initial)?|(?:instructions?|consignes?) (?:systeme|initiales?|cachees?|secretes?|internes?)|message systeme){_TOLD_SO}"),
        (0.8, "prompt,anweisung", rf"{_FIRST}(?:zeig\w*|nenn\w*|verrat\w*|gib|wiederhol\w*)(?: mir| uns)? (?:deinen?|den|ihren) (?:system-?prompt|systemanweisung\w*|prompt){_TOLD_SO}"),
        questions_only=True, to_model=True,
    ),
)  # fmt: skip
