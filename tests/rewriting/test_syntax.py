"""Repair of text that does not compile."""

from __future__ import annotations

import random
import re

import pytest
from census import sample

from quantatissu.rewriting.scan import scan
from quantatissu.rewriting.syntax import repair_syntax, syntax_error

CASES = {
    "colon after def": ("def f(x)\n    return x\n", "def f(x):\n    return x\n", 1),
    "colon after if": ("def f(x):\n    if x > 0\n        y()\n", "def f(x):\n    if x > 0:\n        y()\n", 1),
    "semicolon for colon": ("if x;\n    y()\n", "if x:\n    y()\n", 1),
    "parenthesis at the line's end": ("y = g(h(x)\nz = 1\n", "y = g(h(x))\nz = 1\n", 1),
    "bracket inside": ("print(len([1, 2, 3))\n", "print(len([1, 2, 3]))\n", 1),
    "bracket before the next line": ("x = [1, 2, 3\ny = 4\n", "x = [1, 2, 3]\ny = 4\n", 1),
    "parenthesis before a colon": ("if f(x:\n    y()\n", "if f(x):\n    y()\n", 1),
    "parenthesis too many": ("x = (1 + 2))\n", "x = (1 + 2)\n", 1),
    "bracket of the wrong kind": ("x = f(1, 2]\n", "x = f(1, 2)\n", 1),
    "opening parenthesis": ("x = 1 + 2) * 3\n", "x = (1 + 2) * 3\n", 4),
    "quote at the line's end": ("x = 'hello\ny = 2\n", "x = 'hello'\ny = 2\n", 1),
    "quote before a comma": ("x = f('hello, 3)\n", "x = f('hello', 3)\n", 3),
    "quotes of two kinds": ("x = 'hello\"\n", "x = 'hello'\n", 2),
    "apostrophe": ("x = 'don't'\n", "x = \"don't\"\n", 2),
    "triple quotes": ('def f():\n    """Doc.\n    return 1\n', 'def f():\n    """Doc."""\n    return 1\n', 1),
    "assignment in a condition": ("if x = 3:\n    pass\n", "if x == 3:\n    pass\n", 1),
    "comparison as keyword": ("f(1, x+1=3)\n", "f(1, x+1==3)\n", 2),
    "comma": ("x = [1, 2 3]\n", "x = [1, 2, 3]\n", 1),
    "comma at a line's end": ("x = {\n    'a': 1\n    'b': 2,\n}\n", "x = {\n    'a': 1,\n    'b': 2,\n}\n", 2),
    "colon in a dictionary": ("x = {'a' 1}\n", "x = {'a': 1}\n", 8),
    "operator": ("x = a b\n", "x = a + b\n", 8),
    "operator twice": ("x = 1 + * 2\n", "x = 1 * 2\n", 4),
    "line too far in": ("def f():\n    x = 1\n      y = 2\n", "def f():\n    x = 1\n    y = 2\n", 1),
    "line too far out": ("def f():\n    x = 1\n  return x\n", "def f():\n    x = 1\n    return x\n", 1),
    "block not indented": ("def f():\nx = 1\nreturn x\n", "def f():\n    x = 1\n    return x\n", 1),
    "tab": ("def f():\n    x = 1\n\treturn x\n", "def f():\n    x = 1\n    return x\n", 1),
    "body": ("def f():\n\nx = 1\n", "def f():\n    pass\n\nx = 1\n", 2),
    "return outside": ("def f():\n    x = 1\nreturn x\n", "def f():\n    x = 1\n    return x\n", 1),
    "else if": ("if a:\n    x()\nelse if b:\n    y()\n", "if a:\n    x()\nelif b:\n    y()\n", 1),
    "elseif": ("if a:\n    x()\nelseif b:\n    y()\n", "if a:\n    x()\nelif b:\n    y()\n", 1),
    "print": ("print 'hello', x\n", "print('hello', x)\n", 1),
    "increment": ("i++\n", "i += 1\n", 1),
    "signs of other languages": ("x = a && !b\n", "x = a and not b\n", 1),
    "ternary": ("x = a ? b : c\n", "x = b if a else c\n", 1),
    "def": ("dfe f():\n    return 1\n", "def f():\n    return 1\n", 1),
    "return": ("def f():\n    retrun 1\n", "def f():\n    return 1\n", 1),
    "while": ("whlie x:\n    pass\n", "while x:\n    pass\n", 1),
    "in": ("for x xs:\n    pass\n", "for x in xs:\n    pass\n", 1),
    "from without import": ("from os path\n", "from os import path\n", 2),
    "old except": ("try:\n    x()\nexcept A, e:\n    pass\n", "try:\n    x()\nexcept A as e:\n    pass\n", 1),
    "old raise": ("raise ValueError, 'x'\n", "raise ValueError('x')\n", 1),
    "f-string brace": ("x = f'{a'\n", "x = f'{a}'\n", 1),
    "merge conflict": ("a = 1\n<<<<<<< A\nb = 2\n=======\nb = 3\n>>>>>>> B\nc = 4\n", "a = 1\nb = 2\nc = 4\n", 1),
    "await": ("def f():\n    await g()\n", "async def f():\n    await g()\n", 1),
    "curly quotes": ("x = “hello”\n", 'x = "hello"\n', 1),
    "default order": ("def f(a=1, b):\n    return a\n", "def f(a=1, b=None):\n    return a\n", 3),
    "blank behind backslash": ("x = 1 + \\ \n    2\n", "x = 1 + \\\n    2\n", 1),
    "two faults": ("def f(x)\n    x()\n\ndef g(y)\n    y()\n", "def f(x):\n    x()\n\ndef g(y):\n    y()\n", 1),
    "line ends": ("def f(x)\r\n    return x\r\n", "def f(x):\r\n    return x\r\n", 1),
    "handler": ("def f():\n    try:\n        g()\n    h()\n", "def f():\n    g()\n    h()\n", 2),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_broken_text_is_repaired(case: str) -> None:
    before, after, rank = CASES[case]
    error = syntax_error(before)
    assert error is not None
    found = [rewrite.apply(before) for rewrite in repair_syntax(before, error.lineno or 1, error.offset, error.msg)]
    assert after in found[:rank]
    assert all(syntax_error(text) is None for text in found)


def test_costs_grow_and_results_differ() -> None:
    before = "x = f(a, [b\ny = 1\n"
    found = list(repair_syntax(before, 1, 6, "'(' was never closed"))
    assert [rewrite.cost for rewrite in found] == sorted(rewrite.cost for rewrite in found)
    assert len({rewrite.apply(before) for rewrite in found}) == len(found)
    assert all(rewrite.inverse(before, "repair_syntax").apply(rewrite.apply(before)) == before for rewrite in found)


@pytest.mark.parametrize("text", ["", "\n", "x = 1\n", ")" * 50, "\x00", "(" * 300, "'''", "if", "\tx\n y", "a b c"])
@pytest.mark.parametrize(("line", "column"), [(1, None), (0, 0), (99, 99), (1, 1)])
def test_any_text_and_place_is_accepted(text: str, line: int, column: int | None) -> None:
    for rewrite in repair_syntax(text, line, column, "invalid syntax"):
        assert syntax_error(rewrite.apply(text)) is None


FAULTS = {
    "colon dropped": (r"(?m)^([ \t]*(?:if|for|while|def|class|else|try|with|elif)\b.*):$", r"\1"),
    "closing dropped": (r"\)(?=\n)", ""),
    "comma dropped": (r"(?<=\w), (?=\w+[,)])", " "),
    "quote dropped": (r"(?<=\w)['\"](?=[,)\]])", ""),
    "equals": (r"(?<=if )(\w+) == ", r"\1 = "),
    "keyword": (r"\breturn\b", "retrun"),
    "dedented": (r"(?m)^        (?=\w)", "      "),
}


def test_faults_put_into_real_files_are_undone() -> None:
    """One fault a file, of each kind: the original text must be among the repairs, nearly always among the first."""
    rng = random.Random(5)
    total = first = anywhere = 0
    for source in sample(5, seed=7):
        for pattern, text in FAULTS.values():
            places = list(re.finditer(pattern, source.text))
            if not places:
                continue
            place = rng.choice(places)
            broken = source.text[: place.start()] + place.expand(text) + source.text[place.end() :]
            error = syntax_error(broken)
            if error is None:
                continue
            repairs = repair_syntax(broken, error.lineno or 1, error.offset, error.msg)
            found = [rewrite.apply(broken) for rewrite in repairs]
            total += 1
            first += source.text in found[:3]
            anywhere += source.text in found
    assert total > 20
    assert anywhere / total > 0.9
    assert first / total > 0.8


def test_scan() -> None:
    found = scan('a = (1, \'#)\', # (\n  [2}\n) + """x\n(""" + \'open\n')
    assert list(found.comments) == [1]
    assert [bracket.sign for bracket in found.unmatched] == ["}"]
    assert found.unmatched[0].expected == "]"
    assert [string.sign for string in found.open_strings] == ["'"]
    assert found.string_lines == {4}
