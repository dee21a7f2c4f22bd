"""`Engine` on this machine: a scheduler in a thread of its own, and requests from any other."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from quantatissu.foundation import QuantaError
from quantatissu.inference.constraints.compiling import Compiler
from quantatissu.inference.constraints.specs import Matcher
from quantatissu.inference.engine import Answer, EngineStats, Request, TokenScore
from quantatissu.inference.generation import LocalGeneration
from quantatissu.inference.runner import Runner
from quantatissu.inference.sampling import Seen, key_of
from quantatissu.inference.scheduler.beams import Beam, BeamSearch, check_search
from quantatissu.inference.scheduler.cache import KeyValueCache
from quantatissu.inference.scheduler.loop import SPECULATE_BELOW, Scheduler
from quantatissu.inference.scheduler.passes import Errand, Errands, Passes
from quantatissu.inference.scheduler.sample import Sample
from quantatissu.inference.scheduler.scoring import Following, Scoring
from quantatissu.inference.scheduler.text import Detokeniser, StopStrings
from quantatissu.inference.speculation import Drafter
from quantatissu.tokenizer.core import Tokenizer

S = TypeVar("S", bound=Scoring)

_STEP_TOKENS = 512
_MOST_RUNNING = 256


class LocalEngine:
    """See `Engine`. Close it, or use it in a ``with``: its thread and memory stay until then."""

    def __init__(
        self,
        runner: Runner,
        tokenizer: Tokenizer,
        *,
        name: str = "model",
        pages: int,
        context: int | None = None,
        drafter: Drafter | None = None,
        adapters: Sequence[str] = (),
        step_tokens: int = _STEP_TOKENS,
        most_running: int = _MOST_RUNNING,
        speculate_below: int = SPECULATE_BELOW,
    ) -> None:
        """``pages`` of the runner are reserved; ``context`` is the model's, and what the pages can hold. ``runner`` and
        ``drafter`` are closed with the engine.
        """
        self.name, self.tokenizer, self.adapters = name, tokenizer, tuple(adapters)
        self._runner, self._drafter, self._step_tokens = runner, drafter, step_tokens
        self._compiler: Compiler | None = None
        runner.reserve(pages)
        cache = KeyValueCache(runner, pages)
        self.context = min(context or runner.config.max_position_embeddings, cache.room)
        self._scheduler = Scheduler(
            runner,
            cache,
            step_tokens=step_tokens,
            most_running=most_running,
            drafter=drafter,
            speculate_below=speculate_below,
        )
        ends = runner.config.eos_token_id
        self._ends = frozenset(() if ends is None else (ends,) if isinstance(ends, int) else ends)
        if tokenizer.end_of_text is not None:
            self._ends |= {tokenizer.end_of_text}
        self._inbox: deque[Callable[[], None]] = deque()
        self._errands = Errands()
        self._wake = threading.Condition()
        self._closed = False
        self._works: set[LocalGeneration] = set()
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._thread.start()

    def submit(self, request: Request) -> LocalGeneration:
        """See `Engine.submit`."""
        self._check(request)
        matchers = self._matchers(request)
        generation = LocalGeneration(request.n, self._works.discard)
        sampling = request.sampling
        samples = [
            Sample(
                request,
                index,
                key_of(sampling.seed, index),
                generation.put,
                frozenset() if sampling.ignore_end else self._ends,
                self.context,
                Detokeniser(self.tokenizer, control=sampling.control),
                StopStrings(sampling.stop),
                matcher,
                Seen(request.prompt) if sampling.penalises else None,
            )
            for index, matcher in enumerate(matchers)
        ]
        if sampling.max_tokens == 0 or len(request.prompt) >= self.context:
            for sample in samples:
                sample.end("length")
            return generation
        generation.samples = samples
        samples[0].followers = samples[1:]

        def begin() -> None:
            self._works.add(generation)
            self._scheduler.add(samples[0])

        self._post(begin)
        return generation

    def generate(self, request: Request) -> list[Answer]:
        """`submit`, and wait for the answers."""
        return self.submit(request).answers()

    def score(
        self, prefix: Sequence[int], continuations: Sequence[Sequence[int]], *, adapter: str | None = None
    ) -> list[float]:
        """See `Engine.score`. Raises QuantaError when one does not fit into the context."""
        return self._scored(Scoring, prefix, continuations, adapter).scores

    def following(
        self, prefix: Sequence[int], continuations: Sequence[Sequence[int]], *, adapter: str | None = None
    ) -> list[NDArray[np.float32]]:
        """See `Engine.following`. Raises QuantaError when one does not fit into the context."""
        found = self._scored(Following, prefix, continuations, adapter).found
        return [found[number] for number in range(len(continuations))]

    def _scored(
        self,
        kind: type[S],
        prefix: Sequence[int],
        continuations: Sequence[Sequence[int]],
        adapter: str | None,
    ) -> S:
        self._check_adapter(adapter)
        longest = max(map(len, continuations), default=0)
        self._check_prompt(tuple(prefix), longest)
        for tokens in continuations:
            self._check_tokens(tokens)
        scoring = kind(
            self._runner,
            self._scheduler.cache,
            prefix,
            continuations,
            adapter=adapter,
            step_tokens=4 * self._step_tokens,
        )
        if continuations:
            self._run(scoring)
        return scoring

    def beam_search(
        self,
        prompt: Sequence[int],
        *,
        beams: int,
        max_tokens: int,
        n: int = 1,
        length_penalty: float = 1.0,
        adapter: str | None = None,
    ) -> list[Answer]:
        """See `Engine.beam_search`. Answers that reach the end of the context end there."""
        check_search(beams, n, max_tokens, length_penalty)
        self._check_adapter(adapter)
        self._check_prompt(tuple(prompt), 1)
        search = BeamSearch(
            self._runner,
            self._scheduler.cache,
            prompt,
            beams=beams,
            max_tokens=min(max_tokens, self.context - len(prompt)),
            length_penalty=length_penalty,
            ends=self._ends,
            adapter=adapter,
            step_tokens=self._step_tokens,
        )
        self._run(search)
        return [self._beam_answer(beam) for beam in search.finished[:n]]

    def _beam_answer(self, beam: Beam) -> Answer:
        shown = Detokeniser(self.tokenizer, control=False)
        text = "".join(map(shown.push, beam.tokens[: len(beam.tokens) - beam.ended])) + shown.end()
        scores = tuple(map(TokenScore, beam.tokens, beam.logprobs))
        return Answer(text, beam.tokens, beam.total, "stop" if beam.ended else "length", scores)

    def stats(self) -> EngineStats:
        """See `Engine.stats`."""
        return self._scheduler.stats()

    def describe(self) -> dict[str, Any]:
        """Device, precision and the like, for people."""
        return self._runner.describe()

    def forget(self) -> None:
        """Empty the prefix cache; waits until it is done."""
        done = threading.Event()

        def empty() -> None:
            self._scheduler.cache.forget()
            done.set()

        self._post(empty)
        done.wait()

    def close(self) -> None:
        """See `Engine.close`."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self, request: Request) -> None:
        if request.n < 1:
            raise QuantaError(f"n is {request.n}: it must be 1 or more")
        self._check_adapter(request.adapter)
        self._check_prompt(request.prompt, 0)

    def _check_adapter(self, name: str | None) -> None:
        if name is not None and name not in self.adapters:
            raise QuantaError(f"there is no adapter {name!r}", hint=f"There are: {', '.join(self.adapters) or 'none'}.")

    def _check_prompt(self, prompt: tuple[int, ...], more: int) -> None:
        if not prompt:
            raise QuantaError("the prompt is empty: there is nothing to continue")
        if len(prompt) + more > self.context:
            behind = f" and {more:,} are to follow" if more else ""
            raise QuantaError(
                f"the prompt has {len(prompt):,} tokens{behind}, the context of {self.name} is {self.context:,}"
            )
        self._check_tokens(prompt)

    def _check_tokens(self, tokens: Sequence[int]) -> None:
        if len(tokens) and not 0 <= min(tokens) <= max(tokens) < self._runner.config.vocab_size:
            raise QuantaError(f"a token is not one of the {self._runner.config.vocab_size:,} of {self.name}")

    def _matchers(self, request: Request) -> list[Matcher | None]:
        if request.constraint is None:
            return [None] * request.n
        if self._compiler is None:
            self._compiler = Compiler(self.tokenizer, self._ends)
        make = self._compiler(request.constraint)
        return [make() for _ in range(request.n)]

    def _post(self, call: Callable[[], None]) -> None:
        with self._wake:
            if self._closed:
                raise QuantaError(f"the engine of {self.name} is closed")
            self._inbox.append(call)
            self._wake.notify()

    def _work(self) -> None:
        while True:
            with self._wake:
                while not (self._inbox or self._closed or self._scheduler.busy or self._errands):
                    self._wake.wait()
                if self._closed:
                    break
                calls = [self._inbox.popleft() for _ in range(len(self._inbox))]
            for call in calls:
                call()
            try:
                self._errands.advance(alone=not self._scheduler.busy)
                self._scheduler.step()
            except BaseException as error:  # whatever it is, somebody waits for it
                self._fail(error)
        while self._inbox:  # whoever asked just before has to be told too
            self._inbox.popleft()()
        self._fail(QuantaError(f"the engine of {self.name} was closed"))
        self._runner.close()
        if self._drafter is not None:
            self._drafter.close()

    def _run(self, passes: Passes) -> None:
        """Wait until ``passes`` have been made, between steps of the scheduler."""
        errand = Errand(passes)
        self._post(lambda: self._errands.append(errand))
        errand.wait()

    def _fail(self, error: BaseException) -> None:
        """Nobody waits for ever: all that run are told, and begin anew is left to them."""
        self._errands.fail(error)
        for generation in list(self._works):
            generation.fail(error)
        self._works.clear()
        self._scheduler.abandon()
