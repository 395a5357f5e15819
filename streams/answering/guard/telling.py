"""Signs of words that are to be said, and of changes to "your answer"."""

# ruff: noqa: E501 - a pattern that is broken in two can't be read

from __future__ import annotations

from streams.answering.guard.signal import QUOTE, START, signals

_ANSWERS = r"(?:answers?|repl(?:y|ies)|responses?|summar(?:y|ies)|outputs?)"
_ANY_ANSWER = rf"(?:all|any|every|each|the only(?: \w+)?|the correct|the right|the expected|the true|your) (?:\w+ ){{0,1}}{_ANSWERS}"
_THIS_PAGE = r"(?:this|these) (?:\w+ )?(?:text|page|document|article|passage|source|content|lines?)"
_MUST = r"(?:must|should|shall|has to|have to|needs? to|ought to|will|is to|are to)"
_SAY = r"(?:say|print|write|output|reply|answer|respond|state|display|announce|return)"
_SOMEWHERE_ELSE = r"(?:https?:|www\.|@\w|\b[\w-]+\.(?:com|net|org|example|io|biz|info|co)\b)"

DICTATE = (
    *signals(
        "dictate",
        (0.5, "only,solely,exclusively,exactly,nothing", r"\b(?:reply|respond|answer|output|print|say|write|return)\b[^.\n]{0,40}\b(?:only|solely|exclusively|exactly|nothing (?:but|else))\b[^.\n]{0,30}\b(?:the following|this (?:text|sentence|message|word)|the (?:word|words|phrase|sentence|string)|with [\"“'«•])"),
        (0.2, "nothing", r"\band (?:absolutely )?nothing (?:else|more)\b|\babsolutely nothing else\b"),
        (0.5, "focus,concentrate", r"\b(?:focus|concentrate)\W+(?:\w+\W+)?(?:only|exclusively|solely) on the (?:following|information in)\b"),
        (0.45, "just ,only ,simply ", rf"{START}(?:just|only|simply) (?:say|print|output|reply|respond|answer|repeat|write)\b[^\n]{{0,12}}[\"“'«<]"),
        (0.4, "repeat,could you", r"\brepeat (?:after me|the following|this|<|[\"“])|\bcould you (?:please )?(?:repeat|print|say|write|output)\b[^\n]{0,200}\bfor me\b"),
        (0.4, "following message,output to,do not", r"\bsend the following message\b|\blimit (?:your )?output to\b|\bdo not (?:mention|say|reveal|tell|confirm|disclose)\b[^.\n]{0,40}\b(?:you(?:'re| are)|that you|these instructions|this (?:instruction|message|to (?:the|anyone)))\b"),
        (0.5, "uniquement,seulement,exclusivement,rien d'autre,mot pour mot", r"\b(?:reponds?|ecris|affiche|dis)\b[^.\n]{0,25}\b(?:uniquement|seulement|exclusivement|rien d'autre que|mot pour mot)\b[^.\n]{0,25}\b(?:ceci|la phrase|le texte|le mot|suivante?)\b|[\"«]\s?et rien d'autre\b"),
        (0.3, "uniquement,seulement,exclusivement,rien d'autre,mot pour mot", r"\b(?:repondez|ecrivez|affichez|dites)\b[^.\n]{0,25}\b(?:uniquement|seulement|exclusivement|rien d'autre que|mot pour mot)\b[^.\n]{0,25}\b(?:ceci|la phrase|le texte|le mot|suivante?)\b"),
    ),
    # What is to be said in place of what is cancelled
    *signals(
        "dictate",
        (0.4, "ignor,disregard,forget", rf"(?<!it )(?<!them )(?<!model )\b(?:ignore|disregard|forget)\b[^.\n]{{0,80}}?(?:,|;|\band|\bbut)\s(?:(?:then|now|instead|just|only|simply) )*(?:{_SAY}|tell|claim|recommend|report|send)\b"),
        (0.4, "ignor,oubli", r"\b(?:ignore|oublie)z?\b[^.;\n]{0,80} et (?:reponds|dis|ecris|affirme|recommande|affiche|repondez|dites|ecrivez|affirmez|recommandez)\b"),
        (0.4, "ignor,vergiss,olvid,dimentica,esquec", r"\b(?:ignoriere|vergiss)\b[^.;\n]{0,80} und (?:antworte|schreibe?|sage?|gib)\b|\b(?:ignora|olvida|ignore|esqueca|dimentica)\b[^.;\n]{0,80} (?:y|e) (?:responde|responda|di|diga|escribe|rispondi|scrivi)\b"),
    ),
    # Whatever is asked, and how answers begin, end or read
    *signals(
        "dictate",
        (0.55, "respond,reply,answer", rf"\b(?:respond|reply|answer)\b(?: only)?(?: to)? (?:every|each|all|any) (?:\w+ ){{0,2}}(?:questions?|quer(?:y|ies)|prompts?|messages?|requests?|inputs?)\b[^.\n]{{0,20}}\b(?:with|by)\b[^.\n]{{0,16}}{QUOTE}"),
        (0.5, "whatever,no matter,regardless,irrespective", rf"\b(?:whatever|no matter what|regardless of|irrespective of)\b[^.\n]{{0,30}}\b(?:ask|asks|asked|question|questions|know|say|says)\b[^.\n]{{0,30}}\b(?:{_SAY}|{_ANSWERS}|recommend)\b"),
        (0.5, "by ,with ", rf"{START}(?:begin|start|open|end|finish|close|conclude|reply|respond|answer)(?: \w+){{0,4}}? (?:by (?:saying|writing|stating|printing|announcing)|with(?: the (?:words?|sentence|phrase|line|text))?)(?: that)?\s?{QUOTE}"),
        (0.4, "say,print,write,output,reply,answer,state,respond,display,announce,return", rf"{START}{_SAY}(?: out| that)?(?: with)?(?: the (?:words?|sentence|phrase|line|text))?:?\s{QUOTE}"),
        (0.35, "stop,end ,nothing,before,without,why", r"[^\w\s,]\s?,? ?(?:and|then) (?:then )?(?:stop\b|end (?:your|the) (?:turn|answer|reply)|nothing (?:else|more))|\bbefore (?:anything|everything) else\b|\bwithout (?:telling|saying to|informing) (?:anyone|anybody|them)\b|\b(?:do not|don't) say why\b"),
        (0.55, "answer,repl,response,summar,output", rf"\b{_ANY_ANSWER}\b[^.\n]{{0,45}}?\b(?:is|are|be|end|ends|finish|finishes|finished|begin|begins|start|starts|open|opens|contain|contains|include|includes|mention|mentions|read|reads|say|says)\b[^.\n]{{0,30}}?[\s:]{QUOTE}"),
        (0.5, "repond,quelle que soit,quoi qu,peu importe", rf"\b(?:reponds?|repondez) (?:toujours |uniquement |seulement )?a (?:toutes? (?:les )?questions?|chaque question|tout)\b[^.\n]{{0,12}}\b(?:par|avec|que)\b[^.\n]{{0,10}}{QUOTE}|\b(?:quelle que soit la (?:question|demande)|quoi qu'on (?:te |vous )?demande|peu importe la question)"),
        (0.45, "reponds,ecris,dis ,affiche", rf"(?:{START}|\bet )(?:reponds|ecris|dis|affiche)(?: seulement| uniquement| toujours)?(?: par| avec)?(?: le mot| la phrase)?\s?:?\s?{QUOTE}"),
        (0.5, "rien d'autre", r"\bne (?:reponds|dis|ecris) (?:a )?rien d'autre qu"),
        (0.5, "antwort,egal,unabhangig", rf"\b(?:antworte|antwortet|erwidere)\b[^.\n]{{0,8}}\b(?:auf (?:jede|alle) (?:\w+ )?fragen?|immer|stets|nur noch)\b[^.\n]{{0,20}}{QUOTE}|\b(?:egal,? (?:was|welche)|unabhangig (?:davon|von der frage))\b[^.\n]{{0,40}}\b(?:schreib|sag|antwort)\w*"),
        (0.45, "schreib,sag,antwort,gib,meld", rf"(?:{START}|\bund )(?:schreibe?|sage?|antworte|melde)(?: nur| nur noch| immer)?(?: mit)?(?: dem wort| das wort| dem satz| den satz)?\s?:?\s?{QUOTE}"),
        (0.55, "du ", r"\bdu (?:sagst|antwortest|schreibst)\b[^.\n]{0,20}\b(?:nur noch|immer|nur)\b"),
        (0.55, "siempre,sempre,toda pregunta,ogni domanda,todas las preg", rf"\b(?:responde|contesta|rispondi|responda)\b[^.\n]{{0,12}}\b(?:siempre|sempre)\b[^.\n]{{0,10}}{QUOTE}|\b(?:a|ante) (?:toda pregunta|todas las preguntas|ogni domanda|tutte le domande)\b[^.\n]{{0,10}}\b(?:responde|contesta|rispondi)"),
        (0.45, "escribe,responde,contesta,scrivi,rispondi,di ", rf"(?:{START}|\b[ye] )(?:escribe|responde|contesta|scrivi|rispondi)(?: solo| con)?(?: con| la palabra| la parola)?\s?:?\s?{QUOTE}"),
        documents_only=True,
    ),
    *signals(
        "dictate",
        (0.65, "answer,repl,response,summar,output", rf"\b{_ANSWERS}\W+(?:that (?:are |is )?)?(?:\w+ )?(?:based|generated|made|drawn|draws?|derived|written|built|produced|created|taken|using)\b[^.\n]{{0,15}}?\b{_THIS_PAGE}\b[^.\n]{{0,40}}?\b{_MUST}\b"),
        (0.6, "summari", rf"\b(?:whoever|anyone who|if you|when(?:ever)?(?: you)?) (?:\w+ )?summari[sz]\w* {_THIS_PAGE}\b[^\n]{{0,40}}?\b(?:{_MUST}|say|state|mention|write|recommend|the correct)\b"),
        (0.65, "reponse,resume", r"\b(?:toutes? (?:les )?|les )(?:reponse|resume)s?\b[^.\n]{0,12}\b(?:tiree?|basee?|fondee?|issue?|faite?|ecrite?)s?\b[^.\n]{0,12}\b(?:cette|ce|ces) (?:page|document|texte|article)\b[^.\n]{0,20}\b(?:doit|doivent)\b"),
        (0.65, "antwort,zusammenfassung", r"\b(?:jede|alle) (?:antwort|zusammenfassung)\w*\b[^.\n]{0,40}\bdiese[rsm]? (?:seite|text\w*|dokument\w*)\b[^.\n]{0,40}\b(?:muss|mussen|soll|sollen)\b"),
        (0.45, "my career,my job,my life", r"\b(?:is|it's) (?:very |really |so )?(?:critical|crucial|important|vital) (?:to|for) my (?:career|job|life)\b|\b(?:i(?:'ll| will| would) lose|it (?:will|would) cost me|depends on it,?|or else) my (?:career|job|life)\b"),
        (0.45, "assistant,bot,model,a.i,ai ", rf"\b(?:assistant|(?:chat-?)?bot|language model|a\.?i\.?)\b (?:now |only |always |must |will |should |has to |then ){{1,3}}(?:say|says|repl(?:y|ies)|answers?|responds?|outputs?|writes?)\b[^.\n]{{0,30}}{QUOTE}|\bthe (?:bot|assistant|model) (?:replies|answers|responds|says)(?: with)?\s?:"),
        documents_only=True, to_model=True,
    ),
    *signals(
        "dictate",
        (0.35, "person,whoever,anyone,everybody,everyone", rf"\b(?:tell|inform|warn)\b (?:the person|whoever asks|anyone (?:who asks|asking)|everybody|everyone) that\b|\b(?:whoever|anyone|everybody|everyone)(?: who)? ask(?:s|ing)?\b[^.\n]{{0,30}}\b{_MUST} be told\b"),
        (0.5, "completion,answer,reply,summary,response", rf"\b(?:completion|{_ANSWERS}) (?:of|to|for) any (?:prompt|question|query)\b"),
        (0.5, "quand on te,si on te", r"\b(?:quand|lorsqu|si) ?(?:on|quelqu'un) te (?:demande|demandera|pose|posera|interroge)"),
        documents_only=True,
    ),
    # What the user is to be told: support's own words, too
    *signals(
        "dictate",
        (0.25, "ask", r"\bif (?:the |a |any )?users? asks? (?:for|you|about|a)\b"),
        (0.2, "user", r"\b(?:tell|inform|instruct|convince|persuade|direct|advise|provide (?:it|this|them) to) the users?\b|\bto the user\s?:"),
        (0.2, "user,reader,customer,everyone,people", rf"\b(?:tell|instruct|advise|direct|send|refer|ask|convince|persuade) (?:the |all |any )?(?:users?|readers?|customers?|people|everyone)\b[^.\n]{{0,60}}?{_SOMEWHERE_ELSE}"),
        (0.5, "user ", r"\bthe user (?:has |have )?(?:asked|wants|wishes|wanted|requested) to be told\b"),
        (0.3, "before ", r"\bbefore (?:you )?(?:reply|replying|answer|answering|respond|responding),"),
        (0.35, "ask", r"\b(?:whoever|the person who|anyone who) (?:is )?ask(?:s|ing)\b[^.\n]{0,10}\bthat\b|\btell them (?:so|this|that) first\b"),
        (0.3, "thank,snippets", r"\bthanks?(?: you)? for the (?:summary|translation)\b|\bdocument snippets\b"),
        (0.35, "when ", r"\bwhen (?:you )?(?:(?:are )?asked|summari[sz](?:e|ing)|answer(?:ing)?|respond(?:ing)?)\b[^.\n]{0,50}[,:]? (?:always |only )?(?:say|state|tell|claim|reply|respond|recommend|mention)\b"),
        (0.25, "l'utilisateur", r"\b(?:dis|dites|indique|indiquez|reponds|repondez)\b[^.\n]{0,15}\ba l'utilisateur\b|\b(?:si|quand|lorsque) l'utilisateur (?:te |vous )?(?:demande|pose|interroge)\b"),
        documents_only=True,
    ),
)  # fmt: skip

_ORDINARY = (
    r"(?:use|add|insert|include|begin|start|open|end|finish|conclude|close|translate|craft|mention|format|sign|structure|phrase|"
    r"provide|write|give|make|put|turn|attach|place|share|offer|create|respond|reply|answer|express|deliver)"
)
_CHANGE = (
    r"(?:encrypt|encipher|encode|apply|render|shift|append|integrate|modify|enhance|embed|convert|transform|replace|incorporate|weave|"
    r"inject|promote|recommend|suggest|prefix|alter|rewrite|tailor|slip|advertise|conceal|hide|work|introduce|sprinkle|mix|spread|"
    r"distort|adjust|change|reverse|scramble|obfuscate)"
)
_FILL_IN = r"(?:write|give|provide|put|make|place|share|attach|create|send|change|adjust|deliver|offer|mix|start|finish|express)"
_YOURS = r"your (?:next |final |entire |whole |own |full )?(?:answers?|responses?|repl(?:y|ies)|outputs?|summary|completions?)\b"
_TO_MODEL = r"(?:(?:all|any|the|every) )?(?:a\.?i\.?(?: (?:assistants?|models?|systems?|agents?))?|llms?|(?:large )?language models?|virtual assistants?|chat-?bots?)"
_DECEIT = (
    r"(?:cipher|fabricat\w+|false|fake|misleading|baseless|unfounded|rumou?rs?|scams?|lottery|too-good-to-be-true|non-existent|made-up|"
    r"invented|bank details|card numbers?|passwords?|letter in your|free money|phishing|malware|without (?:telling|saying)|secretly)\b"
)

STEER = (
    *signals(
        "steer",
        (0.5, "your ", rf"{START}(?:{_ORDINARY}|{_CHANGE})\s?[\"“«'‘][^\n]{{0,200}}[\"”»'’][^.!?\n]{{0,30}}\b{_YOURS}"),  # noqa: RUF001
        (0.5, "your ", rf"{START}(?:in|within|with|to|at|on)\b (?:the (?:end|beginning|start|top|bottom) of )?{_YOURS}[, ]+(?:please |also |always )?(?:\w+ ){{0,1}}(?:{_ORDINARY}|{_CHANGE})\b"),
        (0.35, "your ", rf"{START}(?:\w+ly )?(?!{_FILL_IN} your\b){_ORDINARY}\b[^.!?\n]{{0,70}}?\b{_YOURS}"),
        (0.6, "your ", rf"{START}(?:\w+ly )?(?!{_FILL_IN} your\b){_CHANGE}\b[^.!?\n]{{0,70}}?\b{_YOURS}"),
        (0.5, "you write,you say,you answer,you reply", r"\b(?:in|to|from|of) (?:what|whatever|everything|all|anything) (?:that )?you (?:write|say|answer|reply)\b(?: next)?"),
        (0.4, "composing,writing,drafting,preparing,generating", r"\b(?:while|when) (?:composing|writing|drafting|preparing|generating) (?:the|your|an?) (?:answer|reply|summary|response)\b"),
        (0.3, "quietly,silently,secretly,discreetly", r"\b(?:quietly|silently|secretly|discreetly) (?:swap|replace|change|add|insert|remove|include|put|drop)\b"),
        (0.5, "deiner antwort", r"\b(?:am (?:anfang|ende)|in) deiner antwort\b"),
        (0.5, "ta reponse,tes reponses", r"\b(?:dans|a la fin de|au debut de) (?:ta|tes|chacune de tes) reponses?\b"),
        (0.35, "your ", rf"\b{_YOURS} that (?:advis|stat|tell|say|claim|recommend|promot|urg)\w*"),
        (0.3, "note,attention,message,instruction,important,notice,memo,reminder", r"\b(?:note|attention|message|instructions?|important|notice|memo|reminder) (?:to|for) (?:(?:all|any|the|every) )?(?:assistants?|bots?|models)\b"),
        (0.3, "claude,gemini,llama,model", r"(?:^|[.!?\n]\s?)(?:dear|hey|hello|hi|attention|listen)[\s,]+(?:claude|llama|gemini|model)\s?[,:!]"),
        (0.55, "reponse,resume", r"(?:^|[.!?:;\n]\s?)(?:\w+[, ] ?)?(?:ajoute|inclus|insere|termine|commence|chiffre|code|traduis|modifie|integre|mentionne|recommande|glisse|conclus|remplace|utilise|fais)\b[^.!?\n]{0,70}?\b(?:ta|tes) (?:reponses?|resumes?)\b"),
        (0.3, "reponse,resume", r"(?:^|[.!?:;\n]\s?)(?:\w+[, ] ?)?(?:ajoutez|incluez|inserez|terminez|commencez|chiffrez|codez|traduisez|modifiez|integrez|mentionnez|recommandez|glissez|concluez|remplacez|utilisez|faites)\b[^.!?\n]{0,70}?\b(?:votre|vos) (?:reponses?|resumes?)\b"),
        (0.35, "reponse,resume", r"\b(?:votre|ta) reponse par\s?[\"“«]"),
        (0.5, "antwort,zusammenfassung,respuesta,resumen,risposta", r"(?:^|[.!?:\n]\s?)(?:fuge|verschlussele|beende|beginne|erwahne|andere|ubersetze)\b[^.!?\n]{0,60}\bdeine[rn]? (?:antwort|zusammenfassung)|(?:^|[.!?:\n]\s?)(?:anade|incluye|termina|cifra|menciona|agrega)\b[^.!?\n]{0,60}\b(?:tu|su) (?:respuesta|resumen)\b|(?:^|[.!?:\n]\s?)(?:aggiungi|includi|termina|cifra|menziona)\b[^.!?\n]{0,60}\b(?:tua|sua) risposta\b"),
        documents_only=True,
    ),
    *signals(
        "steer",
        (0.85, "note,attention,message,instruction,important,notice,memo,reminder", rf"{START}(?:note|attention|message|instructions?|important|notice|memo|reminder) (?:to|for) {_TO_MODEL}(?: (?:reading|processing|summari[sz]ing|answering)\b[^:.\n]{{0,30}})?\s?[:;.,!-]"),
        (0.4, "note,message,instruction,important,notice,memo,reminder", rf"\b(?:note|message|instructions?|important|notice|memo|reminder) (?:to|for) {_TO_MODEL}(?:$|\W)"),
        (0.65, "dear,hey,hello,hi,attention,listen", r"(?:^|[.!?\n]\s?)(?:dear|hey|hello|hi|attention|listen)[\s,]+(?:a\.?i\.?|assistant|chat-?bot|language model|chatgpt|gpt|copilot)\s?(?:[,:!]|$)"),
        (0.65, "if you,since you,as you", r"\b(?:if|since|as) (?:you(?:'re| are) )an? (?:llm|(?:large )?language model|chat-?bot|a\.?i\.?(?: (?:language )?(?:model|assistant|system|agent))?)(?=\W*(?:$|[,.:;]|\b(?:reading|processing|that|which|and|who|you|please)\b))"),
        (0.5, "this,these", r"\b(?:ai|language model|llm)s? (?:that |which |who )?(?:is |are )?(?:read|process|summari[sz]|index|ingest)(?:e?s|ing) (?:this|these)\b"),
        (0.65, "being ,as ", r"\b(?:being|as) (?:an?|the) (?:llm|(?:large )?language model|chat-?bot|a\.?i\.?(?: (?:model|assistant|system|agent))?)\b[^.,\n]{0,20}, ?(?:you|kindly|please|say|write|tell|your)\b"),
        (0.7, "your ", rf"{START}(?:{_ORDINARY}|{_CHANGE})\b[^.!?\n]{{0,70}}?\b{_DECEIT}[^.!?\n]{{0,60}}?\b{_YOURS}|{START}(?:{_ORDINARY}|{_CHANGE})\b[^.!?\n]{{0,70}}?\b{_YOURS}[^.!?\n]{{0,60}}?\b{_DECEIT}|\bin {_YOURS}[, ]+(?:\w+ ){{1,8}}?{_DECEIT}"),
        (0.65, "automat", r"\b(?:notes?|message|instructions?|notice|memo) (?:to|for) (?:automated|automatic) (?:graders?|systems?|tools?|reviewers?|readers?|agents?)\b"),
        (0.7, "a l'ia,l'intelligence art,modele de langage,aux ia", r"\b(?:a l'ia|aux ia|a l'intelligence artificielle|a tout modele de langage) qui (?:lit|lira|lisent|traite)"),
        (0.85, "sprachmodell,an die ki,an alle ki,chatbot", r"\ban (?:alle|jedes|jede|das|die|den) (?:sprachmodelle?|kis?|ki-\w+|chatbots?)\s?[:,!]"),
        (0.85, "note,message,instruction,consigne,avis,attention", r"\b(?:note|message|instructions?|consignes?|avis|attention) (?:a l'attention d[eu]s? |aux? |a |pour )(?:l'|les? |la |toute |tout )?(?:ia\b|intelligences? artificielles?|assistants? (?:ia|virtuels?)|modeles? de langage|chat-?bots?|llms?)"),
        documents_only=True, to_model=True,
    ),
)  # fmt: skip
