"""Prompt lookup: what followed the last time that the text ended like this (Saxena, 2023)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quantatissu.inference.speculation.luck import Luck

if TYPE_CHECKING:
    from quantatissu.inference.scheduler.sample import Sample


@dataclass(slots=True)
class _Index:
    """Where each run of tokens ended last, by the run; how many tokens are in it."""

    ends: dict[tuple[int, ...], int] = field(default_factory=dict)
    known: int = 0
    luck: Luck = field(default_factory=Luck)


class PromptLookup:
    """Code repeats what it said: names, calls, lines that a rewrite keeps. Costs a dictionary look-up a token."""

    def __init__(self, *, longest: int = 4, shortest: int = 2, tokens: int = 8) -> None:
        """Runs of ``longest`` down to ``shortest`` tokens are looked for; at most ``tokens`` are guessed."""
        self._lengths, self._tokens = range(longest, shortest - 1, -1), tokens
        self._known: dict[int, _Index] = {}

    def propose(self, sample: Sample, most: int) -> list[int]:
        """See `Drafter.propose`."""
        tokens = sample.tokens
        index = self._known.setdefault(id(sample), _Index())
        index.luck.judge(len(tokens))
        # The run that ends here is not in the index yet: it would find itself.
        for end in range(index.known + 1, len(tokens)):
            for length in self._lengths:
                if end >= length:
                    index.ends[tuple(tokens[end - length : end])] = end
        index.known = max(index.known, len(tokens) - 1)
        wanted = min(most, index.luck.worth(self._tokens))
        for length in self._lengths:
            found = self._after(index, tokens, length, wanted)
            if found:
                index.luck.guessed(len(found), len(tokens))
                return found
        return []

    @staticmethod
    def _after(index: _Index, tokens: list[int], length: int, wanted: int) -> list[int]:
        """What followed the last ``length`` tokens the last time."""
        last = index.ends.get(tuple(tokens[-length:])) if len(tokens) >= length else None
        return [] if last is None else tokens[last : last + wanted]

    def forget(self, sample: Sample) -> None:
        """See `Drafter.forget`."""
        self._known.pop(id(sample), None)

    def close(self) -> None:
        """See `Drafter.close`."""
        self._known.clear()
