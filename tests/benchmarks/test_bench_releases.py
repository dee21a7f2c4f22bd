"""Faults from the difference between two releases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.repair.releases import hunks, trim

OLD = "import re\n\n\ndef f(x):\n    return x + 1\n\n\ndef g(x):\n    return x\n"
NEW = (
    "import re\n\n\ndef f(x):\n    if x is None:\n        return 0\n    return x + 1\n"
    '\n\ndef g(x):\n    "Doc."\n    return -x\n'
)


def test_each_hunk_is_a_fault_of_its_own():
    guard, sign = hunks("a.py", OLD, NEW, "1 -> 2")
    assert guard.apply(NEW) == NEW.replace("    if x is None:\n        return 0\n", "")
    assert "return x\n" in sign.apply(NEW) and "if x is None" in sign.apply(NEW)
    assert (guard.line, guard.operator, guard.kind) == (5, "1 -> 2", "release")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x = 1  # one\n", "x = 1  # two\n"),
        ('def f():\n    "Old."\n    return 1\n', 'def f():\n    "New."\n    return 1\n'),
        ("def f(x): return x\n", "def f(x: int) -> int: return x\n"),
        ('__version__ = "1"\n', '__version__ = "2"\n'),
        ("x: int\ny = 1\n", "y = 1\n"),
    ],
)
def test_changes_without_effect_are_no_faults(old, new):
    assert list(hunks("a.py", old, new, "")) == []


def test_long_hunks_are_left_out():
    old, new = "a = 1\n" * 6, "b = 1\n" * 6
    assert not list(hunks("a.py", old, new, "")) and list(hunks("a.py", old, new, "", max_lines=6))


def test_a_hunk_that_alone_does_not_compile_is_left_out():
    old, new = "if x:\n    a = 1\n    b = 1\n    c = 1\n", "a = 1\nb = 1\nif x:\n    c = 2\n"
    for fault in hunks("a.py", old, new, ""):
        compile(fault.apply(new), "a.py", "exec")


def test_source_that_does_not_parse_has_no_faults():
    assert list(hunks("a.py", "x = 1\n", "x = = 1\n", "")) == []


@given(st.text("ab\n", max_size=12), st.text("ab\n", max_size=12))
def test_trimming_loses_nothing(before, after):
    head, cut_before, cut_after = trim(before, after)
    assert before[:head] == after[:head]
    assert before[:head] + cut_after + before[head + len(cut_before) :] == after
