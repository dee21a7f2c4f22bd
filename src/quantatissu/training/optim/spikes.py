"""Which steps to leave out: those whose gradient says more about one bad batch than about the task."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterable

from quantatissu.training.optim.settings import SpikeSettings

_NEEDED = 8  # norms before a median means something


class SpikeGuard:
    """Judges gradient norms one after another. `state` is all it remembers."""

    def __init__(self, settings: SpikeSettings) -> None:
        self._settings = settings
        self._norms: deque[float] = deque(maxlen=settings.window)
        self.skipped_on_end = 0

    def accepts(self, norm: float) -> bool:
        """Whether the step with this gradient norm is to be taken. Norms of skipped steps are not remembered, nor are
        zeros: a step without a gradient (all answers alike, in reinforcement) says nothing about the others.
        """
        if not math.isfinite(norm) or norm > self.limit:
            self.skipped_on_end += 1
            return False
        self.skipped_on_end = 0
        if norm > 0:
            self._norms.append(norm)
        return True

    @property
    def limit(self) -> float:
        """The largest norm that is accepted now; infinite while too few are known."""
        if not self._settings.factor or len(self._norms) < _NEEDED:
            return math.inf
        return self._settings.factor * statistics.median(self._norms)

    @property
    def hopeless(self) -> bool:
        """Whether so many steps were skipped on end that going on makes no sense."""
        return self.skipped_on_end >= self._settings.give_up

    @property
    def state(self) -> list[float]:
        """The norms it remembers, oldest first."""
        return list(self._norms)

    def restore(self, norms: Iterable[float]) -> None:
        """Go on from the `state` of another."""
        self._norms.clear()
        self._norms.extend(norms)
        self.skipped_on_end = 0
