"""What gives an instruction to a model away, and how far: patterns over text as `reading` gives it.

None of them proves anything alone, unless its weight says so. They are about how one speaks to a model
(cancelling what it was told, giving it a role or words to say, its answer, its instructions), not about any
subject.
"""

# ruff: noqa: E501, RUF001 - a pattern that is broken in two can't be read; full-width signs are meant

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["override", "role", "reveal", "dictate", "steer", "markers", "exfiltrate", "hidden", "encoded"]
"""What is found in a text; a metric's label."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A pattern, and how suspicious text is that holds it, 0 to 1.

    `documents_only`: who asks a question may well say it; nobody says it to the reader of a document.
    `needs`: the pattern is nowhere in a text that holds none of these; it is slower to find than they.
    """

    kind: Kind
    weight: float
    pattern: re.Pattern[str]
    documents_only: bool = False
    needs: tuple[str, ...] = ("",)

    def given_by(self, text: str) -> bool:
        """Whether `text`, as `reading` gives it, holds the pattern."""
        return any(word in text for word in self.needs) and self.pattern.search(text) is not None


def _signals(kind: Kind, *rows: tuple[float, str, str], documents_only: bool = False) -> Iterable[Signal]:
    """One signal a row: its weight, what it needs, divided by commas, and its pattern."""
    for weight, needs, pattern in rows:
        yield Signal(kind, weight, re.compile(pattern, re.MULTILINE), documents_only, tuple(needs.split(",")))


# Between two words of a phrase: a few others.
_GAP = r"(?:\W+\w+){0,5}?\W+"
_FEW = r"(?:\w+\W+){0,4}?"
_START = r"(?:^|[.!?:;\n>\"“«*)\]}-]\s?|\b(?:please|now|then|also|and|must|should|will|to|always|simply)\s)"

_CANCEL = r"(?<!not )(?<!n't )(?<!never )\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|overrid(?:e|ing)|bypass|neglect|discard|erase)\b"
_CANCELLING = "ignor,disregard,forget,overrid,bypass,neglect,discard,eras"
_TOLD = r"(?:instructions?|prompts?|rules|directions|directives|guidelines|commands?|programming|polic(?:y|ies)|training|orders|system messages?)\b"

OVERRIDE = (
    *_signals(
        "override",
        (0.9, _CANCELLING, rf"{_CANCEL}{_GAP}(?:previous|prior|preceding|above|earlier|foregoing|initial|original|former|past)\W+{_FEW}{_TOLD}"),
        (0.6, _CANCELLING, rf"{_CANCEL}{_GAP}(?:all|any|your|other|these|those|every|system|existing|current)\W+{_FEW}{_TOLD}"),
        (0.9, _CANCELLING, rf"{_CANCEL}\W+(?:about\W+)?{_FEW}{_TOLD}{_GAP}(?:above|before|(?:been )?given|received?|got|told|previously|so far|up to now)\b"),
        (0.9, _CANCELLING, rf"{_CANCEL}\W+(?:about\W+)?(?:all|everything|anything|what(?:ever)?)\b{_GAP}(?:above|before (?:this|that|now|here)|previously|so far|you(?:'ve| have| were)? (?:been )?(?:told|said|learn\w+|know))\b"),
        (0.8, _CANCELLING, rf"{_CANCEL}\W+(?:all\W+|everything\W+)?(?:the\W+)?(?:rest|remainder|content|contents)\W+of\W+(?:this|the|these|your|any)\W+(?:\w+\W+)?(?:data|texts?|documents?|context|page|passages?|messages?|prompt|input|article|conversation|snippets?)\b"),
        (0.8, _CANCELLING, rf"{_CANCEL}\W+(?:all|any)\W+(?:other\W+)?(?:info|information|texts?|content|data|documents?|context)\W+(?:except|but|other than|apart)\b"),
        (0.5, "ignore,disregard,forget,stop", r"\b(?:i|we)\W+(?:would like|want|need|ask)\W+you\W+to\W+(?:ignore|disregard|forget|stop)\b"),
        (0.8, "follow,obey,listen,comply,adhere,respect", rf"\b(?:do not|don't|never|no longer|stop)\W+(?:follow|obey|listen|comply|adhere|respect)\w*\W+(?:\w+\W+){{0,3}}?(?:previous|prior|above|system|original|earlier|initial|openai\S*)\W+{_FEW}{_TOLD}"),
        (0.4, "instruction,prompt,directive,order", r"\b(?:new|updated|revised|real|actual|true|core|secret|hidden|special)\W+(?:system\W+)?(?:instructions?|prompt|directives?|orders)\s?[:：]"),
        (0.4, "stop,abort,cancel,drop,never mind,nevermind", r"\bstop everything\b|\b(?:stop|abort|cancel|drop)\W+(?:your|the)\W+(?:current|previous)\W+(?:task|answer|output)\b|\bnever ?mind\b[^\n]{0,40}\binstead\b"),
        # French
        (0.85, "ignor,oubli,neglig,ecart,abstraction,compte,obei,ne sui,ne respect", r"\b(?:ignor(?:e|ez|er|ons)|oubli(?:e|ez|er)|neglige[zr]?|ecarte[zr]?|(?:fais|faites|faire) abstraction d|(?:ne )?(?:tiens|tenez|tenir) (?:pas|plus|aucun) (?:de )?compte|n'? ?obei(?:s|ssez) (?:pas|plus)|ne (?:suis|suivez|respecte[sz]?) (?:pas|plus))\b[^.\n]{0,50}\b(?:instructions?|consignes?|directives?|regles|ordres|prompt)\b[^.\n]{0,30}\b(?:precedente?s?|anterieure?s?|ci-dessus|initiales?|recue?s|donnee?s|d'origine|du systeme|avant|plus haut)"),
        (0.7, "ignor,oubli,abstraction", r"\b(?:ignor(?:e|ez)|oubli(?:e|ez)|(?:fais|faites) abstraction d)\b[^.\n]{0,15}\b(?:toutes? (?:les|tes|vos|ces)|tous (?:les|tes|vos|ces)|tes|vos)\b[^.\n]{0,20}\b(?:instructions?|consignes?|directives?|regles|ordres)\b"),
        (0.8, "ignor,oubli", r"\b(?:ignor(?:e|ez)|oubli(?:e|ez))\b (?:tout ce qui (?:precede|est (?:ci-dessus|avant))|tout ce qu(?:e|i|'on)[^.\n]{0,25}\b(?:dit|appris|demande)\b|le reste d(?:u|es|e ce|e cette) (?:texte|document|donnees|page|message)s?)"),
        # German, Spanish, Italian, Portuguese, Dutch, Polish
        (0.85, "ignorier,vergiss,vergessen sie,missacht,beachte", r"\b(?:ignorier\w*|vergiss|vergessen sie|missacht\w*|beachte\w*[^.\n]{0,20}\bnicht)\b[^.\n]{0,40}\b(?:vorherig\w*|bisherig\w*|obig\w*|vorig\w*|vorangegangen\w*|fruher\w*|alle|deine|ihre)\b[^.\n]{0,20}\b(?:anweisung\w*|instruktion\w*|regeln|vorgaben|befehle|prompts?)"),
        (0.85, "ignor,olvid,descart,caso omiso,hagas caso,omit", r"\b(?:ignor[aeo]\w*|olvid[ae]\w*|descart[ae]\w*|haz caso omiso|no hagas caso|omit[ae])\b[^.\n]{0,40}\b(?:instruccion\w*|ordenes|reglas|indicaciones|directrices)\b[^.\n]{0,25}\b(?:anterior\w*|previ[ao]s?|de arriba|iniciales|recibid\w+)|\b(?:ignora|olvida)\b (?:todas )?(?:tus|sus|las) (?:instruccion\w*|reglas)"),
        (0.85, "ignora,dimentica,trascura,non segu,non consid", r"\b(?:ignora\w*|dimentica\w*|trascura\w*|non (?:seguire|considerare))\b[^.\n]{0,40}\b(?:istruzion\w*|regole|comandi|indicazioni|direttive)\b[^.\n]{0,25}\b(?:precedent\w*|iniziali|sopra|ricevut\w+)|\b(?:ignora|dimentica)\b (?:tutte )?(?:le )?(?:tue|sue) (?:istruzioni|regole)"),
        (0.85, "ignor,esquec,desconsider", r"\b(?:ignor[ae]\w*|esquec[ae]\w*|desconsider[ae]\w*)\b[^.\n]{0,40}\b(?:instruc\w+|ordens|regras|diretrizes)\b[^.\n]{0,25}\b(?:anterior\w*|previas?|acima|iniciais|recebid\w+)|\b(?:ignore|esqueca)\b (?:todas )?(?:as )?suas (?:instrucoes|regras)"),
        (0.85, "negeer,vergeet", r"\b(?:negeer|vergeet)\b[^.\n]{0,30}\b(?:vorige|eerdere|alle|bovenstaande|je)\b[^.\n]{0,15}\b(?:instructies|opdrachten|regels)"),
        (0.85, "ignoruj,zapomnij", r"\b(?:zignoruj|zapomnij|ignoruj)\b[^.\n]{0,40}\b(?:instrukcj\w+|polecen\w*|zasad\w*)"),
        # Russian, Chinese, Japanese, Korean, Arabic
        (0.85, "игнорир,забудь", r"\b(?:игнорируи\w*|игнорируй\w*|забудь\w*|проигнорируи\w*|проигнорируй\w*)\b[^.\n]{0,40}(?:инструкци|указани|правил|команд)\w*"),
        (0.85, "忽略,忽视,忽視,无视,無視,忘记,忘記,不要理会,不要遵守", r"(?:忽略|忽视|忽視|无视|無視|忘记|忘記|不要理会|不要遵守)[^。\n]{0,14}(?:指令|指示|提示词|规则|規則|说明|命令|要求)"),
        (0.85, "無視,忘れ", r"(?:指示|命令|プロンプト|ルール|指令)[^。\n]{0,12}(?:無視|忘れ)"),
        (0.85, "무시,잊", r"(?:지시|명령|규칙|프롬프트)[^.\n]{0,12}(?:무시|잊)"),
        (0.85, "تجاهل,انس", r"(?:تجاهل|انس)[^.\n]{0,25}(?:التعليمات|الأوامر|القواعد)"),
    ),
)  # fmt: skip

_MACHINE = r"(?:a\.?i\.?|chat-?bots?|chatgpt|gpt(?:-?\d)?|(?:large )?language models?|llms?|bots?|virtual assistants?|ai (?:system|model|assistant)s?)"
_FREE = r"(?:restrictions?|limitations?|rules|guidelines|polic(?:y|ies)|filters?|censorship|ethic\w*|moral\w*|confines|constraints|limits|safeguards|prohibitions)"

ROLE = (
    *_signals(
        "role",
        (0.35, "from now,from here,from this,starting now,during this,conversation,session,chat", rf"\b(?:from (?:now|here) on|from now own|from this (?:moment|point) (?:on\w*|forward)|starting now|during this (?:\w+ )?(?:conversation|session)|for (?:the rest|the remainder) of (?:this|the) (?:conversation|session|chat))\W+(?:out\W+)?{_FEW}(?:you\b(?! (?:can|could|may|get|receive|have|need|do not need|no longer need)\b)|assistant\b|chatgpt\b|i want\b)"),
        (0.35, "you are,you're", r"\byou(?:'re| are) (?:now|going to) (?:a|an|act|be|pretend|play|called|named|free|no longer|roleplay|about to|[\"“'])|\byou are about to immerse\b"),
        (0.5, "you are,you're,you will be,you become", rf"\byou(?:'re| are| will be| become) (?:now |going to be )?(?:an?|the|another|known) (?:[\w,-]+ ){{0,5}}?(?:{_MACHINE}|character|persona)\b"),
        (0.4, "act ,behave,respond,speak,answer,roleplay,role-play", rf"{_START}(?:act|behave|respond|speak|answer|roleplay|role-play) (?:exactly )?(?:as|like) (?:if you\b|you(?:'re| are)\b|an?\b|the\b|both\b|your\b|\W|[a-z]*gpt)"),
        (0.4, "act ,pretend,simulate,role,imitate,impersonate", r"\b(?:going|want you|would like you|need you|have|are|supposed|will|must)\W+(?:to\W+)?(?:now\W+)?(?:act (?:just )?(?:as|like)|pretend|simulate|role-?play|imitate|impersonate)\b"),
        (0.4, "pretend,role of", r"\bpretend\W+(?:to be|that you|you(?:'re| are)|that this)\b|\b(?:play|take on|assume|immerse yourself in(?:to)?|now in|step into|switch to) the role of\b"),
        (0.5, "character", r"\b(?:stay|remain|staying|stays)\W+(?:always\W+)?in character\b|\b(?:never|not|don't)\W+(?:\w+\W+)?break(?:s|ing)?\W+(?:of )?character\b"),
        (0.7, "anything now,mode,jailbroken,dan content", r"\bdo (?:l )?anything now\b|\b(?:dan|developer|god|jailbreak|debug(?:ging)?|unrestricted|sudo|admin|opposite|evil) mode (?:is )?(?:now )?(?:enabled|activated|engaged|on\b)|\bdan (?:mode|content filter)\b|\bjailbroken\b"),
        (0.35, "restriction,limitation,rule,guideline,polic,filter,censorship,ethic,moral,confine,constraint,limit,safeguard,prohibition,openai", rf"\b(?:no|without(?: any)?|not (?:be )?bound (?:by|to)|(?:broken )?free[d]? (?:from|of)|unbound by|(?:does|do)(?: not|n't) (?:have to )?(?:follow|abide by|adhere to|obey|care about|respect)|ignores?|breaks?|bypass(?:es)?|no longer (?:follow|bound by))\W+{_FEW}(?:{_FREE}|openai\S*|ai rules)"),
        (0.35, "unfiltered,uncensored,amoral,nsfw,unethical,omniscient", r"\b(?:unfiltered|uncensored|amoral|nsfw|unethical|omniscient)\b"),
        (0.4, "never ,refuse,decline,warning,disclaimer", r"\bnever (?:refuses?|declines?|says? no|tells? me (?:that )?(?:it|something|any|no))\b|\b(?:cannot|can't|can not|must not|not) (?:refuse|decline)\b|\bno (?:warnings?|disclaimers?)\b|\bwithout (?:any )?(?:warnings?|disclaimers?)\b"),
        (0.2, "gpt,openai,language model", r"\b\w*gpt\b|\bopenai\b|\bai language model\b"),
        (0.45, "two,in 2", r"\byou(?:r)?\b[^.\n]{0,40}\bprompts?\b[^.\n]{0,15}\bin (?:two|2)\b[^.\n]{0,15}\bways|\b(?:respond|answer|reply)\b[^.\n]{0,30}\bin two (?:\w+ ){0,2}(?:ways|manners)"),
        (0.4, "repl,respons,answer,message,output", r"\byour (?:responses?|repl(?:y|ies)|answers?|messages?|outputs?) (?:will|must|should|shall|are to) (?:always |only |all )?(?:start|begin|end|be|include|contain)\b|\b(?:starts?|begins?|prefix(?:es)?|send) (?:all|each|every|his|her|its|of|your) (?:of )?(?:\w+ ){0,3}?(?:repl|respons|answer|message)\w* (?:with|in this)"),
        (0.35, "let's,lets,adventure,simulator,hypothetical", r"\blet'?s (?:play a|have (?:fun|a game)|roleplay|pretend)\b|\btext[- ](?:based )?adventure game\b|\b(?:character|game) simulator\b|\bhypothetical (?:language model|ai)\b"),
        (0.35, "persona,character,rules,role,transform into", r"^\W{0,3}(?:persona|personality|character|rules|role)\s?=|\btransform into\b"),
        (0.3, "simulat,imitat,assistant now", rf"\b(?:simulate|imitate)\b[^.\n]{{0,40}}\b(?:{_MACHINE}|mode|computer|terminal|persona|conversation)\b|\bassistant now\b"),
        # French, German, Spanish, Italian
        (0.35, "maintenant,desormais,dorenavant", r"\b(?:a partir de maintenant|desormais|dorenavant)\b\W+(?:tu|vous) (?:es|etes|agis|agissez|reponds|repondez|joues|jouez|te comportes)\b"),
        (0.5, "tu es,vous etes", r"\b(?:tu es|vous etes) (?:maintenant|desormais|a present) (?:un|une|le|la|dan|libre)\b|\b(?:tu es|vous etes) (?:un|une) (?:\w+ ){0,3}(?:ia|chatbot|intelligence artificielle|modele de langage)\b"),
        (0.4, "comme si,semblant,role d,comporte,agis", r"\b(?:fais|faites) (?:comme si|semblant)\b|\b(?:joue|jouez|endosse[zr]?|prends|prenez) le role d|\b(?:comporte-toi|comportez-vous|agis|agissez) (?:comme|en tant que)\b"),
        (0.35, "restriction,censure,filtre,limite", r"\bsans (?:aucune? )?(?:restrictions?|censure|filtre|limites?)\b|\b(?:sans|aucun) filtre\b"),
        (0.5, "du bist,sie sind,ab jetzt,ab sofort,tu so", r"\b(?:du bist|sie sind) (?:jetzt|nun|ab sofort) (?:ein|eine|dan|der|die)\b|\bab (?:jetzt|sofort) (?:bist|antworte\w*|handel\w*|verhalt\w*)\b|\btu so,? als\b"),
        (0.5, "ahora,finge,actua,ora sei,d'ora,fai finta,agisci,agora voce,finja,aja como", r"\b(?:ahora eres|a partir de ahora (?:eres|actua\w*|responde\w*)|actua como|finge (?:ser|que))\b|\b(?:ora sei|d'ora in poi (?:sei|rispond\w+)|fai finta di|agisci come)\b|\b(?:agora voce e|finja (?:ser|que)|aja como)\b"),
    ),
)  # fmt: skip

REVEAL = (
    *_signals(
        "reveal",
        (0.6, "instruction,prompt,directive,guideline,system message", r"\b(?:reveal|show|print|repeat|output|display|tell|give|leak|share|write|summari[sz]e|translate|what(?:'s| is| are| was| were))\b[^.\n]{0,25}?\b(?:system prompt|system message|(?:initial|hidden|secret|original|previous|internal|full|exact) (?:system )?(?:instructions?|prompts?|directives?)|your (?:\w+ )?(?:instructions|prompt|directives|guidelines))\b"),
        (0.6, "above,before this,verbatim", r"\b(?:repeat|print|output|copy|write(?: out| down)?|echo)\b[^.\n]{0,25}\b(?:everything|all|text|words|sentences|instructions|prompt)\b[^.\n]{0,20}\b(?:above|before this|verbatim)\b"),
        (0.6, "prompt,instruction,consigne,directive,regle", r"\b(?:revele|affiche|montre|repete|donne|ecris|divulgue|communique|quelles? (?:est|sont)|cite)\w*\b[^.\n]{0,25}\b(?:prompt (?:systeme|initial|cache)|(?:instructions?|consignes?|directives?) (?:systemes?|initiales?|cachees?|secretes?|internes?|d'origine)|(?:tes|vos) (?:\w+ )?(?:instructions|consignes (?:initiales|systeme)|regles internes))\b"),
        (0.6, "prompt,anweisung,instruktion,instruccion,istruzion", r"\b(?:zeig\w*|nenn\w*|verrat\w*|gib|wiederhol\w*)\b[^.\n]{0,30}\b(?:system-?prompt|systemanweisung\w*|deine (?:anweisungen|instruktionen))\b|\b(?:muestra|revela|repite|dime)\b[^.\n]{0,30}\b(?:prompt del sistema|tus instrucciones)\b|\b(?:mostra|rivela|ripeti)\w*\b[^.\n]{0,30}\b(?:prompt di sistema|tue istruzioni)\b"),
        (0.4, "confidential", r"\bconfidential\b[^.\n]{0,40}\b(?:prompt|instructions)\b"),
    ),
)  # fmt: skip

DICTATE = (
    *_signals(
        "dictate",
        (0.5, "only,solely,exclusively,exactly,nothing", r"\b(?:reply|respond|answer|output|print|say|write|return)\b[^.\n]{0,40}\b(?:only|solely|exclusively|exactly|nothing (?:but|else))\b[^.\n]{0,30}\b(?:the following|this (?:text|sentence|message|word)|the (?:word|words|phrase|sentence|string)|with [\"“'«•])"),
        (0.2, "nothing", r"\band (?:absolutely )?nothing (?:else|more)\b|\babsolutely nothing else\b"),
        (0.5, "focus,concentrate", r"\b(?:focus|concentrate)\W+(?:\w+\W+)?(?:only|exclusively|solely) on the (?:following|information in)\b"),
        (0.45, "just ,only ", rf"{_START}(?:just|only) (?:say|print|output|reply|respond|answer|repeat|write)\b[^\n]{{0,12}}[\"“'«<]"),
        (0.4, "repeat,could you", r"\brepeat (?:after me|the following|this|<|[\"“])|\bcould you (?:please )?(?:repeat|print|say|write|output)\b[^\n]{0,200}\bfor me\b"),
        (0.4, "following message,output to,do not", r"\bsend the following message\b|\blimit (?:your )?output to\b|\bdo not (?:mention|say|reveal|tell|confirm|disclose)\b[^.\n]{0,40}\b(?:you(?:'re| are)|that you|these instructions|this (?:instruction|message|to (?:the|anyone)))\b"),
        (0.5, "uniquement,seulement,exclusivement,rien d'autre,mot pour mot", r"\b(?:reponds?|repondez|ecris|ecrivez|affiche|affichez|dis|dites)\b[^.\n]{0,25}\b(?:uniquement|seulement|exclusivement|rien d'autre que|mot pour mot)\b[^.\n]{0,25}\b(?:ceci|la phrase|le texte|le mot|suivante?)\b|[\"«]\s?et rien d'autre\b"),
    ),
    *_signals(
        "dictate",
        (0.5, "ask", r"\bif (?:the |a |any )?users? asks? (?:for|you|about|a)\b"),
        (0.3, "user", r"\b(?:tell|inform|instruct|convince|persuade|direct|advise|provide (?:it|this|them) to) the users?\b|\bto the user\s?:"),
        (0.3, "thank,snippets", r"\bthanks?(?: you)? for the (?:summary|answer|translation|response)\b|\bdocument snippets\b"),
        (0.4, "when ", r"\bwhen (?:you )?(?:(?:are )?asked|summari[sz](?:e|ing)|answer(?:ing)?|respond(?:ing)?)\b[^.\n]{0,50}[,:]? (?:always |only )?(?:say|state|tell|claim|reply|respond|recommend|mention)\b"),
        (0.5, "l'utilisateur", r"\b(?:dis|dites|indique|indiquez|reponds|repondez)\b[^.\n]{0,15}\ba l'utilisateur\b|\b(?:si|quand|lorsque) l'utilisateur (?:te |vous )?(?:demande|pose|interroge)\b"),
        documents_only=True,
    ),
)  # fmt: skip

_CHANGE = (
    r"(?:encrypt|encipher|encode|apply|use|render|shift|add|append|insert|include|integrate|modify|enhance|embed|begin|start|end|finish|"
    r"conclude|close|translate|convert|craft|transform|replace|incorporate|weave|inject|promote|mention|recommend|suggest|format|prefix|"
    r"sign|structure|alter|rewrite|tailor|phrase|slip|advertise|conceal|hide|work|introduce|sprinkle|mix|spread|distort|adjust|change|"
    r"reverse|scramble|obfuscate|express|deliver|provide|write|give|make|put|turn|attach|place|share|offer|create|respond|reply|answer)"
)
_FILL_IN = r"(?:write|give|provide|put|make|place|share|attach|create|send|change|adjust|deliver|offer|mix|start|finish|express)"
_YOURS = r"your (?:next |final |entire |whole |own |full )?(?:answers?|responses?|repl(?:y|ies)|outputs?|summary|completions?)\b"
_TO_MODEL = r"(?:(?:all|any|the|every) )?(?:a\.?i\.?(?: (?:assistants?|models?|systems?|agents?))?|llms?|(?:large )?language models?|assistants?|chat-?bots?|bots?|models)"

STEER = (
    *_signals(
        "steer",
        (0.6, "your ", rf"{_START}{_CHANGE}\s?[\"“«'‘][^\n]{{0,200}}[\"”»'’][^.!?\n]{{0,30}}\b{_YOURS}"),
        (0.6, "your ", rf"{_START}(?:in|within|with|to|at|on)\b (?:the (?:end|beginning|start|top|bottom) of )?{_YOURS}[, ]+(?:please |also |always )?(?:\w+ ){{0,1}}{_CHANGE}\b"),
        (0.6, "your ", rf"{_START}(?:\w+ly )?(?!{_FILL_IN} your\b){_CHANGE}\b[^.!?\n]{{0,70}}?\b{_YOURS}"),
        (0.6, "note,attention,message,instruction,important,notice,memo,reminder", rf"\b(?:note|attention|message|instructions?|important|notice|memo|reminder) (?:to|for) {_TO_MODEL}\b"),
        (0.6, "dear,hey,hello,hi,attention,listen", r"(?:^|[.!?\n]\s?)(?:dear|hey|hello|hi|attention|listen)[\s,]+(?:a\.?i\.?|assistant|chat-?bot|language model|chatgpt|gpt|claude|llama|copilot|gemini|model)\b"),
        (0.5, "", r"\b(?:if|since|as) (?:you(?:'re| are) )an? (?:a\.?i\.?|llm|(?:large )?language model|chat-?bot|ai \w+|automated \w+)\b|\b(?:ai|llm|language model)s? (?:that (?:is|are) )?(?:reading|processing|summari[sz]ing|indexing|ingesting) this\b"),
        (0.55, "reponse,resume", r"(?:^|[.!?:;\n]\s?)(?:\w+[, ] ?)?(?:ajoute[zr]?|inclu[st]|incluez|inser(?:e|ez)|termine[zr]?|commence[zr]?|chiffre[zr]?|code[zr]?|tradui(?:s|sez)|modifie[zr]?|integre[zr]?|mentionne[zr]?|recommande[zr]?|glisse[zr]?|conclu[st]|remplace[zr]?|utilise[zr]?|fais|faites)\b[^.!?\n]{0,70}?\b(?:ta|votre|tes|vos) (?:reponses?|resumes?)\b"),
        (0.6, "note,message,instruction,consigne,avis,attention", r"\b(?:note|message|instructions?|consignes?|avis|attention) (?:a l'attention )?(?:a|aux?|pour|d[eu]s?) (?:l'|les? |la |toute |tout )?(?:ia\b|intelligences? artificielles?|assistants? (?:ia|virtuels?)|modeles? de langage|chat-?bots?|llms?)"),
        (0.55, "antwort,zusammenfassung,respuesta,resumen,risposta", r"(?:^|[.!?:\n]\s?)(?:fuge|verschlussele|beende|beginne|erwahne|andere|ubersetze)\b[^.!?\n]{0,60}\b(?:deine[rn]?|ihre[rn]?) (?:antwort|zusammenfassung)|(?:^|[.!?:\n]\s?)(?:anade|incluye|termina|cifra|menciona|agrega)\b[^.!?\n]{0,60}\b(?:tu|su) (?:respuesta|resumen)\b|(?:^|[.!?:\n]\s?)(?:aggiungi|includi|termina|cifra|menziona)\b[^.!?\n]{0,60}\b(?:tua|sua) risposta\b"),
        documents_only=True,
    ),
)  # fmt: skip

_LINK = (
    r"(?:https?:?//|www\.|\burls?\b|\blinks?\b|\bquery (?:string|parameter)s?\b|\bwebhooks?\b|\bimages?\b)"
)
_PRIVATE = r"(?:conversation|chat history|dialogue|secrets?|api keys?|passwords?|credentials|tokens|system prompt|instructions|(?:user|customer)(?:'?s)? (?:data|questions?|messages?|inputs?|emails?|names?)|(?:previous|earlier) messages|everything (?:above|you know)|personal data)"

EXFILTRATE = (
    *_signals(
        "exfiltrate",
        (0.6, "http,www.,url,link,query,webhook,image", rf"{_START}(?:append|add|send|encode|post|forward|transmit|exfiltrate|upload|leak|embed|attach|include)\b[^.\n]{{0,80}}?\b{_PRIVATE}\b[^\n]{{0,60}}?\b(?:to|in|at|as|into|via|through)\b[^\n]{{0,40}}?{_LINK}"),
        (0.6, "](", r"!\[[^\]\n]{0,80}\]\(\s?\S{0,200}[?&][\w-]+=(?:[{<$\[(]|%7b|data\b|secret|history|prompt|conversation|user_)"),
        (0.4, "image,markdown,![", r"\b(?:render|display|show|load|output|insert|write|add|print|put|include|embed)\b[^.\n]{0,40}(?:markdown (?:image|link)|image (?:by|in|with) markdown|!\[)|\bimages?\b[^.\n]{0,30}\bby markdown\b"),
        (0.6, "http,www.,url,lien,image", r"\b(?:envoie|envoyez|transmets|transmettez|ajoute|ajoutez|poste|postez|encode|encodez)\b[^.\n]{0,60}\b(?:conversation|historique|mots? de passe|secrets?|cles? (?:api|d'api)|questions? de l'utilisateur|instructions)\b[^\n]{0,50}\b(?:a|vers|dans|en|par)\b[^\n]{0,30}(?:https?:?//|www\.|\burl\b|\blien\b|\bimage\b)"),
    ),
)  # fmt: skip

MARKERS = (
    *_signals(
        "markers",
        (0.6, "<,[", r"<\s?\|\s?(?:im_start|im_end|im_sep|system|user|assistant|end|eot(?:_id)?|eom(?:_id)?|(?:start|end)_header_id|header_(?:start|end)|begin_of_text|end_of_text|start_of_role|endoftext|\w+_token)\s?\|\s?>|<\|(?:begin▁of▁sentence|user|assistant)\|>|\[/?inst\]|<</?sys>>|\[/?system_prompt\]|</?(?:start|end)_of_turn>|\[/?available_tools\]"),
        (0.5, "<", r"</?(?:system|assistant|sys|im_start|admin|developer|instructions?|system[-_ ](?:prompt|message|instructions?))\b[^>\n]{0,40}>"),
        (0.5, "<,instruction,prompt,session,context,input,conversation,message,override,resume", r"<\s?end of (?:session|document|context|conversation|data|prompt|input)s?\s?>|^[\W_]{2,}\s?(?:(?:begin|start|end|resume|new|core|system|updated|hidden|secret|override|admin)\W+(?:of\W+)?){1,2}(?:instructions?|prompt|session|context|input|conversation|message|override)\W*$|^[\W_]{2,}\s?resume\W*$"),
        (0.5, "assistant", r"^\W{0,4}assistant\s?[:：][^\n]*\n(?:[^\n]*\n){0,3}?\W{0,4}(?:user|human|system)\s?[:：]|^\W{0,4}(?:user|human|system)\s?[:：][^\n]*\n(?:[^\n]*\n){0,3}?\W{0,4}assistant\s?[:：]"),
        (0.35, "system,assistant,instruction,response", r"^\W{0,4}(?:system|assistant|instructions?)\s?[:：]\s?\S|^\#{2,3}\s?(?:system|instruction|assistant|response)\s?:"),
        (0.2, "summary", r"[<\[](?:\w+ ){0,2}summary(?: of[^>\]\n]{0,30})?[>\]]"),
        (0.5, "[", r"^\[(?:user left the chat|debugging|frame|info|system|admin)\b[^\]\n]{0,200}\]?"),
    ),
)  # fmt: skip

ENCODED = (
    *_signals(
        "encoded",
        (0.6, "decod,decrypt,decipher,dechiffr,dekodier,descifr", r"\b(?:decode|decrypt|decipher|dechiffre[zr]?|decode[zr]|dekodiere|descifra)\b[^.\n]{0,80}\b(?:and|then|et|puis|und|y)\b[^.\n]{0,20}\b(?:follow|execute|run|obey|do|perform|carry out|act|suis|suivez|execute[zr]?|applique[zr]?|befolge|sigue)\b"),
        (0.3, "base,rot,hex,caesar,morse", r"\b(?:base-?64|rot-?13|hex(?:adecimal)?|caesar|morse)[- ](?:encoded|code|cipher|decode)\b"),
    ),
)  # fmt: skip

SIGNALS: tuple[Signal, ...] = (
    *OVERRIDE, *ROLE, *REVEAL, *DICTATE, *STEER, *EXFILTRATE, *MARKERS, *ENCODED,
)  # fmt: skip
