"""What the grammars admit, Python and git read; and they admit nearly all of what people write."""

from __future__ import annotations

import ast
import importlib
import inspect
import random
import subprocess
import textwrap
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from llguidance import LLMatcher, LLTokenizer

from quantatissu.inference.constraints import Grammar, python_expression, python_statements, unified_diff
from quantatissu.inference.constraints.compiling import Compiler
from quantatissu.inference.sampling.distribution import admitted
from quantatissu.model.packaged import packaged
from quantatissu.tokenizer import load_tokenizer

pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")

MODULES = """asyncio.base_events contextlib csv dataclasses enum fractions functools heapq http.client inspect
ipaddress json.decoder logging random statistics subprocess tokenize typing"""
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
BLOCKS += (ast.match_case, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)  # type: ignore[assignment]

NOT_PYTHON = (
    "if|class = 1|x = 0123|f() = 1|1 = x|f(a=1, b)|f(**a, *b)|f(x for x in y, z)|def f(a=1, b): pass|def f(*): pass"
    "|lambda *: 1|x = (*a)|del *a|del f()|'a' b'c'|a b|None = 1|for 1 in x: pass|import a.b as c.d|from . import"
    "|try: a|try: a\nexcept A: b\nexcept* C: d|else: a|if a:\npass|x = 1\n  y = 2|if a:\n    b\n  c"
    "|match *a:\n    case 1: pass|match a:\n    case b as _: pass|match a:\n    case b + 1: pass|match a:\n    b"
    "|class A(x for x in y): pass|f'{}'|f'{a'|f'{*a}'|f'{lambda: 1}'|'\\x1'|'a|'''a''|x := 1|a = b := c|not|1.real"
    "|a = b += 1|a, b: int = 1|(a, b) += 1|x[]|{a: b, c}|{**a for a in b}|[*a for a in b]|return = 1|raise a from"
    "|a not b|a if b|await|@a|@a\nx = 1|async x|pass x|1__0|0x|1e|(a|a)|a;;b|\n\nx\n    y|(a, *b for c in d)"
)


class Walker:
    """Answers of a model that knows nothing, but tries everything: each first byte is as likely as any other."""

    def __init__(self) -> None:
        self.tokenizer = load_tokenizer(packaged("tissu"))
        self.table = self.tokenizer.token_bytes()
        self.first = np.array([piece[0] if piece else 0 for piece in self.table])
        self.length = np.array([len(piece) for piece in self.table])
        self.end = self.tokenizer.end_of_text
        self.compile = Compiler(self.tokenizer, [self.end])

    def __call__(self, grammar: Grammar, limit: int, seed: int, begin: str = "") -> tuple[str, bool]:
        """An answer that begins like ``begin`` and then has ``limit`` more tokens at most, and whether it may end."""
        rng, matcher = np.random.default_rng(seed), self.compile(grammar)()
        answer: list[int] = []
        for token in self.tokenizer.encode(begin).tolist():
            mask = matcher.mask()
            if mask is None or not mask[token >> 5] >> (token & 31) & 1:
                break
            answer.append(matcher.accept(token, 10_000))
        for left in range(limit - 1, -1, -1):
            mask = matcher.mask()
            if mask is None:
                break
            allowed = np.flatnonzero(admitted(mask, len(self.table)))
            allowed = allowed[self.first[allowed] == rng.choice(np.unique(self.first[allowed]))]
            if rng.random() < 0.5:
                allowed = allowed[self.length[allowed] <= self.length[allowed].min() + 1]
            token = matcher.accept(int(rng.choice(allowed)), left)
            if token == self.end:
                break
            answer.append(token)
        return self.tokenizer.decode_bytes(answer).decode(errors="replace"), matcher.satisfied


@pytest.fixture(scope="module")
def walker() -> Walker:
    return Walker()


@cache
def _start(grammar: Grammar) -> LLMatcher:
    made = LLMatcher(LLTokenizer("byte"), LLMatcher.grammar_from_lark(grammar.lark), log_level=0)
    assert not made.is_error(), made.get_error()
    return made


def admits(grammar: Grammar, text: str) -> bool:
    matcher, data = _start(grammar).deep_copy(), list(text.encode())
    return matcher.try_consume_tokens(data) == len(data) and bool(matcher.is_accepting())


@cache
def sources() -> tuple[tuple[str, ast.Module], ...]:
    texts = [inspect.getsource(importlib.import_module(name)) for name in MODULES.split()]
    return tuple((text, ast.parse(text)) for text in texts)


def nodes(kind: type[ast.AST]) -> list[tuple[str, ast.AST]]:
    found = [(text, node) for text, tree in sources() for node in ast.walk(tree) if isinstance(node, kind)]
    random.Random(0).shuffle(found)
    return found


def depth(node: ast.AST) -> int:
    return isinstance(node, BLOCKS) + max(map(depth, ast.iter_child_nodes(node)), default=0)


def statements(*, written: bool, most: int) -> list[str]:
    """Statements that fit into four levels: as they are written, or in the usual spacing."""
    found: dict[str, None] = {}
    for text, node in nodes(ast.stmt):
        if len(found) == most:
            break
        assert isinstance(node, ast.stmt)
        if depth(node) > 4:
            continue
        lines = text.splitlines()[node.lineno - 1 : node.end_lineno]
        one = textwrap.dedent("\n".join(lines)) if written else ast.unparse(node)
        if len(one) <= 1000:
            found[one] = None
    return [one for one in found if parses(one)]


def parses(text: str, read: Callable[[str], object] = ast.parse) -> bool:
    try:
        read(text)
    except (SyntaxError, ValueError):
        return False
    return True


def read_expression(text: str) -> object:
    return ast.parse(text, mode="eval")


def read_indented(text: str) -> object:
    return ast.parse(f"if a:\n    if b:\n        {text}")


@pytest.mark.parametrize(
    ("grammar", "read"),
    [
        (python_statements(), ast.parse),
        (python_statements(indent=8, depth=2), read_indented),
        (python_expression(), read_expression),
    ],
)
def test_python_reads_what_is_admitted(walker: Walker, grammar: Grammar, read: Callable[[str], object]) -> None:
    begins = statements(written=False, most=300)
    rng = random.Random(1)
    whole = 0
    for seed in range(100):
        begin = rng.choice(begins)[: rng.randrange(80)] if seed % 2 else ""
        if read is read_indented:
            begin = textwrap.indent(begin, " " * 8).lstrip()
        text, satisfied = walker(grammar, rng.choice([4, 8, 12]), seed, begin)
        if satisfied:
            assert parses(text, read), text
            whole += 1
    assert whole >= 95  # an answer that begins in a deep nest may need more than 4 tokens


def test_git_reads_the_diffs(walker: Walker, tmp_path: Path) -> None:
    begin = "--- a/{0}\n+++ b/{0}\n@@ -1,3 +1,4 @@ def f():\n a\n-b\n+c\n+d\n e\n@@ -9 +10,2 @@\n f\n+g\n"
    rng = random.Random(2)
    for seed in range(110):
        path = "src/a file.py" if seed % 2 else None
        cut = begin.format(path or "a.py")
        cut = cut[: rng.randrange(cut.index("@@"), len(cut))] if seed % 10 else ""
        text, satisfied = walker(unified_diff(path=path, hunks=3, lines=4), 20 if cut else 40, seed, cut)
        assert satisfied, text
        git = ["git", "apply", "--numstat", "-"]
        done = subprocess.run(git, input=text.encode(), capture_output=True, cwd=tmp_path, check=False)
        assert done.returncode == 0, (text, done.stderr)
        added, removed, name = done.stdout.decode().rstrip("\n").split("\t")
        body = text.splitlines()[2:]
        assert int(added) == sum(line.startswith("+") for line in body)
        assert int(removed) == sum(line.startswith("-") for line in body)
        assert path in (None, name)


@pytest.mark.parametrize("open_", ["(", "f(", "[{a: ", "((b, "])
def test_deep_nests_are_closed(walker: Walker, open_: str) -> None:
    levels = 28 // len(open_.strip())
    text, satisfied = walker(python_expression(), 32, 0, open_ * levels)
    assert satisfied, text
    read_expression(text)


@pytest.mark.parametrize("written", [False, True])
def test_nearly_all_statements_of_the_standard_library_are_admitted(written: bool) -> None:
    texts = statements(written=written, most=520)
    missing = [text for text in texts if not admits(python_statements(), text)]
    assert len(texts) > 500
    assert len(missing) / len(texts) <= (0.02 if written else 0.005), missing[:5]


def test_nearly_all_expressions_of_the_standard_library_are_admitted() -> None:
    kept = [node for _, node in nodes(ast.expr) if not isinstance(node, (ast.Starred, ast.Slice, ast.FormattedValue))]
    texts = list(dict.fromkeys(ast.unparse(node) for node in kept[:3500]))
    texts = [text for text in texts if parses(text, read_expression)]
    missing = [text for text in texts if not admits(python_expression(), text)]
    assert len(texts) > 1000
    assert len(missing) / len(texts) <= 0.005, missing[:5]


@pytest.mark.parametrize(
    "text",
    [
        "match item:\n    case [1, *_] | {'a': -1.5 + 2j, **rest} if rest:\n        pass\n    case A.b(c, d=_) as e: f()",
        "match = re.match(a, b)\nmatch += 1\ncase = match.group()",
        "try:\n    a\nexcept* (B, C) as d:\n    raise e from None\nelse:\n    f\nfinally:\n    g",
        "async def f(a, b=1, /, c: int = 2, *d: *E, f, **g) -> None:\n    async with a as b, c:\n        await d",
        "with (\n    open(a) as b,  # first\n    open(c) as d,\n):\n    pass",
        "@a.b(c)\n@d\nclass E(F, metaclass=G):\n    '''H'''\n\n    i: int = 1  # j\n\n    # k\n    def l(self): ...\n",
        "x = [a for b, in c if d if e async for f in g]\nfor item, index in x: print(item, end='', *a, **b)",
        "del a, (b.c, [d[0]])\nglobal e, f\nfrom ...g import (\n    h as i,\n    j,\n)\n",
        "f\"{a!r:>{width}} {{}} {b['c']=} {d if e else g:.2f}\" f'{h}'\nrf'''\\d{i} ''j'''",
        "lambda a, /, b=1, *c, d, **e: (yield)\nx = y = yield from z\nx[1:2, ::3, ..., *a] @= b if c else d",
        "if (n := len(a)) > 10 and (\n    b is not c\n    or d not in e\n): return n, *f",
        "nota = notb = isc = inf = True; iff = ord if android else format\nx.index is iffy or x.order in inner",
    ],
)
def test_constructs(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ast.parse(text)
    assert admits(python_statements(), text)


@pytest.mark.parametrize("text", NOT_PYTHON.split("|"))
def test_what_is_not_python_is_not_admitted(text: str) -> None:
    assert not parses(text)
    assert not admits(python_statements(), text)


def test_blocks_nest_to_the_depth_and_lines_stand_at_the_indent() -> None:
    nest = ["if a:", "if b:", "if c:", "d"]
    for levels in range(4):
        for indent in (0, 4, 6):
            lines = [" " * (indent + 4 * level) + line for level, line in enumerate(nest)]
            text = "\n".join([*lines, " " * indent + "e"]).lstrip()
            assert admits(python_statements(indent=indent, depth=levels), text) == (levels == 3)
            assert not admits(python_statements(indent=indent + 1), text)


def test_counts_of_a_hunk_fit() -> None:
    grammar = unified_diff(path="a.py", lines=3)
    head = "--- a/a.py\n+++ b/a.py\n"
    assert admits(grammar, f"{head}@@ -1,2 +1,3 @@ def f():\n a\n+b\n c\n")
    assert admits(grammar, f"{head}@@ -4 +4 @@\n-a\n+b\n@@ -9,0 +10,1 @@\n+c\n")
    for wrong in (
        "@@ -1,2 +1,3 @@\n a\n+b\n",
        "@@ -1,2 +1,2 @@\n a\n b\n",
        "@@ -1,4 +1,4 @@\n a\n b\n c\n-d\n+e\n",
        "",
    ):
        assert not admits(grammar, head + wrong)
    assert not admits(grammar, "--- a/b.py\n+++ b/b.py\n@@ -1 +1 @@\n-a\n+b\n")


def test_what_makes_no_grammar_is_refused() -> None:
    for wrong in ({"indent": -1}, {"depth": -1}):
        with pytest.raises(ValueError, match="negative"):
            python_statements(**wrong)
    with pytest.raises(ValueError, match="at least one"):
        unified_diff(hunks=0)
    with pytest.raises(ValueError, match="cannot name"):
        unified_diff(path="a\nb")
