"""How an answer is drawn and where it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from quantatissu.foundation import QuantaError

_NOTHING: Mapping[int, float] = MappingProxyType({})
_MOST_ALTERNATIVES = 64


@dataclass(frozen=True, slots=True)
class Sampling:
    """Applied in this order: penalties and bias, constraint, temperature, top-k, top-p, min-p.

    Raises QuantaError for values outside their ranges.
    """

    temperature: float = 0.0
    """0: the likeliest token (greedy)."""
    top_k: int = 0
    """Only the k likeliest tokens; 0: all."""
    top_p: float = 1.0
    """Only the likeliest tokens that together have this probability (Holtzman et al., 2020)."""
    min_p: float = 0.0
    """Only tokens at least so likely as this share of the likeliest (Nguyen et al., 2024)."""
    repetition_penalty: float = 1.0
    """Logits of tokens in prompt or answer are divided by it, or multiplied when negative (Keskar et al., 2019)."""
    presence_penalty: float = 0.0
    """Taken from the logit of every token in the answer (OpenAI's)."""
    frequency_penalty: float = 0.0
    """Taken once for each time that a token is in the answer (OpenAI's)."""
    bias: Mapping[int, float] = field(default_factory=lambda: _NOTHING)
    """Added to the logits of tokens."""
    seed: int | None = None
    """Same seed, same answer. None: another one each time."""
    max_tokens: int = 256
    stop: tuple[str, ...] = ()
    """Strings before which the text ends."""
    stop_tokens: frozenset[int] = frozenset()
    """Tokens that end an answer, beside those of the model."""
    ignore_end: bool = False
    """Go on behind the model's end tokens."""
    logprobs: int | None = None
    """How many of the likeliest alternatives to report with every token; None: no scores at all."""
    control: bool = False
    """Whether the text shows control tokens by name; they are always among the tokens."""

    def __post_init__(self) -> None:
        for name, holds, said in (
            ("temperature", 0 <= self.temperature <= 100, "between 0 and 100"),
            ("top_k", self.top_k >= 0, "0 or more"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("min_p", 0 <= self.min_p <= 1, "between 0 and 1"),
            ("repetition_penalty", self.repetition_penalty > 0, "above 0"),
            ("presence_penalty", -2 <= self.presence_penalty <= 2, "between -2 and 2"),
            ("frequency_penalty", -2 <= self.frequency_penalty <= 2, "between -2 and 2"),
            ("max_tokens", self.max_tokens >= 0, "0 or more"),
            ("stop", all(self.stop), "strings that are not empty"),
            ("logprobs", self.logprobs is None or 0 <= self.logprobs <= _MOST_ALTERNATIVES, "between 0 and 64"),
        ):
            if not holds:
                raise QuantaError(f"{name} is {getattr(self, name)!r}: it must be {said}")

    @property
    def penalises(self) -> bool:
        """Whether the tokens so far change the logits."""
        return self.repetition_penalty != 1 or self.presence_penalty != 0 or self.frequency_penalty != 0
