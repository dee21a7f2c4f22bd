"""What every engine does: continue prompts, score continuations. Requests and answers are plain data.

Token ids are numpy arrays or sequences of ints in the vocabulary of `Engine.tokenizer`; log-probabilities are natural.
An engine may be called from several threads; requests submitted while others run join them (continuous batching).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from quantatissu.inference.constraints import Constraint
from quantatissu.inference.sampling import Sampling
from quantatissu.tokenizer.core import Tokenizer

Finish = Literal["stop", "length", "cancelled"]
"""``stop``: an end token, a stop string, or a constraint that admits nothing more; ``length``: out of tokens."""


@dataclass(frozen=True, slots=True)
class Request:
    """A prompt to be continued ``n`` times. All samples share the keys and values of the prompt."""

    prompt: tuple[int, ...]
    sampling: Sampling = field(default_factory=Sampling)
    n: int = 1
    constraint: Constraint | None = None
    adapter: str | None = None
    """Name of a LoRA adapter the engine has loaded; None: the model itself."""


@dataclass(frozen=True, slots=True)
class TokenScore:
    """A token, its log-probability under the model, and the likeliest alternatives with theirs."""

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """What one step added to sample ``index`` of a request.

    ``text`` holds whole characters only, and nothing of a stop string or of what may still become one. ``tokens`` and
    ``text`` need not end at the same place. The last piece of a sample has ``finish``.
    """

    index: int
    text: str
    tokens: tuple[TokenScore, ...] = ()
    finish: Finish | None = None
    stopped_by: str | None = None
    """The stop string that ended it."""
    complete: bool = True
    """With ``finish``: whether a constrained answer satisfies its constraint as it stands."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole sample. ``logprob`` is the sum over ``tokens``, which also hold what stop strings cut off ``text``."""

    text: str
    tokens: tuple[int, ...]
    logprob: float
    finish: Finish
    scores: tuple[TokenScore, ...] = ()
    stopped_by: str | None = None
    complete: bool = True


class Generation(Protocol):
    """A submitted request at work: iterate over its pieces as they come; samples interleaved. Raises errors."""

    @property
    def cached_tokens(self) -> int:
        """Of the prompt's tokens, those whose keys and values were there already; known when the first piece comes."""

    def __iter__(self) -> Iterator[Piece]: ...

    def cancel(self) -> None:
        """End all its samples soon; their last pieces say ``cancelled``. Does nothing to one that has ended."""

    def answers(self) -> list[Answer]:
        """Wait for all samples, in the order of their index. Not to be mixed with iteration."""


@dataclass(frozen=True, slots=True)
class EngineStats:
    """Counts since the start, and what is held now."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Of the prompt tokens, those whose keys and values were found in the prefix cache."""
    generated_tokens: int = 0
    steps: int = 0
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    running: int = 0
    waiting: int = 0
    pages: int = 0
    pages_free: int = 0
    pages_cached: int = 0
    """Pages that only the prefix cache holds: free as soon as somebody needs them."""
    extra: Mapping[str, float] = field(default_factory=dict)


class Engine(Protocol):
    """Answers token ids with token ids and text."""

    name: str
    tokenizer: Tokenizer
    context: int
    """Most tokens of a prompt and its answer together."""
    adapters: tuple[str, ...]

    def submit(self, request: Request) -> Generation:
        """Queue ``request``. Raises QuantaError for one that can never run: too long, bad constraint."""

    def score(
        self, prefix: Sequence[int], continuations: Sequence[Sequence[int]], *, adapter: str | None = None
    ) -> list[float]:
        """Summed log-probability of each of ``continuations`` behind ``prefix``, in as few passes as possible."""

    def following(
        self, prefix: Sequence[int], continuations: Sequence[Sequence[int]], *, adapter: str | None = None
    ) -> list[NDArray[np.float32]]:
        """Log-probabilities of all that may follow: for each of ``continuations`` (perhaps empty) behind ``prefix``,
        float32 [its length + 1, vocabulary]; the first row is what may follow ``prefix`` itself.
        """

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
        """The best ``n`` answers that a search with so many ``beams`` finds, best first: by the sum of their
        log-probabilities over length ** ``length_penalty``. Raises QuantaError for what can never run, as `submit`.
        """

    def stats(self) -> EngineStats:
        """A snapshot."""

    def close(self) -> None:
        """Cancel what runs, and give back memory and threads. Idempotent."""
