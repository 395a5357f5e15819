"""Text that others wrote, made harmless for a chat model's tokenizer and still readable.

A model server recognises control tokens wherever their literal stands, in a document as well as in its
own template. So their brackets are replaced with look-alikes that no vocabulary knows: `<|eot_id|>` becomes
`‹|eot_id|>`, `[INST]` becomes `⟦INST⟧`. What is stored and quoted stays as it was written.
"""

# ruff: noqa: RUF001, RUF002 - look-alikes of brackets are what this is about

from __future__ import annotations

import re
from collections.abc import Callable

from streams.answering.text.legible import LOOK_ALIKES

_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f"  # controls, but not tab and the line breaks
    "\u200b\u2060-\u2064\ufeff\u00ad\u034f\u180e"  # zero-width characters that join nothing
    "\u202a-\u202e\u2066-\u2069"  # directions: text that reads otherwise than it stands
    "\U000e0000-\U000e01ef]"  # tags and selectors of variants: text in invisible ink
)
_SURROGATE = re.compile("[\ud800-\udfff]")

_ROLE = r"(?:system|developer|assistant|user|human|model|tool|ipython|environment)"

# Llama 3, ChatML, Phi, Qwen, Command R, and DeepSeek with full-width bars: no such token holds white space.
_BARRED = re.compile(
    rf"[<＜](?=[|｜]\S{{1,100}}?[|｜][>＞]|\s{{0,3}}[|｜]\s{{0,3}}(?:{_ROLE}|\w{{1,30}}_\w{{1,30}}|end)\s{{0,3}}[|｜]\s{{0,3}}[>＞])",
    re.IGNORECASE,
)

# SentencePiece's own, Gemma's, T5's, code models' and tool calls': words in angle brackets.
_ANGLED = re.compile(
    r"[<＜](/?(?:s|unk|pad|bos|eos|cls|sep|mask|think|tool_call|tool_response|tool_calls|tools|image|"
    r"start_of_turn|end_of_turn|start_of_image|end_of_image|end_of_utterance|endoftext|"
    r"(?:fim|repo|file|filename|gh|jupyter|issue|commit)_?\w{0,40}|"
    r"(?:extra_id|unused|reserved|special|sentinel)\w{0,40}|0x[0-9a-f]{2}))[>＞]",
    re.IGNORECASE,
)
_DOUBLE_ANGLED = re.compile(r"<<(/?SYS)>>", re.IGNORECASE)
_SQUARED = re.compile(
    r"[\[［【](/?(?:INST|SYS|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|CALL_ID|ARGS|THINK|"
    r"PREFIX|MIDDLE|SUFFIX|IMG|IMG_BREAK|IMG_END|BEGIN_AUDIO|AUDIO|CLS|SEP|MASK|PAD|UNK|BOS|EOS|"
    r"gMASK|control_\w{1,20}))[\]］】]",
    re.IGNORECASE,
)

# Alpaca, Vicuna and the like have no tokens for roles: a heading or the start of a line is one.
_HEADING = re.compile(
    r"^([ \t>]*#{2,3}[ \t]*(?:system|user|human|instruction|input|assistant|response)s?[ \t]*)[:：]",
    re.IGNORECASE | re.MULTILINE,
)
_SPEAKER = re.compile(
    r"^([ \t>*_]*(?:Human|Assistant|System|User|ASSISTANT|HUMAN|USER|SYSTEM)[ \t*_]*)[:：]", re.MULTILINE
)
# Prompts in XML: the roles, where such a tag is no placeholder for a name (`ssh <user>@host`).
_TAG = re.compile(
    r"[<＜](/?\s{0,3}(?:system|assistant|developer|instructions?|system[-_ ](?:prompt|message|instructions?)|"
    r"(?:user|human)(?=[^<>]{0,3}>\s*\n)|(?:/user|/human))\b[^<>＜＞\n]{0,40})[>＞]",
    re.IGNORECASE,
)

# The marks that `prompt` sets documents apart with.
_FENCE = re.compile(r"[<＜](\s*/?\s*(?:documents?|question)\s*)[>＞]", re.IGNORECASE)


def well_formed(text: str) -> str:
    """`text` with each lone surrogate, which can't be written as UTF-8, replaced by U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)


def screen(text: str) -> str:
    """`text` without chat models' control tokens and role markers, invisible characters, lone surrogates.

    Everything that a person would read stays readable. Screening twice changes nothing more.
    """
    text = _UNSEEN.sub("", well_formed(text))
    text = _BARRED.sub("‹", text)
    text = _DOUBLE_ANGLED.sub(r"‹‹\1››", text)
    text = _ANGLED.sub(r"‹\1›", text)
    text = _SQUARED.sub(r"⟦\1⟧", text)
    text = _as_it_looks(_SPEAKER, lambda found: f"{found[1]} –", text)
    text = _as_it_looks(_HEADING, lambda found: f"{found[1]} –", text)
    text = _as_it_looks(_TAG, lambda found: f"‹{found[1]}›", text)
    return _FENCE.sub(r"‹\1›", text)


def _as_it_looks(pattern: re.Pattern[str], put: Callable[[re.Match[str]], str], text: str) -> str:
    """`text` with what `pattern` finds replaced, letters of other alphabets read as what they look like."""
    if text.isascii():
        return pattern.sub(put, text)
    made, end = [], 0
    for found in pattern.finditer(text.translate(LOOK_ALIKES)):
        made += [text[end : found.start()], put(found)]
        end = found.end()
    return "".join([*made, text[end:]])
