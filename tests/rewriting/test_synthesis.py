"""Expressions made for a place that lost its own, and the names that nothing uses any more."""

from __future__ import annotations

import pytest
from cases import lines, ranked, results

from quantatissu.rewriting import Source
from quantatissu.rewriting.unused import left_behind, taken_up, unused_names

PARSER = lines(
    """
    import re

    WORD = re.compile("[a-z]+")


    def parse(text, strict=False):
        return text.split()


    class Reader:
        def __init__(self, source):
            self.source = source

        def words(self, text):
            found = None
            return found

        def rows(self):
            for row in []:
                yield row

        def shout(self, text):
            return re.sub("a", lambda m: None, text).join(m.group(0).lower() for m in WORD.finditer(text))
    """
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("found = None", "found = parse(text)"),
        ("found = None", "found = WORD.findall(text)"),
        ("found = None", "found = len(text)"),
        ("found = None", "found = self.rows()"),
        ("for row in []", "for row in WORD.split(self.source)"),
        ("for row in []", "for row in enumerate(self.source)"),
        ("lambda m: None", "lambda m: m.group(0).lower()"),
        ("lambda m: None", "lambda m: m.group(0).upper()"),
    ],
)
def test_a_lost_expression_is_made_again(old: str, new: str) -> None:
    assert PARSER.replace(old, new) in results("placeholder_to_expression", PARSER)


def test_an_unused_variable_comes_first() -> None:
    text = lines(
        """
        def f(a, b, c):
            width = a + b
            return g(a, c, None)
        """
    )
    source = Source(text)
    statement = source.statements[-1]
    idle = unused_names(source, statement)
    assert dict(idle) == {"width": 1.0}
    using = [rewrite for _, rewrite in ranked(text) if taken_up(idle, source, rewrite)]
    assert text.replace("None", "width") in [rewrite.apply(text) for rewrite in using]


@pytest.mark.parametrize(
    "text",
    [
        "def f(a):\n    raise NotImplementedError\n",
        "def f(a):\n    return locals()\n",
        "def f(self):\n    return 1\n",
        "def f():\n    global a\n    a = 1\n",
        "def f(a):\n    def g():\n        return a\n    return g\n",
        "__all__ = ['_a']\n_a = 1\n",
    ],
)
def test_not_called_unused(text: str) -> None:
    source = Source(text)
    for statement in source.statements:
        assert not any(unused_names(source, statement).values())


def test_an_edit_that_leaves_a_variable_unread() -> None:
    text = "def f(a, b):\n    c = a\n    return c + b\n"
    source = Source(text)
    by_text = {rewrite.apply(text): rewrite for _, rewrite in ranked(text)}
    dropped = by_text["def f(a, b):\n    c = a\n    return b\n"]
    swapped = by_text["def f(a, b):\n    c = a\n    return c - b\n"]
    assert left_behind(source, source.statements[-1], dropped)
    assert not left_behind(source, source.statements[-1], swapped)


def test_there_and_back() -> None:
    before, after = "def f(a):\n    x = g(a)\n    return x\n", "def f(a):\n    x = None\n    return x\n"
    assert after in results("expression_to_placeholder", before)
    assert "def f(a):\n    x = len(a)\n    return x\n" in results("placeholder_to_expression", after)
