"""Where the time of a run goes: seconds by stage, and what is left of the whole."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from quantatissu.repair.report import Stage


@dataclass
class Clock:
    """Seconds by stage, and what is left of the whole."""

    total: float
    began: float = field(default_factory=time.monotonic)
    stages: dict[str, float] = field(default_factory=dict)
    _stage: str | None = None
    _since: float = 0.0

    def enter(self, stage: Stage) -> None:
        now = time.monotonic()
        if self._stage is not None:
            self.stages[self._stage] = self.stages.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage, now

    @property
    def left(self) -> float:
        return self.total - (time.monotonic() - self.began)

    def seconds(self) -> dict[str, float]:
        stages = dict(self.stages)
        now = time.monotonic()
        if self._stage is not None:
            stages[self._stage] = stages.get(self._stage, 0.0) + now - self._since
        stages["total"] = now - self.began
        return {name: round(value, 3) for name, value in stages.items()}
