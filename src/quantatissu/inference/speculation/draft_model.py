"""A smaller model of the same vocabulary guesses (Leviathan et al., 2023).

It draws as the target will: with the same settings, and the same random number for each place. The closer its
distributions are to the target's, the likelier both draw the same token.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from quantatissu.foundation import QuantaError
from quantatissu.inference.runner import Logits, Runner, Segment
from quantatissu.inference.sampling import draw
from quantatissu.inference.scheduler.cache import KeyValueCache
from quantatissu.inference.speculation.luck import Luck

if TYPE_CHECKING:
    from quantatissu.inference.scheduler.sample import Sample

_STEP_TOKENS = 512


@dataclass(slots=True)
class _Following:
    """What the draft model has of a sample: keys and values of ``known``, tokens of which it guessed some itself."""

    known: list[int] = field(default_factory=list)
    sure: int = 0
    """How many of them are the sample's for certain."""
    pages: list[int] = field(default_factory=list)
    luck: Luck = field(default_factory=Luck)


class DraftModel:
    """A runner with a key-value cache of its own. Samples go through it one at a time.

    Adapters are left out, and of a constraint only the next token is known: what the target then does not draw costs
    time, and nothing else. Where pages are short, a sample is not guessed at.
    """

    def __init__(self, runner: Runner, *, vocabulary: int, pages: int, tokens: int = 8, least: float = 0.3) -> None:
        """``vocabulary`` is the target's size; ``pages`` of ``runner`` are reserved. At most ``tokens`` are guessed, up
        to the first to which the draft model, before temperature and the like, gives a probability below ``least``.
        Raises QuantaError for a vocabulary of another size.
        """
        own = runner.config.vocab_size
        if own != vocabulary:
            raise QuantaError(
                f"the draft model has {own:,} tokens, the model that it guesses for has {vocabulary:,}",
                hint="Take one with the same tokenizer.",
            )
        self._runner, self._tokens, self._least = runner, tokens, np.log(least) if least else -np.inf
        runner.reserve(pages)
        self._cache = KeyValueCache(runner, pages)
        self._room = min(self._cache.room, runner.config.max_position_embeddings)
        self._following: dict[Sample, _Following] = {}

    @property
    def pages(self) -> int:
        """All pages."""
        return self._cache.pool.count

    @property
    def free(self) -> int:
        """Pages that no sample holds."""
        return self._cache.pool.free + self._cache.spare()

    def propose(self, sample: Sample, most: int) -> list[int]:
        """See `Drafter.propose`."""
        tokens, following = sample.tokens, self._following.setdefault(sample, _Following())
        following.luck.judge(len(tokens))
        wanted = min(most, following.luck.worth(self._tokens), self._room - len(tokens) + 1)
        # The last guess does not go through the draft model.
        if wanted < 1 or not self._make_room(following, tokens, len(tokens) + wanted - 1):
            self._let_go(following, tokens)
            return []
        guesses = self._guess(sample, following, wanted)
        following.luck.guessed(len(guesses), len(tokens))
        return guesses

    def forget(self, sample: Sample) -> None:
        """See `Drafter.forget`."""
        following = self._following.pop(sample, None)
        if following is not None:
            self._let_go(following, sample.tokens)

    def close(self) -> None:
        """See `Drafter.close`."""
        self._following.clear()
        self._runner.close()

    def _guess(self, sample: Sample, following: _Following, wanted: int) -> list[int]:
        logits = self._catch_up(following, sample.tokens)
        row, guesses = sample.row(), list[int]()
        # Guessing an end gains nothing: the target draws it in the same pass.
        ends = {*sample.ends, *sample.request.sampling.stop_tokens}
        while True:
            drawn = draw(logits, [row])
            token = int(drawn.tokens[0])
            if token in ends or drawn.logprobs[0] < self._least:
                return guesses
            guesses.append(token)
            if len(guesses) == wanted:
                return guesses
            if row.seen is not None:
                seen = row.seen if len(guesses) > 1 else copy.deepcopy(row.seen)
                seen.add(token)
                row = replace(row, seen=seen)
            row = replace(row, position=row.position + 1, mask=None)
            logits = self._run(following, [token])

    def _make_room(self, following: _Following, tokens: list[int], wanted: int) -> bool:
        """Pages for so many tokens, the beginning of which is perhaps remembered."""
        if not following.pages:
            following.pages = self._cache.begin(tokens, None)
            following.sure = len(following.pages) * self._cache.page
            following.known = tokens[: following.sure]
        return self._cache.grow(following.pages, wanted)

    def _let_go(self, following: _Following, tokens: list[int]) -> None:
        """Give pages back; what they hold of ``tokens`` is remembered while nobody needs them."""
        self._roll_back(following, tokens)
        self._cache.remember(following.known, following.pages, None)
        self._cache.end(following.pages)
        following.known, following.sure = [], 0

    @staticmethod
    def _roll_back(following: _Following, tokens: list[int]) -> None:
        """Only what came true of the guesses is ``known``; the rest will be written over."""
        known = following.known
        while following.sure < min(len(known), len(tokens)) and known[following.sure] == tokens[following.sure]:
            following.sure += 1
        del known[following.sure :]

    def _catch_up(self, following: _Following, tokens: list[int]) -> Logits:
        """Logits [1, V] behind ``tokens``."""
        self._roll_back(following, tokens)
        del following.known[len(tokens) - 1 :]  # the last goes through in any case, for its logits
        missing = tokens[len(following.known) :]
        while len(missing) > _STEP_TOKENS:
            self._run(following, missing[:_STEP_TOKENS], wanted=0)
            del missing[:_STEP_TOKENS]
        logits = self._run(following, missing)
        if len(tokens) - following.sure > self._cache.page:
            self._cache.remember(tokens, following.pages, None)
        following.sure = len(tokens)
        return logits

    def _run(self, following: _Following, tokens: list[int], wanted: int = 1) -> Logits:
        segment = Segment(np.array(tokens, dtype=np.int64), len(following.known), tuple(following.pages), wanted)
        logits = self._runner.run([segment])
        following.known += tokens
        return logits
