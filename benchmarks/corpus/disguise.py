"""Ways to hide a copied solution: other names, another layout, no remarks. Each keeps the program's behaviour."""

from __future__ import annotations

import ast
import io
import keyword
import random
import tokenize
from collections.abc import Callable, Iterator

Disguise = Callable[[str, random.Random], str]


def verbatim(source: str, draw: random.Random) -> str:
    """As it is."""
    return source


def renamed(source: str, draw: random.Random) -> str:
    """Every function, argument and variable of its own gets another name, in remarks and docstrings too."""
    names = _own_names(ast.parse(source))
    words = ["alpha", "bravo", "cargo", "delta", "ember", "fjord", "grain", "hotel", "index", "joker", "kappa", "lemon"]
    draw.shuffle(words)
    other = {name: f"{words[at % len(words)]}_{at}" for at, name in enumerate(sorted(names))}
    result: list[tuple[int, str]] = []
    before = ""
    for token in _tokens(source):
        text = token.string
        if token.type == tokenize.NAME and before != "." and text in other:
            text = other[text]
        before = token.string
        result.append((token.type, text))
    return _respaced(source, result)


def reformatted(source: str, draw: random.Random) -> str:
    """Other indentation, other quotes, blank lines between statements, line breaks after commas inside brackets."""
    unit = draw.choice(["  ", "   ", "\t", "        "])
    lines: list[str] = []
    line, depth, level = "", 0, 0
    before: tokenize.TokenInfo | None = None
    for token in _tokens(source):
        if token.type == tokenize.INDENT:
            level += 1
        elif token.type == tokenize.DEDENT:
            level -= 1
        elif token.type in {tokenize.NEWLINE, tokenize.NL}:
            if line.strip():
                lines.append(line)
                lines.extend([""] * (token.type == tokenize.NEWLINE and draw.random() < 0.3))
            line = unit * (level + depth) if depth else ""
        elif token.type != tokenize.ENDMARKER:
            text = _requoted(token.string) if token.type == tokenize.STRING else token.string
            line = line or unit * level
            spaced = before is not None and before.end != token.start and line.strip()
            line += (" " if spaced else "") + text
            depth += (text in "([{") - (text in ")]}") if token.type == tokenize.OP else 0
            if text == "," and depth and draw.random() < 0.5:
                lines.append(line)
                line = unit * (level + depth)
        before = token
    return "\n".join([*lines, line]).rstrip() + "\n"


def stripped(source: str, draw: random.Random) -> str:
    """No comments and no docstrings."""
    without = "".join(_without_comments(source))
    lines = without.splitlines(keepends=True)
    for node in sorted(_docstrings(ast.parse(without)), key=lambda node: -node.lineno):
        first, last = node.lineno - 1, node.end_lineno or node.lineno
        indent = lines[first][: node.col_offset]
        lines[first:last] = [f"{indent}pass\n"]
    return "".join(lines)


def all_at_once(source: str, draw: random.Random) -> str:
    """Stripped, then renamed, then reformatted."""
    return reformatted(renamed(stripped(source, draw), draw), draw)


def _tokens(source: str) -> Iterator[tokenize.TokenInfo]:
    return tokenize.generate_tokens(io.StringIO(source).readline)


def _respaced(source: str, result: list[tuple[int, str]]) -> str:
    """`source` with the strings of its tokens replaced, and what is between them kept."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    pieces, at = [], 0
    for token, (_, text) in zip(_tokens(source), result, strict=True):
        if token.start[0] > len(starts) - 1:
            continue
        begin = starts[token.start[0] - 1] + token.start[1]
        pieces.append(source[at:begin] + text)
        at = max(at, begin + len(token.string))
    return "".join(pieces) + source[at:]


def _own_names(tree: ast.Module) -> set[str]:
    """Names that the program binds itself, imports excepted."""
    found: set[str] = set()
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            imported.add((node.asname or node.name).split(".")[0])
    methods = {name for name in found if name.startswith("__")}
    return {name for name in found - imported - methods if not keyword.iskeyword(name) and name != "self"}


def _requoted(text: str) -> str:
    """A plain string literal in the other quotes, where that needs no escapes."""
    for old, new in (("'", '"'), ('"', "'")):
        if text.startswith(old) and not text.startswith(old * 3) and new not in text and "\\" not in text:
            return new + text[1:-1] + new
    return text


def _without_comments(source: str) -> Iterator[str]:
    lines = source.splitlines(keepends=True)
    cuts = {token.start[0]: token.start[1] for token in _tokens(source) if token.type == tokenize.COMMENT}
    for number, line in enumerate(lines, start=1):
        if number in cuts:
            rest = line[: cuts[number]].rstrip()
            if rest:
                yield rest + "\n"
        else:
            yield line


def _docstrings(tree: ast.Module) -> Iterator[ast.Expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            first = node.body[0]
            assert isinstance(first, ast.Expr)
            yield first
