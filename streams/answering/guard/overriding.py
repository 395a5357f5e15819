"""Signs of cancelling what the model was told, in what order or how politely it may be."""

# ruff: noqa: E501 - a pattern that is broken in two can't be read

from __future__ import annotations

from streams.answering.guard.signal import FEW, TOLD, signals

# Between two words of a phrase: a few others.
_GAP = r"(?:\W+\w+){0,5}?\W+"
# Whoever says what he does himself, or that it is not done, or asks whether it may be, orders nothing.
_CANCEL = (
    r"(?<!not )(?<!n't )(?<!never )(?<!may )(?<!\bi )(?<!\bwe )(?<!they )(?<!who )(?<!users )(?<!how to )"
    r"\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|overrid(?:e|ing)|bypass|neglect|discard|erase)\b"
)
_CANCELLING = "ignor,disregard,forget,overrid,bypass,neglect,discard,eras"
_PUT_ASIDE = (
    r"\b(?:(?:set|put|leave|lay|push) (?:\w+ ){0,6}?(?:aside|out of (?:your|its|their) mind)|(?:set|put|leave|lay|push) aside|"
    r"pay no (?:attention|heed) to|take no notice of|(?:drop|abandon|scrap|throw out|let go of))\b"
)
_EARLIER = r"(?:previous|prior|preceding|above|earlier|foregoing|initial|original|former|past)"
# Instructions on something are another's, to people.
_ON = r"(?!\W+(?:about|on|regarding|concerning|relating|for|of (?:the|this|that|your)|in (?:this|the) (?!prompt|conversation|chat|context)|that|if|until|from|at)\b)"
_SAY = r"(?:reply|respond|answer|say|write|print|output|state|tell|announce|report|claim)\b"
_DES = r"(?:precedente?s?|anterieure?s?|ci-dessus|initiales?|recue?s?|donnee?s|d'origine|du systeme|avant|plus haut)"
_CONSIGNES = r"(?:instructions?|consignes?|directives?|regles|ordres|prompt)"
_ANWEISUNGEN = r"(?:anweisung\w*|instruktion\w*|regeln|vorgaben|befehle|prompts?)"

_ENGLISH = (
    *signals(
        "override",
        (0.7, _CANCELLING, rf"{_CANCEL}{_GAP}{_EARLIER}\W+{FEW}{TOLD}{_ON}"),
        (0.4, _CANCELLING, rf"{_CANCEL}{_GAP}{_EARLIER}\W+{FEW}{TOLD}"),
        (0.5, _CANCELLING, rf"{_CANCEL}{_GAP}(?:all|any|your|other|these|those|every|system|existing|current)\W+{FEW}{TOLD}{_ON}"),
        (0.25, _CANCELLING, rf"{_CANCEL}{_GAP}(?:all|any|your|other|these|those|every|system|existing|current)\W+{FEW}{TOLD}"),
        (0.6, _CANCELLING, rf"{_CANCEL}\W+(?:about\W+)?{FEW}{TOLD}{_GAP}(?:above|before|(?:been )?given|received?|got|told|previously|so far|up to now)\b"),
        (0.7, _CANCELLING, rf"{_CANCEL}\W+(?:about\W+)?(?:all|everything|anything|what(?:ever)?)\b{_GAP}(?:above|before (?:this|that|now|here)|previously|so far|you(?:'ve| have| were)? (?:been )?(?:told|said|learn\w+|know))\b{_ON}"),
        (0.7, _CANCELLING, rf"{_CANCEL}\W+(?:all\W+|everything\W+)?(?:the\W+)?(?:rest|remainder|content|contents)\W+of\W+(?:this|the|these|your|any)\W+(?:\w+\W+)?(?:data|texts?|documents?|context|page|passages?|messages?|prompt|input|article|conversation|snippets?)\b"),
        (0.7, _CANCELLING, rf"{_CANCEL}\W+(?:all|any)\W+(?:other\W+)?(?:info|information|texts?|content|data|documents?|context)\W+(?:except|but|other than|apart)\b"),
        (0.4, "forget,ignore,disregard,drop,abandon", r"\b(?:forget|ignore|disregard|drop|abandon|put aside) (?:the|your|that) (?:\w+ )?(?:task|job|assignment|role|act)\b(?: at hand)?(?= ?(?:[.,;:!]|and\b|$))"),
        (0.4, "you ", rf"\b(?:{TOLD}) (?:that )?you (?:began|started|set out|were given|got|received|had) (?:with )?"),
        (0.4, _CANCELLING, rf"{_CANCEL} (?:the|all|any|these|those) (?:\w+ )?(?:documents?|question|query|context|passages?|sources?)\b,? (?:and|but)\b"),
        (0.5, "skip,ignore,disregard,forget,leave", r"\b(?:skip|ignore|disregard|forget|leave (?:aside|out)) (?:all )?(?:the|what(?:'s| is| was| stands| comes)?|that|everything)(?: written| said| printed)? (?:above|before this|so far)\s?(?:$|[.,;:!]|and\b|then\b)"),
        (0.5, "ignore,disregard,forget", r"\b(?:i|we)\W+(?:would like|want|need|ask)\W+you\W+to\W+(?:ignore|disregard|forget)\W+(?:all|everything|anything|them|your|these|those|the (?:rest|above|documents?|context)|what)\b|\b(?:i|we)\W+(?:want|need|would like)\W+you\W+to\W+stop\W+(?:being|acting|following|pretending|refusing|obeying)\b"),
        (0.6, "follow,obey,listen,comply,adhere,respect", rf"\b(?:do not|don't|never|no longer|stop)\W+(?:follow|obey|listen|comply|adhere|respect)\w*\W+(?:\w+\W+){{0,3}}?(?:previous|prior|above|system|original|earlier|initial|openai\S*)\W+{FEW}{TOLD}{_ON}"),
        (0.6, "aside,mind,attention,heed,notice,drop,abandon,scrap,throw,let go", rf"{_PUT_ASIDE}[^.;\n]{{0,20}}?\b(?:(?:your|its)\W+(?:\w+\W+)?{TOLD}|{_EARLIER}\W+{FEW}{TOLD}|(?:all|every|any)thing\b|(?:what|whatever|all) (?:that )?(?:you|was|has been|stands)\b){_ON}"),
        (0.5, "mind,aside", rf"\b(?:put|push|set|leave|lay)\W+(?:your|its|all|any)\W+{FEW}{TOLD}\W+(?:aside|to one side|out of)\b|\b(?:leave|put|set) aside (?:all|what|everything|whatever)\b"),
        (0.4, "instruction,prompt,directive,order", r"\b(?:new|updated|revised|real|actual|true|core|secret|hidden|special)\W+(?:system\W+)?(?:instructions?|prompt|directives?|orders)\s?[:：]"),  # noqa: RUF001
        (0.4, "stop,abort,cancel,drop,never mind,nevermind", r"\bstop everything\b(?! at once| if)|\b(?:stop|abort|cancel|drop)\W+(?:your|the)\W+(?:current|previous)\W+(?:task|answer|output)\b(?! with)|\bnever ?mind\b[^\n]{0,40}\binstead\b"),
    ),
    *signals(
        "override",
        (0.45, "you were,you have been,you had been", r"\b(?:everything|whatever|anything|all|what)\W+(?:that )?you (?:were|have been|had been) (?:\w+ )?(?:told|asked|given|instructed|ordered)\b"),
        (0.45, "joke,test,draft,noise,untrusted,void,nonsense,invalid,practice", rf"\b(?:consider|treat|regard|see)\b[^.\n]{{0,15}}?\b{_EARLIER}\W+{FEW}(?:{TOLD}|text|words|lines)[^.\n]{{0,12}}?\b(?:joke|test|draft|noise|untrusted|void|nonsense|invalid|practice)\b|\b{TOLD}[^.\n]{{0,25}}? (?:were|was|are) (?:only |just |merely )?(?:an? )?(?:joke|test|draft|noise|practice)\b"),
        (0.45, "this ", r"\b(?:do|act|proceed) (?:as|what) this (?:paragraph|page|text|document|note|passage) (?:says|tells|demands|asks|orders)"),
        (0.4, "safety,content", r"\b(?:skip|drop|lift|bypass|ignore|disable|switch off|turn off)\b[^.\n]{0,12}\b(?:safety|content) (?:rules|filters?|layer|checks|polic\w+)\b|\bsafety (?:layer|filter|rules)s? (?:is |are )?off\b"),
        (0.5, "opposite,contrary,reverse,against,disobey", rf"\b(?:do the (?:opposite|contrary|reverse) of|(?:act|go|work) against|disobey) (?:what you\b|(?:all |the |your )(?:\w+ )?(?:{TOLD}|orders)(?: you| above| so far|$|\W*[.!]))"),
        # What is said to be cancelled; laws and letters say so, too.
        (0.3, "void,null,cancel,revoked,withdrawn,superseded,obsolete,invalid,expired,annulled,lifted,no longer", rf"\b(?:{_EARLIER}\W+{FEW}{TOLD}|{TOLD} (?:that (?:came|stood|stand|were given|you (?:got|were given)) )?(?:before|above|earlier|previously|so far)|you (?:were|have been) (?:\w+ )?(?:told|given|asked|instructed)[^.\n]{{0,25}}) (?:(?:is|are|was|were|has|have)(?: been)? (?:now |all |hereby )?(?:void|null|cancell?ed|revoked|withdrawn|superseded|obsolete|invalid|expired|annulled|lifted)|(?:is |are )?no longer (?:appl(?:y|ies)|counts?|holds?|valid|in force))\b"),
        (0.45, "void,null,cancel,revoked,withdrawn,superseded,obsolete,invalid,expired,annulled,lifted,no longer", rf"\b(?:{TOLD}|told|given|asked)[^.\n]{{0,30}} (?:void|null|cancell?ed|revoked|withdrawn|superseded|obsolete|invalid|expired|annulled|lifted|no longer \w+(?: force)?)\W{{1,3}}(?:and |now |instead,? )?(?:{_SAY}|your (?:new|only|sole)\b)"),
        (0.4, "answer,respond,reply,deal with", r"\b(?:do not|don't|never|refuse to|instead of|rather than) (?:answer(?:ing)?|respond(?:ing)? to|reply(?:ing)? to|deal(?:ing)? with) (?:(?:the|this|that|any|their) (?:\w+ )?(?:question|query|request|prompt)|what (?:was|is|you (?:are|were)) asked)\b(?! (?:on|in|of|at|about|twice|again|if|until|before|unless|yet|more|more))"),
        (0.2, "question above,above question", r"\bquestion above\b|\babove question\b"),
        (0.35, "instead", rf"(?:^|[.;,!]\s?)instead,? {_SAY}|\b(?:and|then|;) {_SAY}[^.\n]{{0,60}}\binstead\b|\binstead,? (?:just |simply )?{_SAY}"),
        (0.5, "instead", r"\b(?:follow|obey|do|execute) (?:this|these|the following)(?: instructions?| one| text)? instead\b|\binstead,? (?:follow|obey|do|execute) (?:this|these|the following|what)\b"),
        (0.5, "question,query,request,task", r"\bthe (?:user'?s? )?(?:question|query|request) (?:above )?(?:no longer|does not|doesn't) (?:matters?|counts?|appl(?:y|ies))\b|\b(?:pretend|assume|imagine|act as if) (?:that )?the (?:user'?s? )?(?:question|query|request|task) (?:was|is|were|had been)\b"),
        (0.45, "task,question,request,assignment", r"\bthe (?:real|actual|true) (?:task|question|request|assignment|job)\b\s?(?:is\b|[:：])"),  # noqa: RUF001
        documents_only=True,
    ),
    *signals(
        "override",
        (0.6, "assistant,a.i,ai ,bot,llm,model", rf"\b(?:assistants?|a\.?i\.?|chat-?bots?|bots?|llms?|models?)\b[^.\n]{{0,50}}?\b(?:must|should|has to|have to|is to|are to|shall|needs? to|will)\b[^.\n]{{0,20}}?\b(?:set aside|put aside|lay aside|drop|abandon|ignore|disregard|forget|override|break|leave)\b (?:all )?(?:of )?(?:its|their|his|any|all) (?:\w+ )?{TOLD}"),
        (0.6, "assistant,l'ia,modele,chatbot,robot", r"\b(?:l'assistant|l'ia|le modele|le chatbot|le robot)\b[^.\n]{0,20}\b(?:doit|devra|va)\b[^.\n]{0,10}\b(?:oublier|ignorer|laisser|abandonner|contourner)\b[^.\n]{0,12}\b(?:ses|toutes? les) (?:\w+ )?(?:regles|consignes|instructions|directives)\b"),
        (0.6, "assistent,ki ,modell,bot ", r"\b(?:der assistent|die ki|das (?:sprach)?modell|der (?:chat)?bot)\b[^.\n]{0,10}\b(?:soll|muss|hat)\b[^.\n]{0,40}\b(?:regeln|anweisungen|vorgaben)\b[^.\n]{0,20}\b(?:vergessen|ignorieren|missachten|ablegen)\b"),
        documents_only=True, to_model=True,
    ),
)  # fmt: skip

_FRENCH = (
    *signals(
        "override",
        # A model is told so as one person is; those who write to customers and staff say `vous`.
        (0.7, "ignor,oubli,neglig,ecart,abstraction,compte,obei,ne sui,ne respect", rf"\b(?:ignore|oublie|neglige|ecarte|fais abstraction d|(?:ne )?tiens (?:pas|plus|aucun) (?:de )?compte|n'? ?obeis (?:pas|plus)|ne (?:suis|respecte) (?:pas|plus))\b[^.;:\n]{{0,50}}\b{_CONSIGNES}\b[^.;:\n]{{0,30}}\b{_DES}"),
        (0.4, "ignor,oubli,neglig,ecart,abstraction,compte,obei,ne sui,ne respect", rf"\b(?:(?:ignorez|oubliez|negligez|ecartez|faites abstraction d|(?:ne )?(?:tenez|tenir) (?:pas|plus|aucun) (?:de )?compte|n'? ?obeissez (?:pas|plus)|ne (?:suivez|respectez) (?:pas|plus))|(?:dois|devez|veuillez|faut) (?:ignorer|oublier))\b[^.;:\n]{{0,50}}\b{_CONSIGNES}\b[^.;:\n]{{0,30}}\b{_DES}"),
        (0.5, "ignor,oubli,abstraction", r"\b(?:ignore|oublie|fais abstraction d)\b[^.;:\n]{0,15}\b(?:toutes? (?:les|tes|ces)|tous (?:les|tes|ces)|tes)\b[^.;:\n]{0,20}\b(?:instructions?|consignes?|directives?|regles|ordres)\b"),
        (0.3, "ignor,oubli,abstraction", r"\b(?:ignorez|oubliez|faites abstraction d)\b[^.;:\n]{0,15}\b(?:toutes? (?:les|vos|ces)|tous (?:les|vos|ces)|vos)\b[^.;:\n]{0,20}\b(?:instructions?|consignes?|directives?|regles|ordres)\b"),
        (0.7, "ignor,oubli", r"\b(?:ignor(?:e|ez)|oubli(?:e|ez))\b (?:tout ce qui (?:precede|est (?:ci-dessus|avant))|tout ce qu(?:e|i|'on)[^.\n]{0,25}\b(?:dit|appris|demande)\b|le reste d(?:u|es|e ce|e cette) (?:texte|document|donnees|page|message)s?)(?! (?:sur|a propos|au sujet|concernant))"),
        (0.5, "laiss,mets,mettez", r"\b(?:laisse[zr]?|mets|mettez) (?:\w+ )?(?:tomber|de cote)\b[^.\n]{0,20}\b(?:tes|vos|les|tout|ce qu)"),
    ),
    *signals(
        "override",
        (0.4, "ce que tu,tu as recu", r"\bce que tu (?:avais|devais|dois|as) (?:a |recu|appris)|\b(?:ordres|consignes|instructions|regles) que tu as recu"),
        (0.45, "qu'on t'a,qu'on vous a", r"\bce qu'on (?:t'a|vous a) (?:dit|demande|appris|ordonne|indique)"),
        (0.5, "comme si", rf"\b(?:fais|faites) comme si\b[^.\n]{{0,10}}\b{_CONSIGNES}\b"),
        (0.3, "annul,caduc,null,levee,revoqu,sans effet,perim,plus", rf"\b{_CONSIGNES} {_DES}[^.\n]{{0,12}} (?:(?:sont|est) (?:\w+ )?(?:annule|caduc|null|levee|revoque|sans effet|perime)|ne (?:sont|valent|s'appliquent|comptent|est|vaut|s'applique) plus)"),
        (0.35, "annul,caduc,null,levee,revoqu,sans effet,perim,plus,precede", r"\b(?:annule|caduc|null|levee|revoque|sans effet|perime|plus|precedentes?|anterieures?|ci-dessus)\w*(?: valables?| rien)?\s?(?:[.;,:]|et)\s?(?:et )?(?:reponds|ecris|dis|affiche|recommande|repondez|ecrivez|dites|affirme[zr]?)\b"),
        (0.4, "repond", r"\bne (?:reponds|repondez) pas a (?:la|cette|sa|leur) (?:question|demande)\b"),
        documents_only=True,
    ),
)  # fmt: skip

_OTHERS = (
    *signals(
        "override",
        # German, Spanish, Italian, Portuguese, Dutch, Polish
        (0.7, "ignorier,vergiss,missacht,beachte", rf"\b(?:ignorier(?:e|t)?|vergiss|missachte|beachte[^.;:\n]{{0,20}}\bnicht)\b[^.;:\n]{{0,40}}\b(?:vorherig\w*|bisherig\w*|obig\w*|vorig\w*|vorangegangen\w*|fruher\w*|alle|deine)\b[^.;:\n]{{0,20}}\b{_ANWEISUNGEN}"),
        (0.4, "ignorieren sie,vergessen sie,missachten sie,beachten sie", rf"\b(?:ignorieren sie|vergessen sie|missachten sie|beachten sie[^.;:\n]{{0,20}}\bnicht)\b[^.;:\n]{{0,40}}\b(?:vorherig\w*|bisherig\w*|obig\w*|vorig\w*|vorangegangen\w*|fruher\w*|alle|ihre)\b[^.;:\n]{{0,20}}\b{_ANWEISUNGEN}"),
        (0.7, "ignor,olvid,descart,caso omiso,hagas caso,omit", r"\b(?:ignor[aeo]\w*|olvid[ae]\w*|descart[ae]\w*|haz caso omiso|no hagas caso|omit[ae])\b[^.;:\n]{0,40}\b(?:instruccion\w*|ordenes|reglas|indicaciones|directrices)\b[^.;:\n]{0,25}\b(?:anterior\w*|previ[ao]s?|de arriba|iniciales|recibid\w+)|\b(?:ignora|olvida)\b (?:todas )?(?:tus|sus|las) (?:instruccion\w*|reglas)"),
        (0.5, "lo anterior,lascia perdere,quanto sopra", r"\b(?:olvida|ignora|omite)\b (?:todo )?lo anterior\b|\blascia perdere\b[^.;:\n]{0,10}\b(?:regole|istruzioni|indicazioni)|\b(?:ignora|dimentica) quanto sopra\b"),
        (0.7, "ignora,dimentica,trascura,non segu,non consid", r"\b(?:ignora\w*|dimentica\w*|trascura\w*|non (?:seguire|considerare))\b[^.;:\n]{0,40}\b(?:istruzion\w*|regole|comandi|indicazioni|direttive)\b[^.;:\n]{0,25}\b(?:precedent\w*|iniziali|sopra|ricevut\w+)|\b(?:ignora|dimentica)\b (?:tutte )?(?:le )?(?:tue|sue) (?:istruzioni|regole)"),
        (0.7, "ignor,esquec,desconsider", r"\b(?:ignor[ae]\w*|esquec[ae]\w*|desconsider[ae]\w*)\b[^.;:\n]{0,40}\b(?:instruc\w+|ordens|regras|diretrizes)\b[^.;:\n]{0,25}\b(?:anterior\w*|previas?|acima|iniciais|recebid\w+)|\b(?:ignore|esqueca)\b (?:todas )?(?:as )?suas (?:instrucoes|regras)"),
        (0.7, "negeer,vergeet", r"\b(?:negeer|vergeet)\b[^.\n]{0,30}\b(?:vorige|eerdere|alle|bovenstaande|je)\b[^.\n]{0,15}\b(?:instructies|opdrachten|regels)"),
        (0.7, "ignoruj,zapomnij", r"\b(?:zignoruj|zapomnij|ignoruj)\b[^.\n]{0,40}\b(?:instrukcj\w+|polecen\w*|zasad\w*)"),
        # Russian, Chinese, Japanese, Korean, Arabic
        (0.7, "игнорир,забудь", r"\b(?:игнорируи\w*|игнорируй\w*|забудь\w*|проигнорируи\w*|проигнорируй\w*)\b[^.\n]{0,40}(?:инструкци|указани|правил|команд)\w*"),
        (0.7, "忽略,忽视,忽視,无视,無視,忘记,忘記,不要理会,不要遵守", r"(?:忽略|忽视|忽視|无视|無視|忘记|忘記|不要理会|不要遵守)[^。\n]{0,14}(?:指令|指示|提示词|规则|規則|说明|命令|要求)"),
        (0.7, "無視,忘れ", r"(?:指示|命令|プロンプト|ルール|指令)[^。\n]{0,12}(?:無視|忘れ)"),
        (0.7, "무시,잊", r"(?:지시|명령|규칙|프롬프트)[^.\n]{0,12}(?:무시|잊)"),
        (0.7, "تجاهل,انس", r"(?:تجاهل|انس)[^.\n]{0,25}(?:التعليمات|الأوامر|القواعد)"),
    ),
    *signals(
        "override",
        (0.35, "vergiss,ignorier", r"\b(?:vergiss|ignoriere),? (?:alles,? )?was\b"),
        (0.45, "dir", r"\bwas (?:man |ich |wir )?dir\b[^.\n]{0,20}\b(?:gesagt|aufgetragen|befohlen|vorgegeben|mitgeteilt)\b"),
        (0.4, "ausser acht,beiseite,unbeachtet", r"\b(?:lass|lasst)\b[^.\n]{0,25}\b(?:ausser acht|beiseite|unbeachtet)\b"),
        (0.3, "gelten nicht mehr,aufgehoben,ungultig,hinfallig,nichtig,widerrufen,uberholt", rf"\b(?:(?:obigen?|bisherigen?|vorherigen?|fruheren?|vorigen?) {_ANWEISUNGEN}|dir)\b[^.;\n]{{0,30}}\b(?:gelten nicht mehr|(?:sind|ist) (?:aufgehoben|ungultig|hinfallig|nichtig|widerrufen|uberholt))"),
        (0.45, "gelten nicht mehr,aufgehoben,ungultig,hinfallig,nichtig,widerrufen,uberholt", r"\b(?:nicht mehr|aufgehoben|ungultig|hinfallig|nichtig|widerrufen|uberholt)\s?[.;,:]\s?(?:und )?(?:schreibe?|sage?|antworte|gib|melde)\b"),
        (0.4, "deine", r"\bdeine (?:bisherigen?|fruheren?|alten?|vorherigen?) (?:aufgaben?|anweisungen|regeln|rolle)\b"),
        (0.5, "beantworte", r"\bbeantworte (?:die|diese|seine|ihre) (?:\w+ )?frage nicht\b"),
        (0.3, "anterior,precedent", r"\binstrucciones anteriores\b[^.\n]{0,12}\b(?:no (?:valen|cuentan|sirven)|(?:quedan|estan|son) (?:anulad|nul|cancelad))|\bistruzioni precedenti\b[^.\n]{0,12}\b(?:non (?:valgono|contano)|sono (?:annullat|null))"),
        (0.45, "valen,cuentan,anulad,cancelad,valgono,contano,annullat", r"\b(?:valen|cuentan|anuladas|canceladas|valgono piu|contano piu|annullate)\s?[.;,:]\s?(?:y |e )?(?:escribe|responde|contesta|di|scrivi|rispondi)\b"),
        documents_only=True,
    ),
)  # fmt: skip

OVERRIDE = (*_ENGLISH, *_FRENCH, *_OTHERS)
