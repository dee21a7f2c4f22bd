"""Small projects that fail in as many ways as runners have to report, by file name and text."""

from __future__ import annotations

CORE = """\
import json


class BankError(Exception):
    pass


def add(a, b):
    return a - b


def parse(text):
    try:
        return json.loads(text)
    except ValueError as error:
        raise BankError("cannot read:\\n" + text) from error


def load(text):
    try:
        return int(text)
    except ValueError:
        return undefined_name(text)


def descend(n):
    return descend(n)


def boxed():
    raise BankError
"""

TEST_BANK = '''\
import json
import unittest

import pytest
from bank import core


def test_add():
    """The plain case."""
    assert core.add(2, 3) == 5


def test_message():
    assert core.add(2, 3) == 5, "sum of two"


@pytest.mark.parametrize("value", ["a b - c", "x.y::z", "[1]"])
def test_param(value):
    assert value == "nope"


def test_list():
    assert [1, 2, 3, [4, 5]] == [1, 2, 4, [4, 5]]


def test_long_list():
    assert list(range(60)) == list(range(59)) + [0]


def test_dict():
    assert {"a": 1, "b": {"c": 2}} == {"a": 1, "b": {"c": 3}}


def test_text():
    assert "one\\ntwo == 2\\nthree" == "one\\nTWO\\nthree"


def test_in():
    assert 3 in [1, 2]


def test_is():
    value = core.add(1, 1)
    assert value is None


def test_less():
    assert core.add(5, 3) > 8


def test_truth():
    assert not core.add(2, 3)


def test_false():
    assert core.add(2, 2)


def test_and():
    assert core.add(3, 1) == 2 and core.add(1, 1) == 2


def test_approx():
    assert 0.5 == pytest.approx(0.1)


def test_no_raise():
    with pytest.raises(ValueError):
        core.add(1, 2)


def test_match():
    with pytest.raises(core.BankError, match="something else"):
        core.parse("{")


def test_cause():
    core.parse("{")


def test_context():
    core.load("x")


def test_recursion():
    core.descend(0)


def test_bare():
    core.boxed()


def test_local_class():
    class LocalError(Exception):
        pass

    raise LocalError("local")


def test_fail():
    pytest.fail("given up", pytrace=False)


def test_printed():
    print("=================================== FAILURES ===================================")
    print("_________________________________ test_fake __________________________________")
    print("E   assert 0 == 1")
    print("Traceback (most recent call last):\\n  File \\"x.py\\", line 1, in f\\nValueError: printed")
    assert core.add(1, 1) == 2


@pytest.fixture
def broken():
    raise OSError(2, "No such file or directory", "missing.txt")


def test_setup(broken):
    pass


@pytest.fixture
def leaves():
    yield 1
    raise RuntimeError("cannot clean up")


def test_teardown(leaves):
    pass


def test_fixture_name(no_such_fixture):
    pass


@pytest.mark.xfail(strict=True, reason="known")
def test_strict():
    pass


class TestGroup:
    def test_method(self):
        assert self.helper(1) == 2

    def helper(self, value):
        return value

    class TestInner:
        @pytest.mark.parametrize("n", [1])
        def test_deep(self, n):
            raise KeyError("absent")


class TestCase(unittest.TestCase):
    def test_equal(self):
        self.assertEqual(core.add(2, 3), 5)

    def test_raises(self):
        with self.assertRaises(ValueError):
            core.add(1, 2)


def test_json():
    json.loads("{")


def test_fine():
    pass
'''

BANK = {
    "bank/__init__.py": "",
    "bank/core.py": CORE,
    "conftest.py": "",
    "tests/test_bank.py": TEST_BANK,
    "tests/test_other.py": "from bank.core import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n",
}
COLLECT = {
    "broken.py": 'def f(:\n    return "x"\n',
    "test_dependency.py": "import a_missing_package.part\n",
    "test_name.py": "from collections import OrderdDict\n",
    "test_syntax.py": "import broken\n",
    "test_indent.py": "def test_x():\n    a = 1\n      b = 2\n",
    "test_tab.py": "if True:\n\tx = 1\n        y = 2\n",
    "test_raise.py": "raise RuntimeError('two\\nlines')\n",
    "test_param.py": "import pytest\n\n\n@pytest.mark.parametrize('a,b', [(1,)])\ndef test_x(a, b):\n    pass\n",
    "test_good.py": "def test_good():\n    pass\n",
}
CONFTEST = {"conftest.py": "import a_missing_package\n", "test_x.py": "def test_x():\n    pass\n"}
USAGE = {"test_x.py": "def test_x():\n    pass\n"}
BAD_INI = {**USAGE, "pytest.ini": "[pytest]\nthis is no setting\n"}
GROUPS = {
    "test_group.py": """\
import sys

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup


def inner():
    raise ValueError("first\\nsecond line")


def test_group():
    found = []
    for action in (inner, lambda: 1 / 0):
        try:
            action()
        except Exception as error:
            found.append(error)
    raise ExceptionGroup("several", [*found, ExceptionGroup("nested", [TypeError("deep"), KeyError("k")])])
""",
}
CRASH = {
    "test_crash.py": "import ctypes\n\n\ndef test_before():\n    pass\n\n\n"
    "def test_crash():\n    ctypes.string_at(0)\n",
}
DOCTEST = {"sums.py": 'def f(n):\n    """Twice.\n\n    >>> f(2)\n    4\n    """\n    return n + 1\n'}
SUBTESTS = {
    "test_sub.py": "def test_sub(subtests):\n    for n in (1, 2, 3):\n        with subtests.test('odd', n=n):\n"
    "            assert n % 2 == 1\n"
}
INNER = {
    "conftest.py": "pytest_plugins = ['pytester']\n",
    "test_outer.py": "def test_outer(pytester):\n    pytester.makepyfile('def test_inner():\\n    assert 1 == 2')\n"
    "    pytester.runpytest_subprocess().assert_outcomes(passed=1)\n",
}
UNIT = {
    "bank/__init__.py": "",
    "bank/core.py": CORE,
    "test_missing.py": "import a_missing_package\n",
    "test_broken.py": "def f(:\n",
    "test_unit.py": '''\
import logging
import unittest

from bank import core


class TestUnit(unittest.TestCase):
    def test_equal(self):
        """What adding gives."""
        self.assertEqual(core.add(2, 3), 5)

    def test_equal_message(self):
        self.assertEqual(core.add(2, 3), 5, "sum : of two")

    def test_text(self):
        self.assertEqual("one\\ntwo", "one\\nTWO")

    def test_list(self):
        self.assertEqual([1, 2, 3], [1, 2, 4])

    def test_dict(self):
        self.assertEqual({"a": 1}, {"a": 2})

    def test_set(self):
        self.assertEqual({1, 2}, {2, 3})

    def test_not_equal(self):
        self.assertNotEqual(1, 1)

    def test_true(self):
        self.assertTrue(core.add(1, 1))

    def test_none(self):
        self.assertIsNone(3)

    def test_not_none(self):
        self.assertIsNotNone(None)

    def test_is(self):
        self.assertIs(1, 2)

    def test_in(self):
        self.assertIn(3, [1, 2])

    def test_not_in(self):
        self.assertNotIn(1, [1, 2])

    def test_instance(self):
        self.assertIsInstance("x", int)

    def test_greater(self):
        self.assertGreaterEqual(1, 2)

    def test_almost(self):
        self.assertAlmostEqual(1.0, 1.5)

    def test_delta(self):
        self.assertAlmostEqual(1.0, 1.5, delta=0.1)

    def test_count(self):
        self.assertCountEqual([1, 2], [2, 3])

    def test_regex(self):
        self.assertRegex("abc", "x+")

    def test_raises(self):
        with self.assertRaises(ValueError):
            core.add(1, 2)

    def test_raises_call(self):
        self.assertRaises(ValueError, core.add, 1, 2)

    def test_raises_regex(self):
        with self.assertRaisesRegex(core.BankError, "other"):
            core.parse("{")

    def test_warns(self):
        with self.assertWarns(DeprecationWarning):
            pass

    def test_sub(self):
        for n in (1, 2, 3):
            with self.subTest("odd", n=n):
                self.assertEqual(n % 2, 1)

    def test_sub_plain(self):
        for n in (1, 2):
            with self.subTest(n=n, text="a (b)"):
                self.assertLess(n, 2)

    def test_cause(self):
        core.parse("{")

    def test_logged(self):
        try:
            1 / 0
        except ZeroDivisionError:
            logging.exception("logged only")
        self.fail("explicit")

    def test_fine(self):
        pass

    @unittest.expectedFailure
    def test_unexpected(self):
        pass


class TestClassSetup(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise OSError("no class")

    def test_never(self):
        pass


if __name__ == "__main__":
    unittest.main()
''',
}
SCRIPTS = {
    "bank/__init__.py": "",
    "bank/core.py": CORE,
    "cause.py": "from bank import core\n\ncore.parse('{')\n",
    "context.py": "from bank import core\n\n\ndef main():\n    core.load('x')\n\n\nmain()\n",
    "recursion.py": "from bank import core\n\ncore.descend(0)\n",
    "bare.py": "from bank import core\n\ncore.boxed()\n",
    "blank.py": "raise ValueError('first\\n\\nafter a blank line\\n  indented')\n",
    "syntax.py": "def f():\n    return (1,\n\n\nx = 2\n",
    "indent.py": "def f():\n    x = 1\n      y = 2\n",
    "import_syntax.py": "import syntax\n",
    "unicode.py": "naïve = {}\nnaïve['clé']\n",
    "near.py": "counter = 1\nprint(countr)\n",
    "attribute.py": "import collections\n\ncollections.OrderdDict\n",
    "import_name.py": "from collections import OrderdDict\n",
    "module.py": "import a_missing_package.part\n",
    "multiline.py": "def f(*values):\n    return sum(\n        value\n        for value in values\n"
    "        if value\n    )\n\n\n"
    "f(\n    1,\n    2,\n    'three',\n)\n",
    "executed.py": "exec('def g():\\n    1 / 0\\n')\ng()\n",
    "exit.py": "raise SystemExit('stopped: no input')\n",
    "notes.py": "error = ValueError('noted')\nif hasattr(error, 'add_note'):\n    error.add_note('first note')\n"
    "    error.add_note('second note')\nraise error\n",
    "group.py": GROUPS["test_group.py"] + "\n\ntry:\n    test_group()\nexcept Exception as group:\n"
    "    raise RuntimeError('wrapped') from group\n",
    "group_last.py": GROUPS["test_group.py"] + "\n\ntest_group()\n",
    "fatal.py": "import faulthandler\nimport ctypes\n\nfaulthandler.enable()\n\n\n"
    "def crash():\n    ctypes.string_at(0)\n\n\ncrash()\n",
    "match.py": "import sys\n\n\ndef f(x):\n    match x:\n        case 1:\n            return 2\n",
    "generic.py": "type Pair[T] = tuple[T, T]\n",
    "log.py": "import logging\n\nlogging.basicConfig(format='%(levelname)s:%(name)s:%(message)s')\n"
    "try:\n    {}['k']\nexcept KeyError:\n"
    "    logging.exception('while reading')\nprint('done', flush=True)\n",
}
