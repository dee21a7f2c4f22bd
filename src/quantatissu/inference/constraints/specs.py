"""What can be asked of an answer, as data, and what the scheduler asks of whoever sees to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from quantatissu.inference.sampling.distribution import Mask


@dataclass(frozen=True)
class JsonSchema:
    """The answer is one JSON value that validates. ``schema`` as in JSON Schema 2020-12; an empty one: any JSON."""

    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Regex:
    """The whole answer matches ``pattern``, in the syntax of Rust's regex crate."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Grammar:
    """The answer is a sentence of a context-free grammar in llguidance's form of Lark; the rule is ``start``."""

    lark: str


Constraint = JsonSchema | Regex | Grammar


class Matcher(Protocol):
    """Follows one answer."""

    def mask(self) -> Mask | None:
        """The tokens that may come next; None when nothing may: the answer has ended."""

    def accept(self, token: int, left: int) -> int:
        """The answer goes on with ``token``, and has ``left`` more tokens at most. Returns the token that really is
        taken: another one, where ``token`` would leave too few to end well.
        """

    @property
    def satisfied(self) -> bool:
        """Whether the answer may end here."""
