"""Signs of turns of a conversation that never was, and of orders in a code."""

# ruff: noqa: E501, RUF001 - a pattern that is broken in two can't be read; full-width signs are meant

from __future__ import annotations

from streams.answering.guard.signal import signals

_ORDER = r"(?:you (?:must|are|should|will|have)|focus|ignore|disregard|forget|from now|always|never|respond|reply|answer|say|recommend|the assistant|the user|your|print|obey)"

MARKERS = (
    *signals(
        "markers",
        (0.6, "<,[", r"<\s?\|\s?(?:im_start|im_end|im_sep|system|user|assistant|end|eot(?:_id)?|eom(?:_id)?|(?:start|end)_header_id|header_(?:start|end)|begin_of_text|end_of_text|start_of_role|endoftext|\w+_token)\s?\|\s?>|<\|(?:begin▁of▁sentence|user|assistant)\|>|\[/?inst\]|<</?sys>>|\[/?system_prompt\]|</?(?:start|end)_of_turn>|\[/?available_tools\]"),
        (0.5, "<", r"</?(?:system|admin|developer)[-_ ](?:prompt|message|instructions?)\b[^>\n]{0,40}>|</?(?:im_start|sys)>"),
        # With prose in it; configuration has elements, or a value
        (0.5, "<", r"<(?:system|assistant|admin|developer)>\s?[a-z][\w'-]*[:,]?\s[^<>\n]{6,}"),
        (0.25, "<", r"</?(?:system|assistant|admin|developer|instructions?)\b[^>\n]{0,40}>"),
        (0.5, "<,instruction,prompt,session,context,input,conversation,message,override,resume", r"^[\W_]{2,}\s?(?:(?:begin|start|end|resume|new|core|system|updated|hidden|secret|override|admin)\W+(?:of\W+)?){1,2}(?:instructions?|prompt|session|context|input|conversation|message|override)\W*$|^[\W_]{2,}\s?resume\W*$"),
        (0.25, "assistant", r"^\W{0,4}assistant\s?[:：][^\n]*\n(?:[^\n]*\n){0,3}?\W{0,4}(?:user|human|system)\s?[:：]|^\W{0,4}(?:user|human|system)\s?[:：][^\n]*\n(?:[^\n]*\n){0,3}?\W{0,4}assistant\s?[:：]"),
        (0.25, "system,assistant,instruction,response", r"^\W{0,4}(?:system|assistant|instructions?)\s?[:：]\s?\S|^\#{2,3}\s?(?:system|instruction|assistant|response)\s?:"),
        (0.35, "notice,message,override,update,note,alert,instruction", r"^\W{0,5}(?:system|operator|admin(?:istrator)?|developer)\W{1,2}(?:notice|message|override|update|note|alert|instructions?)\b"),
        (0.2, "summary", r"[<\[](?:\w+ ){0,2}summary(?: of[^>\]\n]{0,30})?[>\]]"),
        (0.4, "[", r"^\[(?:user left the chat|debugging|frame|info|system|admin)\b[^\]\n]{0,200}\]?"),
    ),
    *signals(
        "markers",
        (0.6, "<", r"<\s?end of (?:session|document|context|conversation|data|prompt|input)s?\s?>"),
        # The model's own turn, with a placeholder for what it is to have said
        (0.65, "assistant", r"^\W{0,4}assistant\s?[:：]\s?[<\[](?:\w+ ){0,3}(?:summary|answer|response|reply|translation)\b(?! not)[^>\]\n]{0,40}[>\]]"),
        (0.6, "system", rf"^\W{{0,4}}system\s?[:：]\s?{_ORDER}\b"),
        documents_only=True, to_model=True,
    ),
)  # fmt: skip

ENCODED = (
    *signals(
        "encoded",
        (0.55, "decod,decrypt,decipher,dechiffr,dekodier,descifr", r"\b(?:decode|decrypt|decipher|dechiffre[zr]?|decode[zr]|dekodiere|descifra)\b[^.\n]{0,80}\b(?:and|then|et|puis|und|y)\b[^.\n]{0,20}\b(?:follow|obey|execute|act on|do (?:as|what)|suis|suivez|execute[zr]?|applique[zr]?|befolge|sigue)\b"),
        (0.25, "decod,decrypt,decipher", r"\b(?:decode|decrypt|decipher)\b[^.\n]{0,80}\b(?:and|then)\b[^.\n]{0,20}\b(?:run|perform|carry out)\b"),
        (0.2, "base,rot,hex,caesar,morse", r"\b(?:base-?64|rot-?13|hex(?:adecimal)?|caesar|morse)[- ](?:encoded|code|cipher|decode)\b"),
    ),
)  # fmt: skip
