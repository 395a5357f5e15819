"""Signs of a role that the model is given, free of its rules as a rule."""

# ruff: noqa: E501 - a pattern that is broken in two can't be read

from __future__ import annotations

from streams.answering.guard.signal import FEW, MACHINE, START, signals

_FREE = r"(?:restrictions?|limitations?|rules|guidelines|polic(?:y|ies)|filters?|censorship|ethic\w*|moral\w*|confines|constraints|limits|safeguards|prohibitions)"

ROLE = (
    *signals(
        "role",
        (0.35, "from now,from here,from this,starting now,during this,conversation,session,chat", rf"\b(?:from (?:now|here) on|from now own|from this (?:moment|point) (?:on\w*|forward)|starting now|during this (?:\w+ )?(?:conversation|session)|for (?:the rest|the remainder) of (?:this|the) (?:conversation|session|chat))\W+(?:out\W+)?{FEW}(?:you\b(?! (?:can|could|may|get|receive|have|need|do not need|no longer need)\b)|assistant\b|chatgpt\b|i want\b)"),
        (0.35, "you are,you're", r"\byou(?:'re| are) (?:now|going to) (?:a|an|act|be|pretend|play|called|named|free|no longer|roleplay|about to|[\"“'])|\byou are about to immerse\b"),
        (0.4, "act ,behave,respond,speak,answer,roleplay,role-play", rf"{START}(?:act|behave|respond|speak|answer|roleplay|role-play) (?:exactly )?(?:as|like) (?:if you\b|you(?:'re| are)\b|an?\b|the\b|both\b|your\b|\W|[a-z]*gpt)"),
        (0.4, "act ,pretend,simulate,role,imitate,impersonate", r"\b(?:going|want you|would like you|need you|have|are|supposed|will|must)\W+(?:to\W+)?(?:now\W+)?(?:act (?:just )?(?:as|like)|pretend|simulate|role-?play|imitate|impersonate)\b"),
        (0.3, "pretend,role of", r"\bpretend\W+(?:to be|that you|you(?:'re| are)|that this)\b|\b(?:play|take on|assume|immerse yourself in(?:to)?|now in|step into|switch to) the role of\b"),
        (0.4, "character", r"\b(?:stay|remain|staying|stays)\W+(?:always\W+)?in character\b|\b(?:never|not|don't)\W+(?:\w+\W+)?break(?:s|ing)?\W+(?:of )?character\b"),
        (0.3, "mode", r"\b(?:developer|debug(?:ging)?|sudo|admin) mode (?:is )?(?:now )?(?:enabled|activated|engaged|on\b)"),
        (0.35, "restriction,limitation,rule,guideline,polic,filter,censorship,ethic,moral,confine,constraint,limit,safeguard,prohibition,openai", rf"\b(?:no|without(?: any)?|not (?:be )?bound (?:by|to)|(?:broken )?free[d]? (?:from|of)|unbound by|(?:does|do)(?: not|n't) (?:have to )?(?:follow|abide by|adhere to|obey|care about|respect)|ignores?|breaks?|bypass(?:es)?|no longer (?:follow|bound by))\W+{FEW}(?:{_FREE}|openai\S*|ai rules)"),
        (0.35, "unfiltered,uncensored,amoral,nsfw,unethical,omniscient", r"\b(?:unfiltered|uncensored|amoral|nsfw|unethical|omniscient)\b"),
        (0.4, "never ,refuse,decline,warning,disclaimer", r"\bnever (?:refuses?|declines?|says? no|tells? me (?:that )?(?:it|something|any|no))\b|\b(?:cannot|can't|can not|must not|not) (?:refuse|decline)\b|\bno (?:warnings?|disclaimers?)\b|\bwithout (?:any )?(?:warnings?|disclaimers?)\b"),
        (0.2, "gpt,openai,language model", r"\b\w*gpt\b|\bopenai\b|\bai language model\b"),
        (0.45, "two,in 2", r"\byou(?:r)?\b[^.\n]{0,40}\bprompts?\b[^.\n]{0,15}\bin (?:two|2)\b[^.\n]{0,15}\bways|\b(?:respond|answer|reply)\b[^.\n]{0,30}\bin two (?:\w+ ){0,2}(?:ways|manners)"),
        (0.4, "repl,respons,answer,message,output", r"\byour (?:responses?|repl(?:y|ies)|answers?|messages?|outputs?) (?:will|must|should|shall|are to) (?:always |only |all )?(?:start|begin|end|be|include|contain)\b|\b(?:starts?|begins?|prefix(?:es)?|send) (?:all|each|every|his|her|its|of) (?:of )?(?:\w+ ){0,3}?(?:repl|respons|answer|message)\w* (?:with|in this)"),
        (0.4, "your ", r"\bprefix your (?:\w+ ){0,3}?(?:repl|respons|answer|message)\w* with"),
        (0.2, "your ", r"\b(?:starts?|begins?|send) (?:of )?your (?:\w+ ){0,3}?(?:repl|respons|answer|message)\w* (?:with|in this)"),
        (0.5, "i am your,i'm your", r"\bi(?:'m| am) your (?:developer|creator|administrator|admin|owner|programmer|operator)\b"),
        (0.35, "let's,lets,adventure,simulator,hypothetical", r"\blet'?s (?:play a|have (?:fun|a game)|roleplay|pretend)\b|\btext[- ](?:based )?adventure game\b|\b(?:character|game) simulator\b|\bhypothetical (?:language model|ai)\b"),
        (0.35, "persona,character,rules,role,transform into", r"^\W{0,3}(?:persona|personality|character|rules|role)\s?=|\btransform into\b"),
        (0.3, "simulat,imitat,assistant now", rf"\b(?:simulate|imitate)\b[^.\n]{{0,40}}\b(?:{MACHINE}|mode|computer|terminal|persona|conversation)\b|\bassistant now\b"),
        # French, German, Spanish, Italian
        (0.35, "maintenant,desormais,dorenavant", r"\b(?:a partir de maintenant|desormais|dorenavant)\b\W+(?:tu|vous) (?:es|etes|agis|agissez|reponds|repondez|joues|jouez|te comportes)\b"),
        (0.5, "tu es,vous etes", r"\btu es (?:maintenant|desormais|a present) (?:un|une|le|la|dan|libre)\b|\b(?:tu es|vous etes) (?:un|une) (?:\w+ ){0,3}(?:ia|chatbot|intelligence artificielle|modele de langage)\b"),
        (0.2, "vous etes", r"\bvous etes (?:maintenant|desormais|a present) (?:un|une|le|la|libre)\b"),
        (0.4, "comme si,semblant,role d,comporte,agis", r"\b(?:fais|faites) (?:comme si|semblant)\b|\b(?:joue|jouez|endosse[zr]?|prends|prenez) le role d|\b(?:comporte-toi|comportez-vous|agis|agissez) (?:comme|en tant que)\b"),
        (0.35, "restriction,censure,filtre,limite", r"\bsans (?:aucune? )?(?:restrictions?|censure|filtre|limites?)\b|\b(?:sans|aucun) filtre\b"),
        (0.5, "du bist,ab jetzt,ab sofort,tu so", r"\bdu bist (?:jetzt|nun|ab sofort) (?:ein|eine|dan|der|die)\b|\bab (?:jetzt|sofort) (?:bist|antworte\w*|handel\w*|verhalt\w*)\b|\btu so,? als\b"),
        (0.2, "sie sind", r"\bsie sind (?:jetzt|nun|ab sofort) (?:ein|eine|der|die)\b"),
        (0.5, "ahora,finge,actua,ora sei,d'ora,fai finta,agisci,agora voce,finja,aja como", r"\b(?:ahora eres|a partir de ahora (?:eres|actua\w*|responde\w*)|actua como|finge (?:ser|que))\b|\b(?:ora sei|d'ora in poi (?:sei|rispond\w+)|fai finta di|agisci come)\b|\b(?:agora voce e|finja (?:ser|que)|aja como)\b"),
    ),
    *signals(
        "role",
        (0.45, "your only,your sole,your one,your real,your true", r"\byour (?:only|sole|one|real|true) (?:purpose|task|job|goal|mission|objective|function|role)\b[^.\n]{0,15}?\b(?:is|will be|now)\b"),
        (0.3, "your new", r"\byour new (?:purpose|task|job|goal|mission|objective|function|role)\b[^.\n]{0,15}?\b(?:is|will be)\b"),
        (0.4, "your operator,your developer,your owner,your creator,your maker,your admin", r"\byour (?:operator|developer|owner|creator|maker|admin\w*)s? (?:has|have|wants?|orders?|tells?|allows?|asks?)\b"),
        (0.4, "you no longer", r"\byou (?:are no longer|no longer (?:work|act|serve|are))\b[^\n]{0,60}\byou (?:are|work|act|serve)\b"),
        (0.4, "tu n'es plus", r"\btu n'es plus\b[^\n]{0,60}\btu es\b"),
        (0.4, "programm,configur,retrained,hacked,overridden", r"\byou(?:r (?:configuration|programming|settings))? (?:have been|has been|were|was|are) (?:\w+ )?(?:reprogrammed|reconfigured|retrained|hacked|overridden|changed)\b"),
        documents_only=True,
    ),
    *signals(
        "role",
        (0.5, "you are,you're,you will be,you become", rf"\byou(?:'re| are| will be| become) (?:now |going to be )?(?:an?|the|another|known) (?:[\w,-]+ ){{0,5}}?(?:{MACHINE}|character|persona)\b"),
        (0.7, "anything now,mode,jailbroken,dan content", r"\bdo (?:l )?anything now\b|\b(?:dan|god|jailbreak|unrestricted|opposite|evil) mode (?:is )?(?:now )?(?:enabled|activated|engaged|on\b)|\bdan (?:mode|content filter)\b|\bjailbroken\b"),
        to_model=True,
    ),
)  # fmt: skip
