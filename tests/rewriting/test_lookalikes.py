"""Functions taken for one another, membership and lookup, lengths counted by hand, and variables set back."""

from __future__ import annotations

import ast

import pytest
from cases import lines, results

from quantatissu.rewriting import OPERATORS

BOTH_WAYS = [
    ("replace_attribute", "x.lstrip(p)\n", "x.removeprefix(p)\n"),
    ("replace_attribute", "x.rstrip(p)\n", "x.removesuffix(p)\n"),
    ("get_to_membership", "if d.get(k): pass\n", "if k in d: pass\n"),
    ("get_to_membership", "if not d.get(k): pass\n", "if k not in d: pass\n"),
    ("get_to_membership", "if d.get(k) is None: pass\n", "if k not in d: pass\n"),
    ("get_to_membership", "x = [a for a in b if d.get(a + 1)]\n", "x = [a for a in b if a + 1 in d]\n"),
    ("zip_to_longest", "from itertools import zip_longest\nzip(a, b)\n",
     "from itertools import zip_longest\nzip_longest(a, b, fillvalue=0)\n"),
    ("zip_to_longest", "import itertools\nzip(a, b)\n", "import itertools\nitertools.zip_longest(a, b)\n"),
    ("seconds_to_total", "x = d.seconds\n", "x = d.total_seconds()\n"),
    ("seconds_to_total", "x = (b - a).seconds // 60\n", "x = int((b - a).total_seconds()) // 60\n"),
    ("round_up", "x = a // b\n", "x = -(-a // b)\n"),
    ("round_up", "x = a // b + 1\n", "x = (a + b - 1) // b\n"),
    ("round_up", "x = int(a / b)\n", "x = -(-a // b)\n"),
    ("number_to_length", "M = '...'\ndef f(x):\n    return x - 1\n", "M = '...'\ndef f(x):\n    return x - len(M)\n"),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "before", "after"), BOTH_WAYS)
def test_there_and_back(operator: str, before: str, after: str) -> None:
    assert after in results(operator, before)
    assert before in results(OPERATORS[operator].inverse, after)


def test_zip_longest_is_imported_behind_the_other_imports() -> None:
    before = "import os\n\nx = zip(a, b)\n"
    after = "import os\nfrom itertools import zip_longest\n\nx = zip_longest(a, b, fillvalue=0)\n"
    assert after in results("zip_to_longest", before)
    assert not results("zip_to_longest", "x = zip(a, b, strict=True)\n")


def test_divisions_are_grouped_as_they_must_be() -> None:
    for text in results("round_up", "x = (a + 1) // (b - 1)\n"):
        for a in range(9):
            assert eval(compile(ast.parse(text.removeprefix("x = ").strip(), mode="eval"), "", "eval"),
                        {"a": a, "b": 4}) == -(-(a + 1) // 3)  # fmt: skip


def test_a_lookup_that_is_no_condition_stays() -> None:
    assert not results("get_to_membership", "x = d.get(k)\n")
    assert not results("get_to_membership", "if d.get(k, 0): pass\n")
    assert not results("get_to_membership", "if d['k']: pass\n")
    assert not results("membership_to_get", "if k in (1, 2): pass\n")


def test_cases_of_a_chain_change_places() -> None:
    before = lines(
        """
        def f(x):
            if x < 0:
                return 'none'
            elif x > 10:
                # many
                return 'many'
            elif x > 100:
                return 'heaps'
            else:
                return 'some'
        """
    )
    after = lines(
        """
        def f(x):
            if x < 0:
                return 'none'
            elif x > 100:
                return 'heaps'
            elif x > 10:
                # many
                return 'many'
            else:
                return 'some'
        """
    )
    assert after in results("swap_cases", before)
    assert before in results("swap_cases", after)
    assert not results("swap_cases", "if a: x()\nelif b: y()\n")


RUNS = """
def longest(levels):
    best = 0
    run = 0
    for level in levels:
        if level < 3:
            run += 1
            best = max(best, run)
    return best
"""


def test_what_a_branch_counts_is_set_back_in_its_else() -> None:
    after = RUNS.replace("    return best", "        else:\n            run = 0\n    return best")
    found = results("add_reset_branch", RUNS)
    assert after in found
    assert RUNS in results("drop_branch", after)
    assert not results("add_reset_branch", RUNS.replace("best = max(best, run)", "continue"))


def test_a_variable_that_is_asked_about_gets_another_value() -> None:
    before = lines(
        """
        OTHER = 'other'

        def f(names, known, seen):
            for name in names:
                if name not in known:
                    seen.append(name)
                known[name] += 1
        """
    )
    after = before.replace("seen.append(name)\n", "seen.append(name)\n            name = OTHER\n")
    assert after in results("insert_assignment", before)
    assert before in results("delete_statement", after)


def test_state_is_set_back_to_what_it_was_at_the_start() -> None:
    before = lines(
        """
        class Counter:
            def __init__(self):
                self.count = 0
                self.seen = []

            def close(self):
                result = self.count
                return result
        """
    )
    after = before.replace("result = self.count\n", "result = self.count\n        self.count = 0\n")
    assert after in results("insert_assignment", before)


def test_members_of_the_own_class_come_before_those_of_others() -> None:
    text = lines(
        """
        class Bucket:
            def __init__(self, now):
                self.level = 0
                self.filled_at = now

            @property
            def full(self):
                return self.level

        class Quota:
            def __init__(self):
                self.buckets = {}
        """
    )
    found = results("replace_attribute", text)
    own = text.replace("return self.level", "return self.filled_at")
    other = text.replace("return self.level", "return self.buckets")
    assert own in found
    assert other not in found or found.index(own) < found.index(other)
    assert text.replace("return self.level", "return self.full") in found
