"""Continuous batching: every step takes the next token of all running samples, and as much of new prompts as fits."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from quantatissu.inference.engine import EngineStats, TokenScore
from quantatissu.inference.runner import Logits, Runner, Segment
from quantatissu.inference.sampling import Drawn, draw, log_normalisers
from quantatissu.inference.sampling.distribution import Floats
from quantatissu.inference.scheduler.cache import KeyValueCache
from quantatissu.inference.scheduler.sample import Sample
from quantatissu.inference.speculation import Drafter

SPECULATE_BELOW = 4  # running samples: beyond that, drafted tokens take time from others


@dataclass(slots=True)
class Counts:
    """Since the start."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    steps: int = 0
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    preempted: int = 0


@dataclass(slots=True)
class _Step:
    """What goes through the model, and whose it is."""

    samples: list[Sample] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    tokens: int = 0

    def add(self, sample: Sample, count: int) -> None:
        self.samples.append(sample)
        self.segments.append(sample.segment(count))
        self.tokens += count


class Scheduler:
    """Samples in, pieces out through their `Sample.emit`. Called by one thread at a time."""

    def __init__(
        self,
        runner: Runner,
        cache: KeyValueCache,
        *,
        step_tokens: int,
        most_running: int,
        drafter: Drafter | None = None,
        speculate_below: int = SPECULATE_BELOW,
    ) -> None:
        """At most ``step_tokens`` tokens a step but for the next tokens of running samples, which always go."""
        self._runner, self.cache, self._drafter = runner, cache, drafter
        self._step_tokens, self._most_running = step_tokens, most_running
        self._speculate_below = speculate_below
        self._waiting: deque[Sample] = deque()
        self._running: list[Sample] = []  # the longest admitted first
        self.counts = Counts()

    def add(self, sample: Sample) -> None:
        """Queue ``sample``, whose followers begin with it. It must fit: ``sample.room`` is at most the cache's."""
        assert sample.room <= self.cache.room
        sample.tokens = list(sample.request.prompt)
        self._waiting.append(sample)

    @property
    def busy(self) -> bool:
        """Whether `step` has something to do."""
        return bool(self._waiting or self._running)

    def step(self) -> None:
        """One pass through the model, if there is a token to be had."""
        self._drop_cancelled()
        self._admit()
        step = self._compose()
        if not step.segments:
            return
        logits = self._runner.run(step.segments)
        self.counts.steps += 1
        self._advance(step, logits)
        self._running = [sample for sample in self._running if not self._ended(sample)]

    def abandon(self) -> None:
        """Let go of everything at once, without a word to anybody, the prefix cache included: after an error nobody
        knows what the pages hold.
        """
        for sample in self._running:
            self.cache.end(sample.pages)
            if self._drafter is not None:
                self._drafter.forget(sample)
        self._running, self._waiting = [], deque()
        self.cache.forget()

    def stats(self) -> EngineStats:
        """A snapshot."""
        counts, pool = self.counts, self.cache.pool
        return EngineStats(
            prompt_tokens=counts.prompt_tokens,
            cached_tokens=counts.cached_tokens,
            generated_tokens=counts.generated_tokens,
            steps=counts.steps,
            drafted_tokens=counts.drafted_tokens,
            accepted_tokens=counts.accepted_tokens,
            running=len(self._running),
            waiting=sum(1 + len(sample.followers) for sample in self._waiting),
            pages=pool.count,
            pages_free=pool.free,
            pages_cached=self.cache.spare(),
            extra={"preempted": counts.preempted},
        )

    def _drop_cancelled(self) -> None:
        for sample in [*self._waiting, *self._running]:
            for follower in [one for one in sample.followers if one.cancelled]:
                follower.end("cancelled")
                sample.followers.remove(follower)
            if sample.cancelled and not sample.finished:
                self._hand_over(sample)
                sample.end("cancelled")
        self._waiting = deque(sample for sample in self._waiting if not sample.finished)
        self._running = [sample for sample in self._running if not self._ended(sample)]

    def _hand_over(self, sample: Sample) -> None:
        """Whoever waits for the prompt of a cancelled sample begins by itself."""
        if sample.followers:
            first, *others = sample.followers
            first.tokens, first.followers = list(first.request.prompt), others
            sample.followers = []
            self._waiting.appendleft(first)

    def _ended(self, sample: Sample) -> bool:
        if sample.finished:
            if sample.cached:
                self.cache.remember(sample.tokens[: sample.cached], sample.pages, sample.request.adapter)
            self.cache.end(sample.pages)
            if self._drafter is not None:
                self._drafter.forget(sample)
        return sample.finished

    def _admit(self) -> None:
        while self._waiting and len(self._running) < self._most_running:
            sample = self._waiting[0]
            sample.pages = self.cache.begin(sample.tokens, sample.request.adapter)
            sample.cached = len(sample.pages) * self.cache.page
            # One more than it has, so that it does not have to give way again at once.
            if not self.cache.grow(sample.pages, len(sample.tokens) + 1):
                self.cache.end(sample.pages)
                sample.cached = 0
                return
            self._waiting.popleft()
            self._running.append(sample)
            self.counts.prompt_tokens += len(sample.tokens)
            self.counts.cached_tokens += sample.cached
            if sample.found is None:
                sample.found = sample.cached

    def _compose(self) -> _Step:
        step = _Step()
        going = [sample for sample in self._running if len(sample.tokens) - sample.cached == 1]
        for sample in going:
            if sample in self._running:  # not if it had to make room for an earlier one
                self._draft(sample, len(going))
                if self._make_room(sample, len(sample.tokens) + len(sample.drafted)):
                    step.add(sample, 1 + len(sample.drafted))
        # Whoever had to give way meanwhile is not in the step.
        for sample in self._running:
            left = len(sample.tokens) - sample.cached
            if left > 1:
                count = min(left, self._step_tokens - step.tokens)
                if count <= 0:
                    break
                step.add(sample, count)
        if any(sample not in self._running for sample in step.samples):
            kept = [pair for pair in zip(step.samples, step.segments, strict=True) if pair[0] in self._running]
            step = _Step([one for one, _ in kept], [segment for _, segment in kept], step.tokens)
        return step

    def _draft(self, sample: Sample, going: int) -> None:
        sample.drafted = []
        most = min(sample.left - 1, self.cache.room - len(sample.tokens) - 1)
        if self._drafter is not None and going <= self._speculate_below and most > 0:
            sample.drafted = self._drafter.propose(sample, most)
            self.counts.drafted_tokens += len(sample.drafted)

    def _make_room(self, sample: Sample, tokens: int) -> bool:
        """Take the pages that so many ``tokens`` need; the youngest give theirs back if need be, perhaps this one."""
        while not self.cache.grow(sample.pages, tokens):
            youngest = self._running.pop()
            self.cache.end(youngest.pages)
            if self._drafter is not None:
                self._drafter.forget(youngest)
            youngest.cached, youngest.drafted = 0, []
            self._waiting.appendleft(youngest)
            self.counts.preempted += 1
            if youngest is sample:
                return False
        return True

    def _advance(self, step: _Step, logits: Logits) -> None:
        """Take in what the model said."""
        first, asking = 0, []
        for sample, segment in zip(step.samples, step.segments, strict=True):
            sample.cached += len(segment.tokens)
            if segment.wanted:
                asking.append((sample, first))
                asking.extend((follower, first) for follower in self._followers(sample))
            first += segment.wanted
        self._take(asking, logits)
        for sample, _ in asking:
            sample.drafted = []
            # Drafted tokens that did not come true are written over.
            sample.cached = min(sample.cached, len(sample.tokens) - 1)

    def _followers(self, sample: Sample) -> Sequence[Sample]:
        """Those who begin now that the prompt has gone through; who finds no page waits."""
        if not sample.followers:
            return ()
        self.cache.remember(sample.tokens[: sample.cached], sample.pages, sample.request.adapter)
        begun = []
        for follower in sample.followers:
            follower.tokens = list(follower.request.prompt)
            pages = self.cache.fork(sample.pages, sample.cached) if len(self._running) < self._most_running else None
            if pages is None:
                self._waiting.appendleft(follower)
                continue
            follower.pages, follower.cached = pages, sample.cached
            self._running.append(follower)
            begun.append(follower)
        sample.followers = []
        return begun

    def _take(self, asking: list[tuple[Sample, int]], logits: Logits) -> None:
        """A token for everybody, and one more for as long as the drafted ones come true.

        A drafted token comes true when it is the one that would have been drawn anyway. So drafts change how fast an
        answer comes, and nothing about it: its distribution and, for a seed, every token is the same without them.
        """
        place = 0
        while asking:
            drawn = draw(
                logits[[row + place for _, row in asking]] if asking else logits, [sample.row() for sample, _ in asking]
            )
            going = []
            for number, (sample, row) in enumerate(asking):
                guess = sample.drafted[place] if place < len(sample.drafted) else None
                if self._take_one(sample, drawn, number, logits[row + place]) and guess == sample.tokens[-1]:
                    self.counts.accepted_tokens += 1
                    going.append((sample, row))
            asking = going
            place += 1

    def _take_one(self, sample: Sample, drawn: Drawn, number: int, logits: Floats) -> bool:
        token, logprob = int(drawn.tokens[number]), float(drawn.logprobs[number])
        if sample.matcher is not None:
            taken = sample.matcher.accept(token, sample.left - 1)
            if taken != token:
                token, logprob = taken, float(logits[taken] - log_normalisers(logits[None])[0])
        self.counts.generated_tokens += 1
        return sample.take(TokenScore(token, logprob, drawn.top[number]))
