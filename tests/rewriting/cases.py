"""How the tests ask the operator table: a broken program, the rewrites of all its statements, and their order."""

from __future__ import annotations

from textwrap import dedent

from quantatissu.rewriting import OPERATORS, Project, Rewrite, Source, rewrites


def lines(text: str) -> str:
    """A program written indented in a test."""
    return dedent(text).lstrip("\n")


def ranked(text: str, *others: tuple[str, str], path: str = "main.py", only: frozenset[str] | None = None):
    """(weight, rewrite) of every rewrite of every statement, likeliest first; `others` are (path, text) beside it."""
    source = Source(text, path)
    project = Project([source, *(Source(content, name) for name, content in others)])
    found: list[tuple[float, int, Rewrite]] = []
    for statement in source.statements:
        for rewrite in rewrites(source, statement, project, only=only):
            found.append((rewrite.cost - OPERATORS[rewrite.operator].prior, len(found), rewrite))
    return [(weight, rewrite) for weight, _, rewrite in sorted(found)]


def results(operator: str, text: str, *others: tuple[str, str], path: str = "main.py") -> list[str]:
    """The programs that one operator makes of another, likeliest first."""
    return [rewrite.apply(text) for _, rewrite in ranked(text, *others, path=path, only=frozenset({operator}))]
