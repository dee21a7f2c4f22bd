"""Pieces of code that may serve elsewhere: expressions and statements of a file, with their identifiers located.

A piece is text on one line (a small guard: two or three) whose identifiers can be renamed without touching the rest.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from quantatissu.rewriting.blocks import is_docstring, is_elif, lines_of, parts_of
from quantatissu.rewriting.project import Project
from quantatissu.rewriting.source import FunctionNode, Source, Statement

TEST, CALL, ARITHMETIC, ACCESS, DISPLAY, OTHER = "test", "call", "arithmetic", "access", "display", "other"
MAX_LENGTH = 80
MAX_PROJECT_PIECES = 12_000
MAX_LOOKUP = 160

_GROUPS: dict[type[ast.AST], str] = {
    ast.Compare: TEST,
    ast.BoolOp: TEST,
    ast.Call: CALL,
    ast.Await: CALL,
    ast.BinOp: ARITHMETIC,
    ast.Attribute: ACCESS,
    ast.Subscript: ACCESS,
    ast.List: DISPLAY,
    ast.Tuple: DISPLAY,
    ast.Dict: DISPLAY,
    ast.Set: DISPLAY,
    ast.ListComp: DISPLAY,
    ast.DictComp: DISPLAY,
    ast.SetComp: DISPLAY,
}


@dataclass(frozen=True, slots=True)
class Piece:
    """One expression or statement.

    ``names`` are its variables, ``places`` the (start, end) of every identifier in ``text``, ``tokens`` what it is
    compared by; ``scope`` and ``owner`` are the function and the class it stands in, ``form`` its syntax without names.
    """

    text: str
    group: str
    line: int
    names: frozenset[str]
    tokens: frozenset[str]
    places: tuple[tuple[int, int], ...]
    form: int
    source: Source
    scope: ast.AST
    owner: ast.AST | None


def group_of(node: ast.AST) -> str:
    """The shape class of an expression; pieces replace others of their class."""
    if isinstance(node, ast.UnaryOp):
        return TEST if isinstance(node.op, ast.Not) else ARITHMETIC
    return _GROUPS.get(type(node), OTHER)


def likeness(one: frozenset[str], two: frozenset[str]) -> float:
    """How alike two sets of tokens are, 0 to 1 (Jaccard's coefficient)."""
    shared = len(one & two)
    return shared / (len(one) + len(two) - shared) if shared else 0.0


def tokens_of(node: ast.AST) -> frozenset[str]:
    """Names, attributes, operators, keywords and short constants of a piece of syntax."""
    found = (_token(part) for part in parts_of(node))
    return frozenset(token for token in found if token is not None)


def _token(part: ast.AST) -> str | None:
    kind = type(part)
    if kind is ast.Name:
        return part.id  # type: ignore[attr-defined, no-any-return]
    if kind is ast.Attribute:
        return "." + part.attr  # type: ignore[attr-defined, no-any-return]
    if kind is ast.Constant:
        return repr(part.value)[:20]  # type: ignore[attr-defined]
    if kind is ast.keyword:
        return f"{part.arg}="  # type: ignore[attr-defined]
    return kind.__name__ if isinstance(part, ast.operator | ast.cmpop | ast.unaryop | ast.boolop) else None


def make_piece(source: Source, node: ast.expr | ast.stmt, scope: ast.AST, owner: ast.AST | None) -> Piece | None:
    """The piece at a node; None when its text is too long or its identifiers cannot be located."""
    start, end = source.span(node)
    if end - start > MAX_LENGTH:
        return None
    text = source.text[start:end]
    if ("\n" in text and not isinstance(node, ast.If)) or "#" in text:
        return None
    line, column = node.lineno, node.col_offset
    plain = node.end_lineno == line and text.isascii()
    places: list[tuple[int, int]] = []
    names: set[str] = set()
    tokens: set[str] = set()
    form: list[type[ast.AST]] = []
    for part in parts_of(node):
        form.append(type(part))
        token = _token(part)
        if token is not None:
            tokens.add(token)
        if isinstance(part, ast.Name):
            at = part.col_offset - column if plain else source.offset(part.lineno, part.col_offset) - start
            place, name = (at, at + len(part.id)), part.id
            names.add(name)
        elif isinstance(part, ast.Attribute):
            stop, stop_line = part.end_col_offset or 0, part.end_lineno or line
            at = stop - column if plain else source.offset(stop_line, stop) - start
            place, name = (at - len(part.attr), at), part.attr
        elif isinstance(part, ast.JoinedStr | ast.Lambda | ast.NamedExpr | ast.Yield | ast.YieldFrom):
            return None  # names inside have no dependable position, or a scope or effect of their own
        else:
            continue
        if text[place[0] : place[1]] != name:
            return None
        places.append(place)
    places.sort()
    group = group_of(node) if isinstance(node, ast.expr) else type(node).__name__
    return Piece(
        text, group, line, frozenset(names), frozenset(tokens), tuple(places), hash(tuple(form)), source, scope, owner
    )


def renamed(piece: Piece, names: Mapping[str, str]) -> str:
    """The piece's text with identifiers replaced."""
    parts: list[str] = []
    at = 0
    for start, end in piece.places:
        old = piece.text[start:end]
        parts += (piece.text[at:start], names.get(old, old))
        at = end
    parts.append(piece.text[at:])
    return "".join(parts)


def identifiers(piece: Piece) -> list[str]:
    """The piece's identifiers in the order of the text."""
    return [piece.text[start:end] for start, end in piece.places]


@dataclass
class Pool:
    """The pieces of some files, found by shape class and by token."""

    by_scope: dict[tuple[ast.AST, str], list[Piece]]
    by_token: dict[tuple[str, str], list[Piece]]
    statements: dict[ast.AST, list[Piece]]  # scope -> its statements
    _places: dict[int, tuple[ast.AST, int]] = field(default_factory=dict)

    def beside(self, piece: Piece, step: int) -> Piece | None:
        """The statement before (-1) or behind (1) another one of the pool, in its function."""
        if not self._places:
            for scope, pieces in self.statements.items():
                self._places.update((id(member), (scope, index)) for index, member in enumerate(pieces))
        scope, index = self._places[id(piece)]
        pieces = self.statements[scope]
        return pieces[index + step] if 0 <= index + step < len(pieces) else None

    def add(self, piece: Piece, is_statement: bool) -> None:
        if is_statement:
            self.statements.setdefault(piece.scope, []).append(piece)
        else:
            self.by_scope.setdefault((piece.scope, piece.group), []).append(piece)
        for token in piece.tokens:
            self.by_token.setdefault((piece.group, token), []).append(piece)

    def like(self, group: str, tokens: Iterable[str]) -> list[Piece]:
        """Pieces of a class that share a token with `tokens`, those with the rarest first; bounded."""
        lists = [self.by_token.get((group, token), []) for token in sorted(tokens)]
        found: dict[int, Piece] = {}
        for pieces in sorted(lists, key=len):
            for piece in pieces[:MAX_LOOKUP]:
                found.setdefault(id(piece), piece)
            if len(found) >= MAX_LOOKUP:
                break
        return list(found.values())


def pool_of(source: Source) -> Pool:
    """All pieces of a file, collected on first use."""
    pool: Pool | None = source.__dict__.get("_pool")
    if pool is None:
        pool = source.__dict__["_pool"] = _collect([source], sys.maxsize)
    return pool


def project_pool(project: Project) -> Pool:
    """Pieces of the project's first files, up to a fixed number."""
    cached: tuple[int, Pool] | None = project.__dict__.get("_pool")
    if cached is None or cached[0] != len(project.sources):
        cached = (len(project.sources), _collect(project.sources, MAX_PROJECT_PIECES))
        project.__dict__["_pool"] = cached
    return cached[1]


def _collect(sources: Iterable[Source], limit: int) -> Pool:
    pool = Pool({}, {}, {})
    count = 0
    for source in sources:
        seen: set[tuple[str, ast.AST]] = set()
        stack: list[tuple[ast.AST, ast.AST, ast.AST | None]] = [(source.tree, source.tree, None)]
        while stack and count < limit:
            node, scope, owner = stack.pop()
            inner, holder = scope, owner
            if isinstance(node, FunctionNode):
                inner = node
            elif isinstance(node, ast.ClassDef):
                inner = holder = node
            elif isinstance(node, ast.JoinedStr | ast.Lambda):
                continue
            else:
                piece = _piece(source, node, scope, owner)
                if piece is not None and (piece.text, scope) not in seen:
                    seen.add((piece.text, scope))
                    pool.add(piece, isinstance(node, ast.stmt))
                    count += 1
            stack.extend((child, inner, holder) for child in reversed(list(ast.iter_child_nodes(node))))
    return pool


def _piece(source: Source, node: ast.AST, scope: ast.AST, owner: ast.AST | None) -> Piece | None:
    if isinstance(node, ast.expr):
        stored = isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)
        # `a.b` in `a.b.c` is seldom a piece of its own.
        if group_of(node) == OTHER or stored or isinstance(source.parents.get(node), ast.Attribute):
            return None
        return make_piece(source, node, scope, owner)
    if isinstance(node, ast.stmt) and _is_copyable(source, node):
        return make_piece(source, node, scope, owner)
    return None


def _is_copyable(source: Source, node: Statement) -> bool:
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr | ast.Return | ast.Delete | ast.Raise | ast.Assert):
        return lines_of(source, node) is not None and not is_docstring(source, node)
    if isinstance(node, ast.If) and not node.orelse and len(node.body) == 1 and not is_elif(source, node):
        short = isinstance(node.body[0], ast.Return | ast.Raise | ast.Continue | ast.Break | ast.Assign | ast.Expr)
        first = node.body[0].lineno
        return short and first == node.lineno + 1 and node.end_lineno == first and lines_of(source, node) is not None
    return False
