"""Parsing by many threads."""

import ast
from concurrent.futures import ThreadPoolExecutor

import pytest

from quantatissu.foundation.syntax import parsed


def test_many_threads_may_parse() -> None:
    text = "\n".join(f"def f{number}(a):\n    return [a + {number} for a in (1, (2, (3,)))]" for number in range(60))
    wanted = ast.dump(ast.parse(text))
    with ThreadPoolExecutor(8) as pool:
        assert {ast.dump(tree) for tree in pool.map(lambda _: parsed(text), range(40))} == {wanted}


def test_expressions_and_errors() -> None:
    assert isinstance(parsed("a + 1", mode="eval").body, ast.BinOp)
    with pytest.raises(SyntaxError):
        parsed("def f(:")
