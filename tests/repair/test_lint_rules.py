"""Every fixer on a small case, with the real linter as judge, and what must be left alone."""

from __future__ import annotations

import ast
import time
from pathlib import Path

import pytest

from quantatissu.repair.lint.files import FileFixes, fix_file
from quantatissu.repair.lint.ruff import Ruff
from quantatissu.repair.lint.rules import FIXERS
from quantatissu.repair.lint.steps import Patchwork
from quantatissu.repair.texts import TextFile, decode


def fixed(root: Path, text: str, rules: str, name: str = "module.py", *, risky: bool = True) -> tuple[str, FileFixes]:
    """The text with all that can be fixed of some rules, and what was found and left."""
    ruff = Ruff(root, tuple(rules.split(",")))
    file = decode(text.encode())
    assert isinstance(file, TextFile)
    (root / name).write_bytes(text.encode())
    found, _ = ruff.check_path(root / name)
    wanted = {finding.code for finding in found.get(name, ())}
    result = fix_file(ruff, name, file, rules=wanted, risky=risky, deadline=time.monotonic() + 60)
    return Patchwork(text).compose(result.units), result


CASES = {
    "UP031": ('a, b = 1, "x"\nprint("%d of %5s" % (a, b))\n', 'print(f"{a:d} of {b:>5}")'),
    "E741": ("def f(pairs):\n    return [l + 1 for l in pairs]\n", "[item + 1 for item in pairs]"),
    "A001": ("def f():\n    list = [1]\n    return list\n", "    list_ = [1]\n    return list_"),
    "A002": ("def _f(input):\n    return input + 1\n", "def _f(input_):\n    return input_ + 1"),
    "E722": ("try:\n    print()\nexcept:\n    print(1)\n", "except Exception:"),
    "B904": (
        "try:\n    print()\nexcept OSError:\n    raise ValueError('x')\n",
        "except OSError as err:\n    raise ValueError('x') from err",
    ),
    "SIM105": (
        "try:\n    print()\nexcept OSError:\n    pass  # gone\n",
        "# gone\nwith contextlib.suppress(OSError):\n    print()",
    ),
    "SIM102": ("def f(a, b):\n    if a:\n        if b:\n            print()\n", "    if a and b:\n        print()"),
    "SIM103": ("def f(a):\n    if a > 1:\n        return True\n    return False\n", "    return a > 1"),
    "SIM108": ("def f(a):\n    if a:\n        b = 1\n    else:\n        b = 2\n    return b\n", "b = 1 if a else 2"),
    "SIM115": (
        "def f(p):\n    data = open(p).read()\n    for line in open(p):\n        print(line, data)\n",
        "    with open(p) as file:\n        data = file.read()\n    with open(p) as file:\n        for line in file:\n",
    ),
    "SIM117": ("def f(a, b):\n    with a:\n        with b:\n            print()\n", "    with a, b:\n        print()"),
    "RET503": ("def f(a):\n    if a:\n        return 1\n    print()\n", "    print()\n    return None"),
    "RET504": ("def f(a):\n    b = a + 1\n    return b\n", "    return a + 1"),
    "RET505": (
        "def f(a):\n    if a:\n        return 1\n    else:\n        return 2\n",
        "        return 1\n    return 2",
    ),
    "E701": ("def f(a):\n    if a: print()\n", "    if a:\n        print()"),
    "E702": ("a = 1; b = 2\n", "a = 1\nb = 2\n"),
    "E711": ("def f(a):\n    return a == None\n", "return a is None"),
    "E721": ("def f(a, b):\n    return type(a) == type(b)\n", "type(a) is type(b)"),
    "E731": ("f = lambda x: x + 1\n", "def f(x):\n    return x + 1"),
    "B006": ("def f(a=[]):\n    return a\n", "def f(a=None):\n    if a is None:\n        a = []"),
    "B007": ("def f(a):\n    for x in a:\n        print()\n", "for _x in a"),
    "B008": ("def g():\n    return 1\n\n\ndef f(a=g()):\n    return a\n", "_DEFAULT_A = g()"),
    "B023": ("def f(a):\n    for x in a:\n        yield lambda: x\n", "yield lambda x=x: x"),
    "PLW2901": (
        "def f(a):\n    for x in a:\n        x = x.strip()\n        print(x)\n",
        "for raw_x in a:\n        x = raw_x",
    ),
    "PLW1510": ("import subprocess\n\nsubprocess.run(['a'])\n", "check=False"),
    "PERF401": (
        "def f(a):\n    b = [0]\n    for x in a:\n        b.append(x + 1)\n    return b\n",
        "b.extend(x + 1 for x in a)",
    ),
    "RUF012": ("class A:\n    b = []\n", "    b: ClassVar = []"),
    "W191": ("def f():\n\treturn 1\n", "    return 1"),
    "W293": ('"""One.\n   \nTwo.\n"""\n', '"""One.\n\nTwo.\n"""'),
    "D205": ('def f():\n    """One.\n    Two.\n    """\n', '"""One.\n\n    Two.'),
    "RUF001": ('a = "Зс"\nb = "а"\n', 'b = "\\u0430"'),
    "RUF003": ("a = 1  # it’s\n", "# it`s"),
    "F811": ("import os\nimport os\n\nprint(os)\n", "import os\n\nprint(os)"),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_finding_is_fixed_and_gone(rule: str, tmp_path: Path) -> None:
    before, expected = CASES[rule]
    after, result = fixed(tmp_path, before, rule)
    assert expected in after
    assert result.found
    assert not result.left
    ast.parse(after)


def test_every_rule_of_the_table_is_one_that_ruff_knows(tmp_path: Path) -> None:
    found, refused = Ruff(tmp_path, tuple(FIXERS)).check_path(tmp_path)
    assert (found, refused) == ({}, {})


LONG = {
    "comment": "def f():\n    # " + "several words " * 9 + "\n    return 1\n",
    "comment behind": "def f():\n    return 1  # " + "several words " * 9 + "\n",
    "call": "def f(argument):\n    return argument(" + ", ".join(f"argument{n}" for n in range(12)) + ")\n",
    "string": 'def f():\n    return "' + "several words " * 12 + '"\n',
    "f-string": 'def f(value):\n    return f"' + "several {value!r} {{words}} " * 6 + '"\n',
    "escapes": 'def f():\n    return "' + "several\\nwords\\x41 " * 8 + '"\n',
    "string in a call": 'def f(g):\n    g(1, text="' + "several words " * 9 + '" % g)\n',
    "docstring": 'def f():\n    """' + "Several words. " * 9 + '"""\n',
    "line of a docstring": 'def f():\n    """One.\n\n    ' + "Several words. " * 9 + '\n    and more.\n    """\n',
    "item of a docstring": 'def f():\n    """One.\n\n    - ' + "Several words. " * 9 + '\n    """\n',
    "raising": 'def f(a):\n    if a:\n        raise ValueError("' + "several words " * 7 + '" + str(a))\n',
}


@pytest.mark.parametrize("what", LONG)
def test_long_lines_are_broken_and_the_tree_is_the_same(what: str, tmp_path: Path) -> None:
    before = LONG[what]
    after, result = fixed(tmp_path, before, "E501", risky=False)
    assert not result.left, after
    assert max(map(len, after.splitlines())) <= 88
    if "docstring" not in what:
        assert ast.dump(ast.parse(after)) == ast.dump(ast.parse(before))


def test_what_is_over_goes_in_front_of_the_next_line(tmp_path: Path) -> None:
    text = "# " + "word " * 16 + "words over\n# which goes on in the next line.\nx = 1\n"
    after, _ = fixed(tmp_path, text, "E501")
    assert after.splitlines()[1] == "# over which goes on in the next line."


@pytest.mark.parametrize(
    "text",
    [
        "x = 1  # noqa: F401 " + "x" * 90 + "\n",
        "# https://example.org/" + "x" * 90 + "\n",
        'def f():\n    """One.\n\n    >>> print(' + "1, " * 40 + ')\n    """\n',
        'x = """\n' + "several words " * 9 + '\n"""\n',
    ],
    ids=["for a tool", "an address", "a doctest", "a string's own lines"],
)
def test_long_lines_that_are_left(text: str, tmp_path: Path) -> None:
    after, result = fixed(tmp_path, text, "E501")
    assert after == text
    assert {one.reason for one in result.left} <= {"no fix is known"}


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("A002", "def f(input):\n    return input\n"),  # others may pass it by name
        ("A002", "def _f(input):\n    return input\n\n\n_f(input=1)\n"),
        ("A001", "def f():\n    list = 1\n    return locals()\n"),
        ("E741", "l = 1\n"),  # a module's own name is its interface
    ],
)
def test_names_that_others_may_use_stay(rule: str, text: str, tmp_path: Path) -> None:
    after, result = fixed(tmp_path, text, rule)
    assert after == text
    assert result.left


def test_without_tests_nothing_is_changed_that_only_a_test_could_judge(tmp_path: Path) -> None:
    text = 'def f(a):\n    assert a == None\n    return "%s" % a\n'
    after, result = fixed(tmp_path, text, "E711,UP031", risky=False)
    assert after == text
    assert {one.reason for one in result.left} == {"a fix may change what the code does, and no test would tell"}


def test_an_edit_that_leaves_a_name_undefined_does_not_count(tmp_path: Path) -> None:
    text = "def f(a):\n    b = a\n    try:\n        del b\n    finally:\n        print(a)\n"
    after, _ = fixed(tmp_path, text, "F841,RET,SIM")
    compile(after, "after", "exec")


def test_lines_end_as_they_did(tmp_path: Path) -> None:
    text = CASES["SIM105"][0].replace("\n", "\r\n")
    after, result = fixed(tmp_path, text, "SIM105")
    assert not result.left
    assert after.count("\n") == after.count("\r\n")


def test_a_new_import_is_sorted_by_ruff_itself(tmp_path: Path) -> None:
    text = "import os\nimport sys\n\ntry:\n    print(os, sys)\nexcept OSError:\n    pass\n"
    after, result = fixed(tmp_path, text, "SIM105,I")
    assert not result.left
    assert after.startswith("import contextlib\nimport os\nimport sys\n")


def test_a_line_that_an_edit_made_too_long_is_broken_with_it(tmp_path: Path) -> None:
    name = "a_rather_long_name_of_a_variable"
    text = (
        f"def f({name}):\n    if {name}:\n        if not {name}.method_of_it({name}, 1):\n"
        f"            return {name}\n    return None\n"
    )
    after, result = fixed(tmp_path, text, "SIM102,E501")
    assert not result.left, after
    assert max(map(len, after.splitlines())) <= 88
