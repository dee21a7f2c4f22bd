"""Deletion, jumps, `return`, updates and bookkeeping."""

from __future__ import annotations

import pytest
from cases import lines, results

REPAIRS = {
    "delete_statement": [
        ("def f(x):\n    x += 1\n    return x\n", "def f(x):\n    return x\n"),
        ("def f(x):\n    if x:\n        g()\n    return x\n", "def f(x):\n    if x:\n        pass\n    return x\n"),
        ("def f(x):\n    a(); b()\n", "def f(x):\n    a(); pass\n"),
        ("x = 1\ny = 2  # two\n", "x = 1\n"),
        ("@a\n@b\ndef f():\n    pass\nx = 1\n", "x = 1\n"),
    ],
    "insert_jump": [
        (
            "def f(xs):\n    total = 0\n    for x in xs:\n        total += x\n",
            "def f(xs):\n    total = 0\n    for x in xs:\n        total += x\n    return total\n",
        ),
        (
            "def f(xs, y):\n    for x in xs:\n        if x == y:\n            g(x)\n",
            "def f(xs, y):\n    for x in xs:\n        if x == y:\n            g(x)\n            break\n",
        ),
        (
            "def f(xs):\n    for x in xs:\n        if not x:\n            g(x)\n        h(x)\n",
            "def f(xs):\n    for x in xs:\n        if not x:\n            g(x)\n            continue\n        h(x)\n",
        ),
        (
            "def f(x):\n    try:\n        g()\n    except E:\n        log(x)\n",
            "def f(x):\n    try:\n        g()\n    except E:\n        log(x)\n        raise\n",
        ),
        (
            "class A:\n    def set(self, x):\n        self.x = x\n",
            "class A:\n    def set(self, x):\n        self.x = x\n        return self\n",
        ),
    ],
    "replace_jump": [
        ("for x in y:\n    if x:\n        break\n", "for x in y:\n    if x:\n        continue\n"),
        ("def f(y):\n    for x in y:\n        break\n", "def f(y):\n    for x in y:\n        return x\n"),
        (
            "def f():\n    try:\n        g()\n    except E:\n        pass\n",
            "def f():\n    try:\n        g()\n    except E:\n        raise\n",
        ),
    ],
    "add_return": [("def f(n):\n    f(n - 1)\n", "def f(n):\n    return f(n - 1)\n")],
    "drop_return": [("def f(n):\n    return f(n - 1)\n", "def f(n):\n    f(n - 1)\n")],
    "return_to_assignment": [
        (
            "def f(xs):\n    r = 0\n    for x in xs:\n        return r + x\n    return r\n",
            "def f(xs):\n    r = 0\n    for x in xs:\n        r = r + x\n    return r\n",
        )
    ],
    "assignment_to_return": [("def f(n):\n    y = n + 1\n", "def f(n):\n    return n + 1\n")],
    "insert_update": [
        (
            "def f(n):\n    i = 0\n    while i < n:\n        g(i)\n",
            "def f(n):\n    i = 0\n    while i < n:\n        g(i)\n        i += 1\n",
        )
    ],
    "insert_bookkeeping": [
        (
            "def f(xs):\n    seen = set()\n    for x in xs:\n        if x in seen:\n            return\n        g(x)\n",
            "def f(xs):\n    seen = set()\n    for x in xs:\n        if x in seen:\n            return\n"
            "        seen.add(x)\n        g(x)\n",
        ),
        (
            "def f(xs):\n    out = []\n    for x in xs:\n        y = g(x)\n    return out\n",
            "def f(xs):\n    out = []\n    for x in xs:\n        y = g(x)\n        out.append(y)\n    return out\n",
        ),
        (
            "def f(xs):\n    index = {}\n    for i, x in enumerate(xs):\n        g(i)\n",
            "def f(xs):\n    index = {}\n    for i, x in enumerate(xs):\n        g(i)\n        index[x] = i\n",
        ),
    ],
    "store_result": [
        (
            "def f(n, memo):\n    if n in memo:\n        return memo[n]\n    return f(n - 1, memo)\n",
            "def f(n, memo):\n    if n in memo:\n        return memo[n]\n"
            "    memo[n] = f(n - 1, memo)\n    return memo[n]\n",
        )
    ],
    "inline_result": [("def f(d, k):\n    d[k] = 1\n    return d[k]\n", "def f(d, k):\n    return 1\n")],
}


@pytest.mark.parametrize(
    ("operator", "before", "after"), [(name, *case) for name, cases in REPAIRS.items() for case in cases]
)
def test_operator_repairs(operator: str, before: str, after: str) -> None:
    assert after in results(operator, before)


def test_accumulator_is_the_first_guess_for_a_missing_result() -> None:
    before = "def f(xs):\n    best = None\n    count = 0\n    for x in xs:\n        count += x\n"
    assert results("insert_jump", before)[0].endswith("    return count\n")


def test_what_is_tested_for_membership_is_the_first_guess_for_bookkeeping() -> None:
    before = lines(
        """
        def visit(node, edges):
            seen = set()
            queue = [node]
            while queue:
                here = queue.pop()
                if here in seen:
                    continue
                queue.extend(edges[here])
        """
    )
    assert "seen.add(here)" in results("insert_bookkeeping", before)[0]


def test_line_ends_and_comments_outside_the_change_stay() -> None:
    before = "def f(x):\r\n\t# first\r\n\ty = x  # why\r\n\treturn y # done\r\n"
    for after in results("delete_statement", before):
        assert "\n" not in after.replace("\r\n", "")
    assert "def f(x):\r\n\t# first\r\n\treturn y # done\r\n" in results("delete_statement", before)
    assert "\ty = x  # why\r\n\tif y is None:\r\n\t\t" in "".join(results("guard", before))


def test_last_line_without_a_line_end() -> None:
    assert "def f(a):\n    b = a\n    return b" in results("insert_jump", "def f(a):\n    b = a")


@pytest.mark.parametrize(
    ("operator", "text"),
    [
        ("delete_statement", '"""Only a docstring."""\n'),
        ("delete_statement", "pass\n"),
        ("insert_jump", "x = 1\n"),  # not in a function
        ("insert_update", "def f():\n    global x\n"),
        ("drop_return", "def f(x):\n    return x\n"),
        ("add_return", "print(1)\n"),
        ("insert_bookkeeping", "def f():\n    if x: y()\n"),  # a one-line suite has no place in it
    ],
)
def test_nothing_where_it_makes_no_sense(operator: str, text: str) -> None:
    assert not [after for after in results(operator, text) if "if x: y()" not in after]
