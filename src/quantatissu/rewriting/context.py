"""What every expression operator works with: one file inside its project, and edits that keep it valid Python.

`Context` answers where a node stands with and without its parentheses, and makes edits that add parentheses and
blanks where the grammar needs them. It caches what is costly, so one context serves all operators on a file.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, wraps
from typing import Any, TypeVar

from quantatissu.foundation.syntax import parsed
from quantatissu.rewriting import precedence
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.operators import Change, operator
from quantatissu.rewriting.precedence import Level
from quantatissu.rewriting.project import Project
from quantatissu.rewriting.source import ScopeNode, Source

Changes = Iterator[Change]
Act = TypeVar("Act", bound=Callable[..., Iterable[Change]])

_BLANK = " \t\f\r\n\\"
_TABLE = 12
_COMMENT = re.compile(r"#[^\r\n]*")


class Context:
    """One source file inside one project. Offsets are in characters, as in `Source`."""

    def __init__(self, source: Source, project: Project) -> None:
        self.source = source
        self.project = project
        self.text = source.text
        self.parents = source.parents
        self._spans: dict[ast.AST, tuple[int, int]] = {}
        self._scopes: dict[ast.AST, ScopeNode] = {}
        self._names: dict[ast.AST, dict[str, str]] = {}
        self.memory: dict[Any, Any] = {}
        self.inert = _inert(source.tree)
        self.data = _data(source.tree)

    # -- positions ------------------------------------------------------------------------------------------------

    def span(self, node: ast.AST) -> tuple[int, int]:
        """(start, end) without parentheses around; a generator that shares a call's parentheses goes without them."""
        found = self._spans.get(node)
        if found is None:
            start, end = self.source.span(node)
            if self.is_bare_generator(node):
                start, end = start + 1, end - 1
            found = self._spans[node] = (start, end)
        return found

    def is_bare_generator(self, node: ast.AST) -> bool:
        """Whether `node` is the generator in ``f(x for x in y)``, whose parentheses are the call's."""
        parent = self.parents.get(node)
        return (
            isinstance(node, ast.GeneratorExp)
            and isinstance(parent, ast.Call)
            and node is not parent.func
            and (node.end_lineno, node.end_col_offset) == (parent.end_lineno, parent.end_col_offset)
        )

    def outer(self, node: ast.AST) -> tuple[int, int]:
        """(start, end) with the parentheses that group `node`, if any."""
        start, end = self.span(node)
        text, parent = self.text, self.parents.get(node)
        if isinstance(parent, ast.ClassDef):
            return start, end
        low, high = 0, len(text)
        if hasattr(parent, "end_col_offset"):
            low, high = self.source.span(parent)  # type: ignore[arg-type]
        argument = isinstance(parent, ast.Call) and node is not parent.func
        while True:
            left, right = start - 1, end
            while left >= low and text[left] in _BLANK:
                left -= 1
            while right < high and text[right] in _BLANK:
                right += 1
            if left < low or right >= high or text[left] != "(" or text[right] != ")":
                return start, end
            if argument and right + 1 == high:
                return start, end
            start, end = left, right + 1

    def is_grouped(self, node: ast.AST) -> bool:
        """Whether parentheses of its own stand around `node`."""
        return self.outer(node) != self.span(node)

    def level(self, node: ast.AST) -> Level:
        """How tightly the node's text (as `code` gives it) binds."""
        if isinstance(node, ast.Tuple) and node.elts:
            inside = self.outer(node.elts[0])[0] > self.span(node)[0]
            return Level.ATOM if inside else Level.TUPLE
        return precedence.level(node)

    def code(self, node: ast.AST, at_least: Level = Level.TUPLE) -> str:
        """The node's text, in parentheses where it binds looser than `at_least` or could not stand alone."""
        start, end = self.span(node)
        text = self.text[start:end]
        if self.is_bare_generator(node) or self.level(node) < at_least or not _stands_alone(text):
            return f"({text})"
        return text

    # -- edits ----------------------------------------------------------------------------------------------------

    def put(self, start: int, end: int, text: str) -> Edit:
        """Replace start..end by `text`, with a blank where two words would run together."""
        before, after = self.text[start - 1 : start], self.text[end : end + 1]
        if text:
            if _wordy(before) and (_wordy(text[0]) or text[0] in "'\""):
                text = " " + text
            if _wordy(after) and _wordy(text[-1]):
                text += " "
        elif _wordy(before) and _wordy(after):
            text = " "
        return Edit(start, end, text)

    def replace(self, node: ast.AST, text: str, binds: Level = Level.ATOM) -> Edit:
        """Replace `node` by an expression, in parentheses where its place needs them and only there.

        Parentheses that `node` needed go when the new text does not; those it could do without stay.
        """
        start, end = self.span(node)
        if self.level(node) < self.required(node) <= binds and _stands_alone(text):
            return self.put(*self.outer(node), text)
        if (binds < self.required(node) or not _stands_alone(text)) and not self.is_grouped(node):
            text = f"({text})"
        return self.put(start, end, text)

    def replace_outer(self, node: ast.AST, text: str, binds: Level = Level.ATOM) -> Edit:
        """Replace `node` and the parentheses around it by an expression."""
        start, end = self.outer(node)
        if binds < self.required(node) or not _stands_alone(text):
            text = f"({text})"
        return self.put(start, end, text)

    def replace_with(self, node: ast.AST, other: ast.AST) -> Edit:
        """Replace `node` by the text of another node of this file."""
        parent = self.parents.get(node)
        if self.is_bare_generator(other) and isinstance(parent, ast.Call) and node in parent.args:
            start, end = self.span(node)
            if len(parent.args) + len(parent.keywords) == 1 and self.text[start - 1] + self.text[end] == "()":
                return self.put(start, end, self.text[slice(*self.span(other))])
        return self.replace(node, self.code(other), self.level(other))

    def swap(self, left: ast.AST, right: ast.AST) -> tuple[Edit, Edit]:
        """Exchange two nodes together with the parentheses around them."""
        return self._move(left, right), self._move(right, left)

    def _move(self, place: ast.AST, other: ast.AST) -> Edit:
        if self.is_grouped(other):
            start, end = self.outer(other)
            return self.put(*self.outer(place), self.text[start:end])
        return self.replace_outer(place, self.code(other), self.level(other))

    def wrap(self, node: ast.AST, before: str, after: str = ")") -> tuple[Edit, ...]:
        """Put an expression inside brackets: ``before`` opens one (``len(``), ``after`` closes it."""
        start, end = self.span(node)
        if self.is_bare_generator(node):
            return (self.put(start, end, f"{before}{self.text[start:end]}{after}"),)
        if self.is_grouped(node) and before.endswith("(") and len(before) > 1 and after.startswith(")"):
            start, end = self.outer(node)
            tail = (Edit(end, end, after[1:]),) if len(after) > 1 else ()
            return (self.put(start, start, before[:-1]), *tail)
        return (self._insert(start, before), self._insert(end, after))

    def _insert(self, at: int, text: str) -> Edit:
        before = self.text[at - 1 : at]
        return Edit(at, at, " " + text if _wordy(before) and _wordy(text[0]) else text)

    def token(self, left: ast.AST, right: ast.AST, pattern: re.Pattern[str]) -> tuple[int, int] | None:
        """(start, end) of the first match of `pattern` between two neighbouring operands, comments aside."""
        start, end = self.outer(left)[1], self.outer(right)[0]
        gap = self.text[start:end]
        if "#" in gap:
            gap = _COMMENT.sub(lambda comment: " " * len(comment.group()), gap)
        found = pattern.search(gap)
        return (start + found.start(), start + found.end()) if found else None

    def put_token(self, span: tuple[int, int], text: str) -> Edit:
        """Replace an operator; a word gets blanks around it where it touches its operands."""
        start, end = span
        if _wordy(text[0]):
            if self.text[start - 1 : start] not in (*_BLANK, ""):
                text = " " + text
            if self.text[end : end + 1] not in (*_BLANK, ""):
                text += " "
        return Edit(start, end, text)

    def required(self, node: ast.AST) -> Level:
        """The loosest level that may stand bare in the place of `node`."""
        return precedence.required(node, self.parents.get(node))

    # -- surroundings ---------------------------------------------------------------------------------------------

    def scope(self, node: ast.AST) -> ScopeNode:
        """`Source.scope_of`, cached."""
        found = self._scopes.get(node)
        if found is None:
            found = self._scopes[node] = self.source.scope_of(node)
        return found

    def names(self, node: ast.AST) -> dict[str, str]:
        """`Source.names_at`, cached by scope."""
        scope = self.scope(node)
        found = self._names.get(scope)
        if found is None:
            probe = _body_of(scope)
            found = self._names[scope] = self.source.names_at(probe) if probe is not None else {}
        return found

    def is_used(self, node: ast.AST) -> bool:
        """Whether somebody takes the value of this expression (it is not a statement of its own)."""
        return not isinstance(self.parents.get(node), ast.Expr)

    def is_condition(self, node: ast.AST) -> bool:
        """Whether the place of `node` only asks for truth: a test, an operand of and/or/not, a filter."""
        parent = self.parents.get(node)
        match parent:
            case ast.If() | ast.While() | ast.IfExp() | ast.Assert() | ast.match_case():
                return node is getattr(parent, "test", getattr(parent, "guard", None))
            case ast.comprehension():
                return any(node is test for test in parent.ifs)
            case ast.UnaryOp():
                return isinstance(parent.op, ast.Not)
            case ast.BoolOp():
                return node is not parent.values[-1] or self.is_condition(parent)
            case _:
                return False


@lru_cache(maxsize=64)
def _context(source: Source, project: Project, files: int) -> Context:
    return Context(source, project)


def context(source: Source, project: Project) -> Context:
    """The context of a file in a project, kept for the next call; a project that grew gets a new one."""
    return _context(source, project, len(project.sources))


def expression(
    name: str, *nodes: type[ast.AST], family: str, prior: float, inverse: str | None = None, on_data: bool = False
) -> Callable[[Act], Act]:
    """Register a function of (node, `Context`) as an operator.

    Annotations and docstrings are passed over, and constants in long tables too unless the operator works `on_data`.
    """

    def register(act: Act) -> Act:
        @operator(name, *nodes, family=family, prior=prior, inverse=inverse)
        @wraps(act)
        def apply(node: ast.AST, source: Source, project: Project) -> Iterable[Change]:
            here = context(source, project)
            if node in here.inert or (node in here.data and not on_data):
                return ()
            return act(node, here)

        return act

    return register


@lru_cache(maxsize=4096)
def _stands_alone(text: str) -> bool:
    """Whether an expression reads the same outside brackets (line breaks in it are inside its own)."""
    if "\n" not in text and "\r" not in text:
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed(text, mode="eval")
    except SyntaxError:
        return False
    return True


def _wordy(character: str) -> bool:
    return character.isalnum() or character == "_"


def _body_of(scope: ScopeNode) -> ast.AST | None:
    body = scope.body
    if isinstance(body, list):
        return body[0] if body else None
    return body


def _data(tree: ast.Module) -> set[ast.AST]:
    """Constants in displays and calls of more than a dozen members: tables, where most operators only multiply."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        match node:
            case ast.List(elts=members) | ast.Tuple(elts=members) | ast.Set(elts=members) | ast.Call(args=members):
                pass
            case ast.Dict(keys=keys, values=values):
                members = [key for key in keys if key is not None] + values
            case _:
                continue
        if len(members) > _TABLE:
            for member in members:
                constants = member.elts if isinstance(member, ast.Tuple | ast.List) else [member]
                found.update(part for part in constants if isinstance(part, ast.Constant))
    return found


def _inert(tree: ast.Module) -> set[ast.AST]:
    """Nodes that no expression operator should touch: annotations, docstrings, the fixed text of f-strings."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        match node:
            case ast.arg(annotation=ast.expr() as hint) | ast.AnnAssign(annotation=hint):
                found.update(ast.walk(hint))
            case ast.FunctionDef(returns=ast.expr() as hint) | ast.AsyncFunctionDef(returns=ast.expr() as hint):
                found.update(ast.walk(hint))
            case ast.Expr(value=ast.Constant() as constant):
                found.add(constant)
            case ast.JoinedStr():
                found.update(value for value in node.values if isinstance(value, ast.Constant))
            case ast.FormattedValue(format_spec=ast.JoinedStr() as spec):
                found.add(spec)
            case ast.MatchValue(value=value) if not isinstance(value, ast.Constant):
                found.update(ast.walk(value))
            case _:
                pass
    return found
