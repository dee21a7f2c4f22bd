"""Beam search: the likeliest answers that a search of a given width finds.

Every pass takes the next token of all live beams side by side; beams with a common past share its pages. Which answers
are found, and when the search is over, is as in transformers' ``generate`` with ``early_stopping=False``.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass

import numpy as np

from quantatissu.foundation import QuantaError
from quantatissu.inference.runner import Logits, Runner, Segment
from quantatissu.inference.sampling import log_normalisers
from quantatissu.inference.sampling.distribution import Floats
from quantatissu.inference.scheduler.cache import KeyValueCache
from quantatissu.inference.scheduler.passes import OutOfPages, prefill

MOST_BEAMS = 256
_MOST_PENALTY = 10.0  # beyond that, powers of lengths leave what a float can be


@dataclass(frozen=True, slots=True)
class Beam:
    """An answer, or the beginning of one."""

    tokens: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    """Of each token."""
    total: float = 0.0
    """Their sum."""
    parent: int = 0
    """Number of the live beam that it is one token longer than."""
    ended: bool = False
    """Whether the last token is an end token."""

    def score(self, length_penalty: float) -> float:
        """``total`` over length to the power of ``length_penalty``, by which answers are compared."""
        return self.total / math.pow(len(self.tokens), length_penalty)


class BeamSearch:
    """One call of `Engine.beam_search`. See `Passes`."""

    def __init__(
        self,
        runner: Runner,
        cache: KeyValueCache,
        prompt: Sequence[int],
        *,
        beams: int,
        max_tokens: int,
        length_penalty: float,
        ends: Collection[int],
        adapter: str | None,
        step_tokens: int,
    ) -> None:
        self._runner, self._cache, self._adapter, self._step_tokens = runner, cache, adapter, step_tokens
        self._prompt, self._beams, self._max_tokens = list(prompt), beams, max_tokens
        self._length_penalty, self._ends = length_penalty, ends
        self._live = [Beam()]
        self.finished: list[Beam] = []
        """The best so far, at most ``beams``, best first."""

    def work(self) -> Generator[None]:
        """See `Passes.work`; at the end `finished` is complete. After OutOfPages the live beams go on as they are."""
        held = [self._cache.begin(self._prompt, self._adapter)]
        try:
            yield from prefill(
                self._runner,
                self._cache,
                self._prompt,
                held[0],
                adapter=self._adapter,
                step_tokens=self._step_tokens,
            )
            # The last token of the prompt goes through with what the beams have by now: in the beginning, nothing.
            cached, parents = len(self._prompt) - 1, [0] * len(self._live)
            while self._live:
                self._divide(held, parents, cached)
                logits = self._run(held, cached)
                cached = len(self._prompt) + len(self._live[0].tokens)
                self._choose(logits)
                parents = [beam.parent for beam in self._live]
                yield
        finally:
            for pages in held:
                self._cache.end(pages)

    def _divide(self, held: list[list[int]], parents: Sequence[int], cached: int) -> None:
        """``held``, the pages of the parents, becomes that of the live beams: the first child of a parent goes on in
        its pages, others in forks of them.
        """
        for childless in set(range(len(held))).difference(parents):
            self._cache.end(held[childless])
        pages_of: list[list[int]] = []
        for number, parent in enumerate(parents):
            pages = held[parent]
            if parent in parents[:number]:
                forked = self._cache.fork(pages, cached)
                if forked is None:
                    raise OutOfPages
                held.append(forked)  # at once, so that it is given back whatever happens
                pages = forked
            pages_of.append(pages)
            if not self._cache.grow(pages, len(self._prompt) + len(self._live[number].tokens)):
                raise OutOfPages
        held[:] = pages_of

    def _run(self, held: Sequence[Sequence[int]], cached: int) -> Logits:
        """Logits [live beams, V] behind their last tokens."""
        segments = []
        for beam, pages in zip(self._live, held, strict=True):
            new = beam.tokens[-1:] if cached >= len(self._prompt) else (self._prompt[-1], *beam.tokens)
            segments.append(Segment(np.array(new, dtype=np.int64), cached, tuple(pages), 1, self._adapter))
        return self._runner.run(segments)

    def _choose(self, logits_BV: Logits) -> None:
        """The best beams that are one token longer: they are finished, or the next to live."""
        wide_BV = logits_BV.astype(np.float64)
        logprobs_BV = wide_BV - log_normalisers(wide_BV)[:, None]
        totals_BV = logprobs_BV + np.array([beam.total for beam in self._live])[:, None]
        last = len(self._live[0].tokens) + 1 == self._max_tokens
        live: list[Beam] = []
        # So many that enough of them go on, even if all end tokens of all beams are among them.
        for rank, place in enumerate(_largest(totals_BV.ravel(), self._beams * max(2, 1 + len(self._ends)))):
            parent, token = divmod(place, totals_BV.shape[1])
            ended = token in self._ends
            if ended or last:
                if rank < self._beams:
                    self.finished.append(self._longer(parent, token, float(logprobs_BV[parent, token]), ended))
            elif len(live) < self._beams:
                live.append(self._longer(parent, token, float(logprobs_BV[parent, token]), ended))
        self.finished.sort(key=self._score, reverse=True)
        del self.finished[self._beams :]
        self._live = live if self._promising(live) else []

    def _longer(self, parent: int, token: int, logprob: float, ended: bool) -> Beam:
        beam = self._live[parent]
        return Beam((*beam.tokens, token), (*beam.logprobs, logprob), beam.total + logprob, parent, ended)

    def _promising(self, live: Sequence[Beam]) -> bool:
        """Whether too few are finished, or the likeliest of ``live`` is better than the worst of these as it stands: a
        heuristic, since with a length penalty above 0 a longer answer may become better yet.
        """
        if len(self.finished) < self._beams or not live:
            return bool(live)
        return self._score(live[0]) > self._score(self.finished[-1])

    def _score(self, beam: Beam) -> float:
        return beam.score(self._length_penalty)


def check_search(beams: int, n: int, max_tokens: int, length_penalty: float) -> None:
    """Raises QuantaError for settings outside their ranges."""
    for name, value, holds, said in (
        ("beams", beams, 1 <= beams <= MOST_BEAMS, f"between 1 and {MOST_BEAMS}"),
        ("n", n, 1 <= n <= beams, f"between 1 and the number of beams, {beams}"),
        ("max_tokens", max_tokens, max_tokens >= 1, "1 or more"),
        ("length_penalty", length_penalty, abs(length_penalty) <= _MOST_PENALTY, "between -10 and 10"),
    ):
        if not holds:
            raise QuantaError(f"{name} is {value}: it must be {said}")


def _largest(values: Floats, count: int) -> list[int]:
    """Where the ``count`` largest of ``values`` are, largest first, and of equals the first."""
    count = min(count, len(values))
    places = np.argpartition(-values, count - 1)[:count]
    found: list[int] = places[np.lexsort((places, -values[places]))].tolist()
    return found
