"""Log-probabilities of given continuations: the prefix goes through once, then all continuations side by side."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from quantatissu.inference.runner import Runner, Segment
from quantatissu.inference.scheduler.cache import KeyValueCache
from quantatissu.inference.scheduler.passes import OutOfPages, prefill


class Scoring:
    """One call of `Engine.score`. See `Passes`."""

    def __init__(
        self,
        runner: Runner,
        cache: KeyValueCache,
        prefix: Sequence[int],
        continuations: Sequence[Sequence[int]],
        *,
        adapter: str | None,
        step_tokens: int,
    ) -> None:
        self._runner, self._cache, self._adapter, self._step_tokens = runner, cache, adapter, step_tokens
        self._prefix, self._continuations = list(prefix), continuations
        self.scores = [0.0] * len(continuations)

    def work(self) -> Generator[None]:
        """See `Passes.work`; at the end `scores` are complete."""
        pages = self._cache.begin(self._prefix, self._adapter)
        try:
            yield from prefill(
                self._runner,
                self._cache,
                self._prefix,
                pages,
                adapter=self._adapter,
                step_tokens=self._step_tokens,
            )
            # The last token of the prefix goes through with every continuation: its logits score the first token.
            kept = len(self._prefix) - 1
            todo = [number for number, tokens in enumerate(self._continuations) if self._asks(tokens)]
            while todo:
                batch: list[int] = []
                cost = 0
                while todo and (not batch or cost + len(self._continuations[todo[-1]]) <= self._step_tokens):
                    cost += len(self._continuations[todo[-1]])
                    batch.append(todo.pop())
                done = self._score(batch, pages, kept)
                todo.extend(batch[done:][::-1])
                yield
        finally:
            self._cache.end(pages)

    def _score(self, batch: list[int], pages: list[int], kept: int) -> int:
        """Score the first of ``batch`` that there are pages for; returns how many."""
        held: list[list[int]] = []
        segments: list[Segment] = []
        try:
            for number in batch:
                tokens = self._continuations[number]
                through = self._through(tokens)
                own = self._cache.fork(pages, kept)
                if own is None or not self._cache.grow(own, kept + len(through)):
                    if own is not None:
                        self._cache.end(own)
                    break
                held.append(own)
                segments.append(Segment(through, kept, tuple(own), len(through), self._adapter))
            if not segments:
                raise OutOfPages
            self._measure(batch[: len(segments)], segments)
            return len(segments)
        finally:
            for own in held:
                self._cache.end(own)

    def _asks(self, tokens: Sequence[int]) -> bool:
        """Whether there is anything to be found out about a continuation."""
        return len(tokens) > 0

    def _through(self, tokens: Sequence[int]) -> NDArray[np.int64]:
        """What goes through the model for a continuation."""
        return np.array([self._prefix[-1], *tokens[:-1]], dtype=np.int64)

    def _measure(self, batch: Sequence[int], segments: Sequence[Segment]) -> None:
        targets = np.concatenate([np.asarray(self._continuations[number], dtype=np.int64) for number in batch])
        found = self._runner.score(segments, targets)
        first = 0
        for number, segment in zip(batch, segments, strict=True):
            self.scores[number] = float(found[first : first + segment.wanted].sum(dtype=np.float64))
            first += segment.wanted


class Following(Scoring):
    """One call of `Engine.following`: at the end `found` has the rows of each continuation, by its number."""

    @cached_property
    def found(self) -> dict[int, NDArray[np.float32]]:
        return {}

    def _asks(self, tokens: Sequence[int]) -> bool:
        return True

    def _through(self, tokens: Sequence[int]) -> NDArray[np.int64]:
        return np.array([self._prefix[-1], *tokens], dtype=np.int64)

    def _measure(self, batch: Sequence[int], segments: Sequence[Segment]) -> None:
        logits = self._runner.run(segments)
        logits = logits - logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        first = 0
        for number, segment in zip(batch, segments, strict=True):
            self.found[number] = logits[first : first + segment.wanted]
            first += segment.wanted
