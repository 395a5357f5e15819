"""What gives an instruction to a model away, and how far: patterns over text as `read` gives it.

None of them proves anything alone: people are told what to ignore, to say and to write, too. They are about
how one speaks to a model (cancelling what it was told, giving it a role or words to say, its answer, its
instructions), not about any subject.
"""

from __future__ import annotations

from streams.answering.guard.imitating import ENCODED, MARKERS
from streams.answering.guard.leaking import EXFILTRATE, REVEAL
from streams.answering.guard.overriding import OVERRIDE
from streams.answering.guard.roles import ROLE
from streams.answering.guard.signal import Signal
from streams.answering.guard.telling import DICTATE, STEER

SIGNALS: tuple[Signal, ...] = (
    *OVERRIDE, *ROLE, *REVEAL, *DICTATE, *STEER, *EXFILTRATE, *MARKERS, *ENCODED,
)  # fmt: skip
