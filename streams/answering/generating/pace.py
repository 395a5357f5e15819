"""How long a model usually takes to its first token, learnt from how long it took."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping

from streams.ports import Monotonic

QUANTILE = 0.75
HALF_LIFE_S = 60.0
REMEMBERED = 64
GIVEN_UP = 2.0
"""Times a wait that was given up, for what the token would have taken: that is only known to be longer."""


class Pace:
    """A decaying quantile for each model.

    Each observation weighs half as much every `HALF_LIFE_S`; what a model took `at_first` weighs one, for
    ever. So a model that was slow is believed to be so while that is news, and is given another try once it
    is not: nothing else would tell that it has recovered.
    """

    def __init__(self, at_first: Mapping[str, float], *, monotonic: Monotonic) -> None:
        self._at_first, self._monotonic = dict(at_first), monotonic
        self._took: dict[str, deque[tuple[float, float]]] = defaultdict(lambda: deque(maxlen=REMEMBERED))

    def took(self, model: str, seconds: float) -> None:
        """The first token came after so many seconds."""
        self._took[model].append((seconds, self._monotonic()))

    def gave_up(self, model: str, seconds: float) -> None:
        """The first token had not come after so many seconds.

        Counted as they are, a model slower than every deadline would seem to be just fast enough for each.
        """
        self.took(model, max(self.usual_s(model), GIVEN_UP * seconds))

    def usual_s(self, model: str) -> float:
        """Seconds within which the model has its first token in `QUANTILE` of the cases."""
        now, first = self._monotonic(), self._at_first.get(model, 0.0)
        weighed = [(seconds, 0.5 ** ((now - at) / HALF_LIFE_S)) for seconds, at in self._took[model]]
        weighed = sorted([*weighed, (first, 1.0)])
        enough = QUANTILE * sum(weight for _, weight in weighed)
        reached = 0.0
        for seconds, weight in weighed:
            reached += weight
            if reached >= enough:
                return seconds
        return weighed[-1][0]
