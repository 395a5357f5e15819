"""Calibration: what an estimated token is really, by what model servers count.

`streams.answering.text.tokens` estimates without the model's tokenizer. How far that is off differs from
model to model, and is learnt from the counts that come with each reply (`prompt_eval_count`), so that a
prompt fills the window that there is and never more.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable

REMEMBERED = 64
"""Prompts of a model whose counts are remembered, the last ones."""
ENOUGH = 8
"""Prompts from which on a model is believed to make fewer tokens than are estimated."""
MARGIN = 1.1
"""How much more the next prompt may have, of the same estimate, than any that is remembered."""
LEAST, MOST = 0.4, 4.0
"""A count beyond these is none of a whole prompt: servers leave out what they still had in memory."""
REFUSED = 1.3
"""How much more than estimated a prompt had, at least, that was refused as too long."""


class Calibration:
    """Real tokens for each estimated one, by model. At first 1: estimates err upwards.

    It is the most that the last prompts had, and a margin. More is believed at once, less after `ENOUGH`.
    """

    def __init__(self) -> None:
        self._ratios: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED))

    def counted(self, model: str, *, estimated: int, tokens: int) -> None:
        """The server counted so many tokens in a prompt of that estimate."""
        ratio = tokens / estimated if estimated else 0.0
        if LEAST <= ratio <= MOST:
            self._ratios[model].append(ratio)

    def refused(self, model: str) -> None:
        """The server found a prompt too long that was within the budget."""
        self._ratios[model].append(min(MOST, self.ratio(model) * REFUSED))

    def ratio(self, model: str) -> float:
        """Tokens that a prompt may have for each one that is estimated."""
        seen = self._ratios.get(model, ())
        learnt = MARGIN * max(seen, default=0.0)
        return learnt if len(seen) >= ENOUGH else max(1.0, learnt)

    def budget(self, models: Iterable[str], tokens: int, *, at_least: int) -> int:
        """What a prompt may be estimated at, so that none of these models sees more than `tokens`."""
        return max(at_least, int(tokens / max(map(self.ratio, models), default=1.0)))
