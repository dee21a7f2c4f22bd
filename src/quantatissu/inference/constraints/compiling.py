"""Constraints in use, by llguidance: which tokens may come next, in some tens of microseconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import Any

from quantatissu.foundation import QuantaError
from quantatissu.inference.constraints.closing import Closer
from quantatissu.inference.constraints.specs import Constraint, Grammar, JsonSchema, Matcher, Regex
from quantatissu.inference.sampling.distribution import Mask
from quantatissu.tokenizer.core import Tokenizer

_REMEMBERED = 64
_COMPACT = {"whitespace_flexible": False}  # or a small model fills an answer with blanks


class Compiler:
    """Turns constraints into matchers for one vocabulary. The last ones are remembered. Safe to use from threads."""

    def __init__(self, tokenizer: Tokenizer, ends: Collection[int]) -> None:
        """``ends`` are the tokens that end an answer. Raises QuantaError without llguidance, and for vocabularies that
        are not byte-level.
        """
        try:
            from llguidance import LLTokenizer, TokenizerWrapper
        except ImportError:
            raise QuantaError("constraints need llguidance", hint="pip install --upgrade quantatissu") from None
        if not tokenizer.byte_level:
            raise QuantaError("constraints need a byte-level vocabulary, which this model has not")
        if not ends:
            raise QuantaError("constraints need a token that ends an answer, which this model has not")
        self._ends = frozenset(ends)
        self._tokenizer = LLTokenizer(TokenizerWrapper(_Told(tokenizer, min(ends))), eos_token=sorted(ends))
        self._closer = Closer(tokenizer.token_bytes(), set(tokenizer.control.values()))
        self._known: dict[str, Callable[[], Matcher]] = {}
        self._lock = threading.Lock()

    def __call__(self, constraint: Constraint) -> Callable[[], Matcher]:
        """What makes a matcher for one answer. Raises QuantaError for a constraint that makes no sense."""
        grammar = _grammar(constraint)
        with self._lock:
            if grammar not in self._known:
                while len(self._known) >= _REMEMBERED:
                    del self._known[next(iter(self._known))]
                self._known[grammar] = self._compile(grammar)
            return self._known[grammar]

    def _compile(self, grammar: str) -> Callable[[], Matcher]:
        from llguidance import LLMatcher

        first = LLMatcher(self._tokenizer, grammar, log_level=0)
        if first.is_error():
            raise QuantaError(f"the constraint cannot be used: {first.get_error().splitlines()[0][:300]}")
        # How long the shortest answer is says from where on an answer has to be watched.
        shortest = self._closer.shortest(first.deep_copy())
        watched = 64 if shortest is None else 2 * len(shortest) + 32
        return lambda: _Guided(first.deep_copy(), self._closer, self._ends, watched)


class _Told:
    """A vocabulary as llguidance asks for it."""

    def __init__(self, tokenizer: Tokenizer, end: int) -> None:
        control = set(tokenizer.control.values())
        self.eos_token_id, self.bos_token_id = end, None
        # Ids of nothing need bytes of their own that no text has.
        self.tokens = [
            bytes_ or b"\xff" + str(number).encode() for number, bytes_ in enumerate(tokenizer.token_bytes())
        ]
        self.special_token_ids = sorted(control)
        self._tokenizer = tokenizer

    def __call__(self, text: bytes | str) -> list[int]:
        found: list[int] = self._tokenizer.encode_bytes(text if isinstance(text, bytes) else text.encode()).tolist()
        return found


class _Guided:
    """See `Matcher`."""

    def __init__(self, matcher: Any, closer: Closer, ends: frozenset[int], watched: int) -> None:
        self._matcher, self._closer, self._ends, self._watched = matcher, closer, ends, watched
        self._mask: Mask | None = None
        self._path: list[int] | None = None
        self._ended = False

    def mask(self) -> Mask | None:
        """See `Matcher.mask`."""
        if self._ended or self._matcher.is_stopped():
            return None
        if self._mask is None:
            self._mask = self._closer.mask(self._matcher)
        return self._mask

    def accept(self, token: int, left: int) -> int:
        """See `Matcher.accept`."""
        self._mask = None
        if token in self._ends:
            self._ended = True
            return token
        if left <= self._watched:
            token = self._steer(token, left)
        if not self._ended:
            self._matcher.consume_token(token)
        return token

    @property
    def satisfied(self) -> bool:
        """See `Matcher.satisfied`."""
        return bool(self._ended or self._matcher.is_accepting()) and not self._matcher.is_error()

    def _steer(self, token: int, left: int) -> int:
        """``token`` if the answer can still be ended well behind it, else the next step of a way that is known."""
        trial = self._matcher.deep_copy()
        trial.consume_token(token)
        path = self._closer.shortest(trial, left)
        if path is not None:
            self._path = path
            return token
        if not self._path:
            self._path = self._closer.shortest(self._matcher.deep_copy(), left + 1)
        if self._path is None:
            return token
        if not self._path:  # it may end right here, and after this token could not
            self._ended = True
            return min(self._ends)
        return self._path.pop(0)


def _grammar(constraint: Constraint) -> str:
    from llguidance import LLMatcher

    try:
        if isinstance(constraint, JsonSchema):
            return LLMatcher.grammar_from_json_schema(dict(constraint.schema), overrides=_COMPACT)  # type: ignore[arg-type]
        if isinstance(constraint, Regex):
            return LLMatcher.grammar_from_regex(constraint.pattern)
        assert isinstance(constraint, Grammar)
        return LLMatcher.grammar_from_lark(constraint.lark)
    except ValueError as error:
        raise QuantaError(f"the constraint cannot be used: {error}") from error
