"""`Engine` on this machine: a scheduler in a thread of its own, and requests from any other."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import Any

from quantatissu.foundation import QuantaError
from quantatissu.inference.constraints.compiling import Compiler
from quantatissu.inference.constraints.specs import Matcher
from quantatissu.inference.engine import Answer, EngineStats, Piece, Request, TokenScore
from quantatissu.inference.runner import Runner
from quantatissu.inference.sampling import Seen, key_of
from quantatissu.inference.scheduler.cache import KeyValueCache
from quantatissu.inference.scheduler.loop import SPECULATE_BELOW, Scheduler
from quantatissu.inference.scheduler.sample import Sample
from quantatissu.inference.scheduler.scoring import OutOfPages, Scoring
from quantatissu.inference.scheduler.text import Detokeniser, StopStrings
from quantatissu.inference.speculation import Drafter
from quantatissu.tokenizer.core import Tokenizer

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
        """``pages`` of the runner are reserved; ``context`` is the model's, and what the pages can hold."""
        self.name, self.tokenizer, self.adapters = name, tokenizer, tuple(adapters)
        self._runner, self._step_tokens = runner, step_tokens
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
        self._scorings: deque[_Scoring] = deque()
        self._wake = threading.Condition()
        self._closed = False
        self._works: set[_Generation] = set()
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._thread.start()

    def submit(self, request: Request) -> _Generation:
        """See `Engine.submit`."""
        self._check(request)
        matchers = self._matchers(request)
        generation = _Generation(self, request.n)
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
        longest = max(map(len, continuations), default=0)
        self._check_prompt(tuple(prefix), longest)
        for tokens in continuations:
            self._check_tokens(tokens)
        if not continuations:
            return []
        scoring = Scoring(
            self._runner,
            self._scheduler.cache,
            prefix,
            continuations,
            adapter=adapter,
            step_tokens=4 * self._step_tokens,
        )
        waiting = _Scoring(scoring)
        self._post(lambda: self._scorings.append(waiting))
        waiting.done.wait()
        if waiting.error is not None:
            raise waiting.error
        return scoring.scores

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
        if request.adapter is not None and request.adapter not in self.adapters:
            raise QuantaError(
                f"there is no adapter {request.adapter!r}", hint=f"There are: {', '.join(self.adapters) or 'none'}."
            )
        self._check_prompt(request.prompt, 0)

    def _check_prompt(self, prompt: tuple[int, ...], more: int) -> None:
        if not prompt:
            raise QuantaError("the prompt is empty: there is nothing to continue")
        if len(prompt) + more > self.context:
            raise QuantaError(
                f"the prompt has {len(prompt) + more:,} tokens, the context of {self.name} is {self.context:,}"
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
                while not (self._inbox or self._closed or self._scheduler.busy or self._scorings):
                    self._wake.wait()
                if self._closed:
                    break
                calls = [self._inbox.popleft() for _ in range(len(self._inbox))]
            for call in calls:
                call()
            try:
                self._score_a_part()
                self._scheduler.step()
            except BaseException as error:  # whatever it is, somebody waits for it
                self._fail(error)
        while self._inbox:  # whoever asked just before has to be told too
            self._inbox.popleft()()
        self._fail(QuantaError(f"the engine of {self.name} was closed"))
        self._runner.close()

    def _score_a_part(self) -> None:
        if not self._scorings:
            return
        current = self._scorings[0]
        try:
            if current.advance():
                self._scorings.popleft()
        except OutOfPages:
            if not self._scheduler.busy:
                self._scorings.popleft()
                current.fail(
                    QuantaError("the continuations do not fit into the key-value cache", hint="Give it more memory.")
                )
        except BaseException as error:
            self._scorings.popleft()
            current.fail(error)

    def _fail(self, error: BaseException) -> None:
        """Nobody waits for ever: all that run are told, and begin anew is left to them."""
        for scoring in self._scorings:
            scoring.fail(error)
        self._scorings.clear()
        for generation in list(self._works):
            generation.fail(error)
        self._works.clear()
        self._scheduler.abandon()


class _Scoring:
    """A `Scoring` at work, and who waits for it."""

    def __init__(self, scoring: Scoring) -> None:
        self._scoring, self._work = scoring, scoring.work()
        self.done, self.error = threading.Event(), None

    error: BaseException | None

    def advance(self) -> bool:
        """One more pass; whether that was the last. Begins again after `OutOfPages`."""
        try:
            next(self._work)
            return False
        except StopIteration:
            self.done.set()
            return True
        except OutOfPages:
            self._work = self._scoring.work()
            raise

    def fail(self, error: BaseException) -> None:
        self._work.close()
        self.error = error
        self.done.set()


class _Generation:
    """See `Generation`."""

    def __init__(self, engine: LocalEngine, count: int) -> None:
        self._engine, self._count = engine, count
        self._pieces: SimpleQueue[Piece | BaseException] = SimpleQueue()
        self.samples: list[Sample] = []

    def put(self, piece: Piece) -> None:
        """The engine's thread has one more piece."""
        self._pieces.put(piece)

    def fail(self, error: BaseException) -> None:
        """The engine's thread cannot go on."""
        self._pieces.put(error)

    def __iter__(self) -> Iterator[Piece]:
        going = self._count
        while going:
            piece = self._pieces.get()
            if isinstance(piece, BaseException):
                raise piece
            going -= piece.finish is not None
            yield piece
        self._engine._works.discard(self)

    @property
    def cached_tokens(self) -> int:
        """See `Generation.cached_tokens`."""
        return (self.samples[0].found or 0) if self.samples else 0

    def cancel(self) -> None:
        """See `Generation.cancel`."""
        for sample in self.samples:
            sample.cancelled = True

    def answers(self) -> list[Answer]:
        """See `Generation.answers`."""
        texts: list[list[str]] = [[] for _ in range(self._count)]
        scores: list[list[TokenScore]] = [[] for _ in range(self._count)]
        last: dict[int, Piece] = {}
        for piece in self:
            texts[piece.index].append(piece.text)
            scores[piece.index].extend(piece.tokens)
            if piece.finish is not None:
                last[piece.index] = piece
        return [_answer("".join(texts[index]), tuple(scores[index]), last[index]) for index in range(self._count)]


def _answer(text: str, scores: tuple[TokenScore, ...], last: Piece) -> Answer:
    assert last.finish is not None
    return Answer(
        text,
        tuple(score.token for score in scores),
        sum(score.logprob for score in scores),
        last.finish,
        scores,
        last.stopped_by,
        last.complete,
    )
