"""`if`, `elif`, `else`, `while`, and the `else` of loops."""

from __future__ import annotations

import pytest
from cases import lines, results

from quantatissu.rewriting import OPERATORS

THERE_AND_BACK = [
    ("if_to_elif", "if a:\n    x()\nif b:\n    y()\n", "if a:\n    x()\nelif b:\n    y()\n"),
    ("if_to_while", "def f(x):\n    if x:\n        x = g(x)\n", "def f(x):\n    while x:\n        x = g(x)\n"),
    ("swap_branches", "if a:\n    x()\nelse:\n    # z\n    z()\n", "if a:\n    # z\n    z()\nelse:\n    x()\n"),
    ("else_to_plain", "def f(a):\n    if a:\n        x()\n    else:\n        y()\n",
     "def f(a):\n    if a:\n        x()\n    y()\n"),
    (
        "shift_else",
        "for x in y:\n    if x:\n        break\n    else:\n        z()\n",
        "for x in y:\n    if x:\n        break\nelse:\n    z()\n",
    ),
    (
        "add_empty_branch",
        "def f(a):\n    if a:\n        x = True\n    return x\n",
        "def f(a):\n    if a:\n        x = True\n    else:\n        x = False\n    return x\n",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "before", "after"), THERE_AND_BACK)
def test_there_and_back(operator: str, before: str, after: str) -> None:
    assert after in results(operator, before)
    assert before in results(OPERATORS[operator].inverse, after)


def test_else_becomes_elif_with_another_test_of_the_function() -> None:
    before = lines(
        """
        def f(x, y):
            if x > 0:
                return 1
            else:
                return 2
            if y > 0:
                return 3
        """
    )
    assert before.replace("else:", "elif y > 0:") in results("else_to_elif", before)


def test_a_branch_is_dropped() -> None:
    before = "if a:\n    x()\nelif b:\n    y()\nelse:\n    z()\nw()\n"
    without_else, without_elif = before.replace("else:\n    z()\n", ""), before.replace("elif b:\n    y()\n", "")
    assert results("drop_branch", before) == [without_else, without_elif]


def test_elif_stays_where_a_chain_needs_it() -> None:
    assert results("if_to_elif", "if a:\n    x()\nelse:\n    w()\nif b:\n    y()\n") == []  # the first one has an else
    assert results("while_to_if", "while a:\n    break\n") == []
    assert results("if_to_while", "if a:\n    x()\nelse:\n    y()\n") == []


def test_a_lock_used_elsewhere_is_taken() -> None:
    before = lines(
        """
        class Counter:
            def up(self):
                with self.lock:
                    self.n += 1

            def down(self):
                self.n -= 1
        """
    )
    after = before.replace("        self.n -= 1", "        with self.lock:\n            self.n -= 1")
    assert after in results("wrap_with", before)
    assert before in results("unwrap_block", after)
