"""What the rest of the project can lend to an edit: names, members, signatures and donor expressions."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from quantatissu.rewriting.source import FunctionNode, Source


@dataclass(frozen=True, slots=True)
class Signature:
    """A function defined in the project: parameter names in order (without ``self``/``cls`` for methods)."""

    name: str
    parameters: tuple[str, ...]
    keyword_only: tuple[str, ...]
    required: int
    is_method: bool


@dataclass(eq=False)
class Project:
    """An index over some of a project's files, the one under repair first. Cheap to build: one walk per file."""

    sources: list[Source] = field(default_factory=list)

    def add(self, source: Source) -> None:
        self.sources.append(source)
        for name in ("attributes", "members", "siblings", "signatures", "imports"):
            self.__dict__.pop(name, None)

    @cached_property
    def attributes(self) -> Counter[str]:
        """Attribute names read or written anywhere -> how often."""
        return Counter(node.attr for node in self._walk() if isinstance(node, ast.Attribute))

    @cached_property
    def members(self) -> dict[str, Counter[str]]:
        """Base expression of an attribute access (``self``, ``os.path``) -> attribute names seen on it."""
        table: dict[str, Counter[str]] = {}
        for node in self._walk():
            if isinstance(node, ast.Attribute) and (base := dotted(node.value)):
                table.setdefault(base, Counter())[node.attr] += 1
        return table

    @cached_property
    def siblings(self) -> dict[str, Counter[str]]:
        """Member name -> the members of the classes that define it, and how many of them do."""
        table: dict[str, Counter[str]] = {}
        for source in self.sources:
            for node in source.nodes:
                if isinstance(node, ast.ClassDef):
                    members = members_of(node)
                    for name in members:
                        table.setdefault(name, Counter()).update(members)
        return table

    @cached_property
    def signatures(self) -> dict[str, list[Signature]]:
        """Function name (a class's name for its ``__init__``) -> the signatures defined under it."""
        table: dict[str, list[Signature]] = {}
        for source in self.sources:
            for node in source.nodes:
                if isinstance(node, FunctionNode):
                    owner = source.parents.get(node)
                    method = isinstance(owner, ast.ClassDef)
                    name = owner.name if method and node.name == "__init__" else node.name  # type: ignore[union-attr]
                    table.setdefault(name, []).append(_signature(node, name, method))
        return table

    @cached_property
    def imports(self) -> Counter[str]:
        """Import statements as written on one line (``from os import path``, ``import re as r``) -> how often."""
        found: Counter[str] = Counter()
        for node in self._walk():
            if isinstance(node, ast.Import):
                found.update(f"import {_alias(alias)}" for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                origin = "." * node.level + (node.module or "")
                found.update(f"from {origin} import {_alias(alias)}" for alias in node.names)
        return found

    def _walk(self) -> Iterable[ast.AST]:
        for source in self.sources:
            yield from source.nodes


def is_self(node: ast.AST) -> bool:
    """Whether a node is the name ``self`` or ``cls``."""
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def dotted(node: ast.AST) -> str | None:
    """``a.b.c`` for a chain of names and attributes, else None."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


def _alias(alias: ast.alias) -> str:
    return f"{alias.name} as {alias.asname}" if alias.asname else alias.name


def members_of(owner: ast.ClassDef) -> frozenset[str]:
    """What a class defines: methods, properties and fields in its body, and what its methods assign to ``self``."""
    found: set[str] = set()
    for node in owner.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                found.add(node.name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case ast.Assign(targets=targets):
                found.update(target.id for target in targets if isinstance(target, ast.Name))
    for part in ast.walk(owner):
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store) and dotted(part.value) == "self":
            found.add(part.attr)
    return frozenset(name for name in found if not name.startswith("__"))


def _signature(node: FunctionNode, name: str, method: bool) -> Signature:
    positional = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    static = any(dotted(decorator) == "staticmethod" for decorator in node.decorator_list)
    skip = 1 if method and not static and positional else 0
    return Signature(
        name=name,
        parameters=tuple(positional[skip:]),
        keyword_only=tuple(argument.arg for argument in node.args.kwonlyargs),
        required=max(0, len(positional) - skip - len(node.args.defaults)),
        is_method=method,
    )
