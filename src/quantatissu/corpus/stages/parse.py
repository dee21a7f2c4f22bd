"""The stage that drops what its language's grammar cannot read.

tree-sitter repairs what it cannot parse and marks the place, so a file counts by the share of its bytes in error: one
macro it does not know is no reason to drop a C file. Languages without an installed grammar pass unchecked; which
grammars there are belongs into a build's manifest (`installed_grammars`).
"""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from quantatissu.corpus.document import Document, Drop
from quantatissu.corpus.languages import BY_NAME, LANGUAGES

if TYPE_CHECKING:
    from tree_sitter import Language as Grammar
    from tree_sitter import Node, Parser, Query

# At a line's start, so also in a docstring: whether it is a statement, the tree says.
_PYTHON2_HINT = re.compile(rb"\n[ \t]*+(?:print|exec)[ \t]++[^=(\s.,:)\[|]")
_TSX = "tree_sitter_typescript:language_tsx"


# Macros that stand where the grammar knows of none put whole classes of C and C++ in error.
_LIMITS = {"python": 0.0, "java": 0.01, "go": 0.01, "c": 0.35, "c++": 0.35}


class ParseSettings(BaseModel):
    """``max_errors``: the share of a file's bytes that may be in error, and ``languages`` where another one holds;
    ``max_bytes``: files above it pass unchecked; ``python2``: whether Python with ``print`` statements stays in.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_errors: float = Field(default=0.05, ge=0, le=1)
    languages: dict[str, float] = Field(default_factory=lambda: dict(_LIMITS))
    max_bytes: int = Field(default=1_000_000, gt=0)
    python2: bool = False


@dataclass(frozen=True, slots=True)
class ParseStage:
    """Reasons: ``syntax_error``, ``python2``."""

    settings: ParseSettings
    name: str = "parse"

    def __call__(self, document: Document) -> Document | Drop:
        parser = _parser(_grammar_of(document))
        if parser is None:
            return document
        data = document.text.encode()
        if len(data) > self.settings.max_bytes:
            return document
        found = self._judge(document.language, data, parser.parse(data).root_node)
        # The grammar lags behind the language in rare places; what the running Python reads is Python.
        return document if found is None or (document.language == "python" and _python_reads(document.text)) else found

    def _judge(self, language: str, data: bytes, root: Node) -> Drop | None:
        if root.has_error:
            errors = list(_errors(root))
            share = sum(node.end_byte - node.start_byte or 1 for node in errors) / len(data)
            limit = self.settings.languages.get(language, self.settings.max_errors)
            if share > limit:
                line = errors[0].start_point[0] + 1 if errors else 1
                detail = f"share of bytes in error {share:.2g} > {limit:g}, the first on line {line:,}"
                return Drop(self.name, "syntax_error", detail)
        if language == "python" and not self.settings.python2 and (line := _python2_line(data, root)):
            return Drop(self.name, "python2", f"a statement of Python 2 on line {line:,}")
        return None


def parse_stage(settings: ParseSettings) -> ParseStage:
    """The stage for these settings."""
    return ParseStage(settings)


def installed_grammars() -> dict[str, str]:
    """The version of the installed grammar of each language that has one: whatever else is not checked."""
    versions = {}
    for language in LANGUAGES:
        if language.grammar and _grammar(language.grammar) is not None:
            distribution = language.grammar.partition(":")[0].replace("_", "-")
            versions[language.name] = importlib.metadata.version(distribution)
    return versions


def _grammar_of(document: Document) -> str:
    if document.language == "typescript" and document.origin.path.lower().endswith(".tsx"):
        return _TSX
    language = BY_NAME.get(document.language)
    return language.grammar if language else ""


@lru_cache(maxsize=64)
def _grammar(reference: str) -> Grammar | None:
    module, _, function = reference.partition(":")
    try:
        from tree_sitter import Language as Grammar

        return Grammar(getattr(importlib.import_module(module), function)())
    except ImportError:
        return None


@lru_cache(maxsize=64)
def _parser(reference: str) -> Parser | None:
    grammar = _grammar(reference) if reference else None
    if grammar is None:
        return None
    from tree_sitter import Parser

    return Parser(grammar)


def _errors(root: Node) -> Iterator[Node]:
    """The outermost nodes in error and the missing ones, in order."""
    pending = [root]
    while pending:
        node = pending.pop()
        if node.is_error or node.is_missing:
            yield node
        elif node.has_error:
            pending.extend(reversed(node.children))


def _python_reads(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def _python2_line(data: bytes, root: Node) -> int:
    """The line of the first ``print`` or ``exec`` statement; 0 if there is none."""
    if not _PYTHON2_HINT.search(data):
        return 0
    from tree_sitter import QueryCursor

    captures = QueryCursor(_python2_query()).captures(root)
    return min((node.start_point[0] + 1 for nodes in captures.values() for node in nodes), default=0)


@lru_cache(maxsize=1)
def _python2_query() -> Query:
    from tree_sitter import Query

    grammar = _grammar(BY_NAME["python"].grammar)
    assert grammar is not None, "what was parsed has a grammar"
    return Query(grammar, "[(print_statement) (exec_statement)] @python2")
