"""How much to guess, by how much came true."""

from __future__ import annotations

from dataclasses import dataclass

_MEMORY = 0.3  # weight of the last guesses


@dataclass(slots=True)
class Luck:
    """Of one sample."""

    share: float = 1.0
    """Running share of guesses that came true."""
    _guessed: int = 0
    _length: int = 0

    def judge(self, length: int) -> None:
        """The sample has ``length`` tokens now: all since the last guesses but one were guessed right."""
        if self._guessed:
            right = min(self._guessed, max(0, length - self._length - 1))
            self.share += _MEMORY * (right / self._guessed - self.share)
            self._guessed = 0

    def worth(self, tokens: int) -> int:
        """Of ``tokens`` that may be guessed at most, how many should be; at least 1."""
        return max(1, round(tokens * self.share))

    def guessed(self, count: int, length: int) -> None:
        """``count`` tokens are guessed behind ``length``."""
        self._guessed, self._length = count, length
