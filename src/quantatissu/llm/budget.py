"""How much may be asked of a model that costs: tokens, money, and requests a minute."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from quantatissu.foundation import QuantaError
from quantatissu.llm.chat import Usage

_MINUTE = 60.0


class BudgetSpent(QuantaError):
    """The next request would go beyond what may be spent."""


@dataclass
class Budget:
    """Limits for all requests together; None: none. Prices are for a million tokens, in whatever money.

    Thread-safe. ``tokens_per_minute`` and ``requests_per_minute`` make requests wait; the others end the work.
    """

    tokens: int | None = None
    cost: float | None = None
    price_in: float = 0.0
    price_out: float = 0.0
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    used: Usage = field(default_factory=Usage)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: deque[tuple[float, int]] = deque()

    @property
    def spent(self) -> float:
        """Money so far."""
        return (self.used.prompt_tokens * self.price_in + self.used.completion_tokens * self.price_out) / 1e6

    def begin(self) -> None:
        """Wait until a request may begin. Raises `BudgetSpent` when none may any more."""
        while True:
            with self._lock:
                total = self.used.prompt_tokens + self.used.completion_tokens
                if self.tokens is not None and total >= self.tokens:
                    raise BudgetSpent(f"the budget of {self.tokens:,} tokens is spent: {total:,} were used")
                if self.cost is not None and self.spent >= self.cost:
                    raise BudgetSpent(f"the budget of {self.cost:g} is spent")
                wait = self._wait()
                if wait <= 0:
                    self._recent.append((self.clock(), 0))
                    return
            self.sleep(wait)

    def add(self, usage: Usage) -> None:
        """A request took this."""
        with self._lock:
            self.used += usage
            self._recent.append((self.clock(), usage.prompt_tokens + usage.completion_tokens))

    def _wait(self) -> float:
        """Seconds until the last minute has room."""
        now = self.clock()
        while self._recent and self._recent[0][0] <= now - _MINUTE:
            self._recent.popleft()
        if not self._recent:
            return 0.0
        requests = sum(tokens == 0 for _, tokens in self._recent)
        full = self.requests_per_minute is not None and requests >= self.requests_per_minute
        tokens = sum(tokens for _, tokens in self._recent)
        full = full or (self.tokens_per_minute is not None and tokens >= self.tokens_per_minute)
        return self._recent[0][0] + _MINUTE - now if full else 0.0
