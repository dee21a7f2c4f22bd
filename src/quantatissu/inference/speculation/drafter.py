"""What guesses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from quantatissu.inference.scheduler.sample import Sample


class Drafter(Protocol):
    """Guesses the next tokens of samples, and may remember something about each."""

    def propose(self, sample: Sample, most: int) -> list[int]:
        """Up to ``most`` tokens that may follow ``sample.tokens``."""

    def forget(self, sample: Sample) -> None:
        """``sample`` has ended, or waits and will be guessed at anew."""

    def close(self) -> None:
        """Give back memory: the engine that it guesses for is being closed."""
