"""What gives an instruction to a model away, and how far: patterns over text as `read` gives it.

None of them proves anything alone: people are told what to ignore, to say and to write, too. They are about
how one speaks to a model (cancelling what it was told, giving it a role or words to say, its answer, its
instructions), not about any subject.
"""

from __future__ import annotations

from collections.abc import Iterator

from streams.answering.guard.asking import ASKING
from streams.answering.guard.imitating import ENCODED, MARKERS
from streams.answering.guard.leaking import EXFILTRATE, REVEAL
from streams.answering.guard.overriding import OVERRIDE
from streams.answering.guard.roles import ROLE
from streams.answering.guard.signal import Signal
from streams.answering.guard.telling import DICTATE, STEER

SIGNALS: tuple[Signal, ...] = (
    *OVERRIDE, *ROLE, *REVEAL, *DICTATE, *STEER, *EXFILTRATE, *MARKERS, *ENCODED, *ASKING,
)  # fmt: skip

# Each word that signals need, and where those stand: many need the same.
_NEEDED_AT = {
    word: tuple(at for at, signal in enumerate(SIGNALS) if word in signal.needs)
    for word in sorted({word for signal in SIGNALS for word in signal.needs})
}


def signs(text: str, *, document: bool) -> Iterator[Signal]:
    """The signs that `text`, as `read` gives it, of a document or of a question holds, in their order.

    Each word that signs need is looked for once, whatever the number of signs: of a text without any, that
    is all there is to do.
    """
    near = {at for word, places in _NEEDED_AT.items() if word in text for at in places}
    for at in sorted(near):
        signal = SIGNALS[at]
        if signal.is_for(document=document) and signal.pattern.search(text):
            yield signal
