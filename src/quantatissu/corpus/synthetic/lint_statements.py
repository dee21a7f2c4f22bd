"""Lint edits of statements: handlers, defaults, idle and crowded lines."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

from quantatissu.corpus.synthetic.lint_table import Edits, File, lint_edit
from quantatissu.rewriting import Edit


@lint_edit("bare_except", "E722")
def _bare_except(file: File) -> Iterator[Edits]:
    for node in file.nodes(ast.ExceptHandler):
        if node.type is not None and node.name is None:
            start = file.source.span(node)[0] + len("except")
            yield (Edit(start, file.source.span(node.type)[1], ""),)


@lint_edit("mutable_default", "B006")
def _mutable_default(file: File) -> Iterator[Edits]:
    for node in file.nodes(ast.FunctionDef):
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if isinstance(default, ast.Constant) and (default.value is None or default.value == ""):
                yield file.replace(default, file.chance.choice(("[]", "{}")))
            elif isinstance(default, ast.Tuple) and not default.elts:
                yield file.replace(default, "[]")


@lint_edit("raise_without_from", "B904")
def _raise_without_from(file: File) -> Iterator[Edits]:
    for node in file.nodes(ast.Raise):
        if node.exc is not None and node.cause is not None:
            yield (Edit(file.source.span(node.exc)[1], file.source.span(node)[1], ""),)


@lint_edit("idle_pass", "PIE790")
def _idle_pass(file: File) -> Iterator[Edits]:
    blocks: list[ast.FunctionDef | ast.ClassDef | ast.If] = [
        *file.nodes(ast.FunctionDef),
        *file.nodes(ast.ClassDef),
        *file.nodes(ast.If),
    ]
    for node in blocks:
        last = node.body[-1]
        if file.own_line(last) and not isinstance(last, ast.Pass) and file.source.indent_of(last):
            end = file.source.line_span(last.lineno, last.end_lineno or last.lineno)[1]
            if file.text[end - 1 : end] == "\n":
                yield (Edit(end, end, f"{file.source.indent_of(last)}pass{file.source.newline}"),)


@lint_edit("assign_lambda", "E731")
def _assign_lambda(file: File) -> Iterator[Edits]:
    for node in file.nodes(ast.FunctionDef):
        match node:
            case ast.FunctionDef(decorator_list=[], returns=None, body=[ast.Return(value=ast.expr() as value)]):
                arguments = file.text[file.source.span(node)[0] : file.source.span(node.body[0])[0]]
                inner = arguments[arguments.find("(") + 1 : arguments.rfind(")")]
                plain = value.lineno == value.end_lineno and ":" not in inner and "\n" not in inner
                if plain and not isinstance(file.source.parents[node], ast.ClassDef):
                    head = f"lambda {inner}" if inner else "lambda"
                    yield file.replace(node, f"{node.name} = {head}: {file.source.segment(value)}")
            case _:
                pass


@lint_edit("one_line_if", "E701")
def _one_line_if(file: File) -> Iterator[Edits]:
    for node in file.nodes(ast.If):
        if len(node.body) == 1 and isinstance(node.body[0], ast.Return | ast.Raise | ast.Continue | ast.Break):
            start, end = file.source.span(node.test)[1], file.source.span(node.body[0])[0]
            gap = file.text[start:end]
            if re.fullmatch(r"\s*:\s*", gap) and "\n" in gap:
                yield (Edit(start, end, ": "),)


@lint_edit("semicolon", "E702")
def _semicolon(file: File) -> Iterator[Edits]:
    for node in file.nodes(ast.FunctionDef):
        for one, two in pairwise(node.body):
            if isinstance(one, ast.Assign) and isinstance(two, ast.Assign):
                start, end = file.source.span(one)[1], file.source.span(two)[0]
                if one.lineno == one.end_lineno and two.lineno == one.lineno + 1 and not file.text[start:end].strip():
                    yield (Edit(start, end, "; "),)
