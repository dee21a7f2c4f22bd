"""SPDX licence expressions: parsing, and whether an allowlist permits one.

Grammar: SPDX specification 2.3, annex D (``AND`` binds tighter than ``OR``, ``WITH`` tightest; operators in any case).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass

from quantatissu.corpus.stages.licence.identifiers import canonical

_TOKEN = re.compile(r"\s*(\(|\)|[^\s()]+)")
_OPERATORS = frozenset(["AND", "OR", "WITH"])


@dataclass(frozen=True, slots=True)
class Licence:
    """One identifier, canonical in spelling, with its exception if it has one."""

    identifier: str
    exception: str = ""

    def __str__(self) -> str:
        return f"{self.identifier} WITH {self.exception}" if self.exception else self.identifier


@dataclass(frozen=True, slots=True)
class All:
    """Every one of ``parts`` applies (``AND``)."""

    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return " AND ".join(f"({part})" if isinstance(part, Any) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Any:
    """The user chooses one of ``parts`` (``OR``)."""

    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return " OR ".join(str(part) for part in self.parts)


Expression = Licence | All | Any


def parse_expression(text: str) -> Expression | None:
    """The expression, its identifiers in canonical spelling; None where `text` is no expression of known licences.

    A ``LicenseRef-`` counts as known: it parses, and only an allowlist that names it permits it.
    """
    tokens = [match[1] for match in _TOKEN.finditer(text)]
    parser = _Parser(tokens)
    try:
        expression = parser.alternatives()
    except _NotAnExpressionError:
        return None
    return expression if parser.done else None


def every(parts: Iterator[Expression]) -> Expression | None:
    """All of `parts` at once; None if there are none."""
    unique = tuple(dict.fromkeys(parts))
    return None if not unique else unique[0] if len(unique) == 1 else All(unique)


def permitted(expression: Expression, allow: Set[str]) -> tuple[str, ...]:
    """The licences under which `allow` lets the expression be used, sorted; empty if it does not.

    Of alternatives every allowed one is named. An exception only adds permissions, so ``X WITH E`` is allowed where
    ``X`` is, or where the list names it in full.
    """
    if isinstance(expression, Licence):
        return (str(expression),) if not allow.isdisjoint((expression.identifier, str(expression))) else ()
    parts = [permitted(part, allow) for part in expression.parts]
    if isinstance(expression, All) and not all(parts):
        return ()
    return tuple(sorted({name for part in parts for name in part}))


def identifiers(expression: Expression) -> set[str]:
    """The identifiers in it, without exceptions."""
    if isinstance(expression, Licence):
        return {expression.identifier}
    return {name for part in expression.parts for name in identifiers(part)}


class _NotAnExpressionError(Exception):
    pass


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def done(self) -> bool:
        return self._at == len(self._tokens)

    def alternatives(self) -> Expression:
        parts = [self._conjunction()]
        while self._take("OR"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _conjunction(self) -> Expression:
        parts = [self._single()]
        while self._take("AND"):
            parts.append(self._single())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _single(self) -> Expression:
        if self._take("("):
            inside = self.alternatives()
            if not self._take(")"):
                raise _NotAnExpressionError
            return inside
        identifier = canonical(self._next())
        if identifier is None:
            raise _NotAnExpressionError
        return Licence(identifier, self._next() if self._take("WITH") else "")

    def _take(self, wanted: str) -> bool:
        if not self.done and self._tokens[self._at].upper() == wanted:
            self._at += 1
            return True
        return False

    def _next(self) -> str:
        if self.done or self._tokens[self._at].upper() in _OPERATORS | {"(", ")"}:
            raise _NotAnExpressionError
        self._at += 1
        return self._tokens[self._at - 1]
