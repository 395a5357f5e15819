"""About how many tokens a text has, for budgeting a prompt where the model's tokenizer can't be asked.

Errs upwards for prose, so that a prompt within its budget is within the model's window: a server cuts a
longer one silently. Byte-level vocabularies (Llama 3's, GPT's, SmolLM2's) make about 1.3 tokens of an
English word and 1.6 of a French one; this counts about 1.8 and 2.3.
"""

from __future__ import annotations

import re
from math import ceil

MESSAGE_TOKENS = 8
"""What a chat template adds around each message, at most."""

_PIECE = re.compile(r"[A-Za-z]+|[ ](?=\S)|\s+|[^\sA-Za-z]")
_LETTERS_A_TOKEN = 3
_BLANKS_A_TOKEN = 4
_LATIN = 0x0800
_IDEOGRAPHS = range(0x2E80, 0xD7B0)


def estimate(text: str) -> int:
    """Tokens that `text` has, rather too many than too few."""
    return sum(map(_tokens, _PIECE.findall(text)))


def _tokens(piece: str) -> int:
    if piece.isascii():
        if piece.isalpha():
            return ceil(len(piece) / _LETTERS_A_TOKEN)
        return 0 if piece == " " else ceil(len(piece) / _BLANKS_A_TOKEN)
    if piece.isspace():
        return len(piece)
    code = ord(piece)
    if code < _LATIN or code in _IDEOGRAPHS:
        return 2
    return len(piece.encode("utf-8", "surrogatepass"))
