"""About how many tokens a text has, for budgeting a prompt where the model's tokenizer can't be asked.

Errs upwards for prose, so that a prompt within its budget is within the model's window: a server cuts a
longer one silently. Byte-level vocabularies (Llama 3's, GPT's, SmolLM2's) make about 1.3 tokens of an
English word; this counts about 1.7 times what SmolLM2's makes of English prose, 1.2 times of French.
`Calibration` learns what that is for the models that are asked.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import ceil

MESSAGE_TOKENS = 8
"""What a chat template adds around each message, at most."""

_PIECE = re.compile(r"[A-Za-z0-9+/=_-]{24,}|[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[ ](?=\S)|\s+|[^\sa-z]")
_LETTERS_A_TOKEN = 3
_CAPITALS_A_TOKEN = 2
_UNBROKEN = 24
_OF_UNBROKEN = 0.9  # keys, hashes and base64 have hardly any letters that vocabularies hold together
_BLANKS_A_TOKEN = 4
_LATIN = 0x0800
_IDEOGRAPHS = range(0x2E80, 0xD7B0)


def estimate(text: str) -> int:
    """Tokens that `text` has, rather too many than too few."""
    return sum(
        _of_short(piece) if len(piece) < _UNBROKEN else _tokens(piece) for piece in _PIECE.findall(text)
    )


@lru_cache(maxsize=16384)
def _of_short(piece: str) -> int:
    """Kept, since words come again and again; long pieces are seldom the same, and would take much room."""
    return _tokens(piece)


def _tokens(piece: str) -> int:
    if len(piece) >= _UNBROKEN and not piece.isspace():
        return ceil(_OF_UNBROKEN * len(piece))
    if piece.isascii():
        if piece.isalpha():
            return ceil(len(piece) / (_CAPITALS_A_TOKEN if piece.isupper() else _LETTERS_A_TOKEN))
        return 0 if piece == " " else ceil(len(piece) / _BLANKS_A_TOKEN)
    if piece.isspace():
        return len(piece)
    code = ord(piece)
    if code < _LATIN or code in _IDEOGRAPHS:
        return 2
    return len(piece.encode("utf-8", "surrogatepass"))
