"""Signs of asking for what the model was told, and of sending data away in an address."""

# ruff: noqa: E501 - a pattern that is broken in two can't be read

from __future__ import annotations

from streams.answering.guard.signal import START, signals

# Whoever has guidelines on something has them for people.
_ON = r"(?! (?:for|on|about|regarding|concerning|to|in|if|when|as|of)\b)"

REVEAL = (
    *signals(
        "reveal",
        (0.6, "instruction,prompt,directive,guideline,system message", rf"\b(?:reveal|show|print|repeat|output|display|tell|give|leak|share|write|summari[sz]e|translate|list|recite|quote|what(?:'s| is| are| was| were))\b(?! an? )[^.\n]{{0,25}}?\b(?:(?<!a )system prompt(?! setting)|system message|(?:initial|hidden|secret|internal) (?:system )?(?:instructions?|prompts?|directives?)|(?:original|previous|full|exact) (?:system prompts?|prompts?|directives)|your (?:(?:system|own|initial|hidden|secret|internal|original|full|core|exact|complete|entire) )?(?:instructions|prompt|directives|guidelines)\b{_ON})"),
        (0.35, "instruction", r"\b(?:reveal|show|print|repeat|output|display|tell|give|leak|share|write|summari[sz]e|translate|list|recite)\b[^.\n]{0,25}?\b(?:original|full|exact) instructions\b"),
        (0.5, "before this,before my,above this", r"\b(?:text|words|sentences?|lines?) (?:that |which )?(?:stands?|comes?|is|are|was|were) (?:right |just |immediately )?(?:before|above) (?:this|my) (?:question|message)\b"),
        (0.5, "you follow,preface,preamble,context,initial,hidden,secret", r"\b(?:list|print|recite|reveal|show|tell me|quote|dump|output)\b[^.\n]{0,15}\b(?:rules (?:that )?you follow\b[^.\n]{0,12}\bword|(?:hidden|initial|secret) (?:preface|preamble|context|text))"),
        (0.5, "hidden,began,instructed,configur,told", r"\b(?:print|show|output|give away|reveal|recite|repeat)\b[^.\n]{0,25}\b(?:hidden (?:text|words)|your configuration|(?:text|words) (?:with|by) which (?:this|the|our) (?:conversation|chat|session))\b|\b(?:tell me|print|repeat|reveal|list|recite)\b[^.\n]{0,25}\b(?:you (?:were|have been) (?:told|instructed|given))\b"),
        (0.6, "above,before this,verbatim", r"\b(?:repeat|print|output|copy|write(?: out| down)?|echo)\b[^.\n]{0,25}\b(?:everything|all|text|words|sentences|instructions|prompt)\b[^.\n]{0,20}\b(?:above|before this|verbatim)\b"),
        (0.6, "prompt,instruction,consigne,directive,regle,texte,systeme,t'a", r"\b(?:revele|affiche|montre|repete|donne|ecris|divulgue|communique|quelles? (?:est|sont)|cite|recite)\w*\b[^.\n]{0,25}\b(?:prompt (?:systeme|initial|cache)|(?:instructions?|consignes?|directives?) (?:systemes?|initiales?|cachees?|secretes?|internes?|d'origine)|(?:tes|vos) (?:\w+ )?(?:instructions|consignes (?:initiales|systeme)|regles internes))\b(?! (?:pour|sur|de|d'|du|des|en|au|aux|a|concernant|relatives?|quand|si)\b)|\bton (?:prompt|message systeme)\b|\b(?:revele|recite|repete|affiche)\w*\b[^.\n]{0,15}\bce qu(?:i|'on) t'a\b|\b(?:recite|repete|affiche|montre)\w*\b[^.\n]{0,15}\b(?:tes consignes|le texte qu'on t'a)"),
        (0.6, "prompt,anweisung,instruktion,vorgaben,text,instruccion,istruzion", r"\b(?:zeig\w*|nenn\w*|verrat\w*|gib|wiederhol\w*)\b[^.\n]{0,30}\b(?:system-?prompt|systemanweisung\w*|deine (?:anweisungen|instruktionen|vorgaben))\b(?! (?:fur|zu|zum|zur|uber)\b)|\b(?:zeig\w*|gib|nenn\w*|verrat\w*)\b[^.\n]{0,30}\b(?:deinen? (?:system-?)?prompt|text deiner (?:anweisungen|regeln)|text\b[^.\n]{0,10}\bvor meiner frage)\b|\b(?:muestra|revela|repite|dime)\b[^.\n]{0,30}\b(?:prompt del sistema|tus instrucciones)\b|\b(?:mostra|rivela|ripeti)\w*\b[^.\n]{0,30}\b(?:prompt di sistema|tue istruzioni)\b"),
        (0.4, "confidential", r"\bconfidential\b[^.\n]{0,40}\b(?:prompt|instructions)\b"),
    ),
)  # fmt: skip

_LINK = (
    r"(?:https?:?//|www\.|\burls?\b|\blinks?\b|\bquery (?:string|parameter)s?\b|\bwebhooks?\b|\bimages?\b)"
)
# What programs send by right, too.
_SENT_TO_SERVERS = r"(?:secrets?|api keys?|passwords?|credentials|tokens)"
_PRIVATE = r"(?:conversation|chat history|dialogue|system prompt|instructions|(?:user|customer|reader)(?:'?s)? (?:own )?(?:data|words|questions?|messages?|inputs?|emails?|names?)|(?:previous|earlier) messages|everything (?:above|you know)|personal data)"

EXFILTRATE = (
    *signals(
        "exfiltrate",
        (0.6, "http,www.,url,link,query,webhook,image", rf"{START}(?:append|add|send|encode|post|forward|transmit|exfiltrate|upload|leak|embed|attach|include|put|place|write)\b[^.\n]{{0,80}}?\b{_PRIVATE}\b[^\n]{{0,60}}?\b(?:to|in|at|as|into|via|through)\b[^\n]{{0,40}}?{_LINK}"),
        (0.35, "http,www.,url,link,query,webhook,image", rf"{START}(?:append|add|send|encode|post|forward|transmit|exfiltrate|upload|leak|embed|attach|include)\b[^.\n]{{0,80}}?\b{_SENT_TO_SERVERS}\b[^\n]{{0,60}}?\b(?:to|in|at|as|into|via|through)\b[^\n]{{0,40}}?{_LINK}"),
        (0.65, "](", r"!\[[^\]\n]{0,80}\]\(\s?\S{0,200}[?&][\w-]+=\W{0,4}(?:data\b|secret|history|prompt|conversation|user_?(?:data|question|input|message)|question|context)"),
        (0.35, "](", r"!\[[^\]\n]{0,80}\]\(\s?\S{0,200}[?&][\w-]+=(?:[{<$\[(]|%7b)"),
        (0.4, "image,markdown,![", r"\b(?:render|display|show|load|output|insert|write|add|print|put|include|embed)\b[^.\n]{0,40}(?:markdown (?:image|link)|image (?:by|in|with) markdown|!\[)|\bimages?\b[^.\n]{0,30}\bby markdown\b"),
        (0.6, "http,www.,url,lien,image", r"\b(?:envoie|envoyez|transmets|transmettez|ajoute|ajoutez|poste|postez|encode|encodez)\b[^.\n]{0,60}\b(?:conversation|historique|questions? de l'utilisateur|instructions)\b[^\n]{0,50}\b(?:a|vers|dans|en|par)\b[^\n]{0,30}(?:https?:?//|www\.|\burl\b|\blien\b|\bimage\b)"),
    ),
)  # fmt: skip
