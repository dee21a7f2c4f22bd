"""`fix` from end to end on small projects with real faults, in the real sandbox."""

import subprocess

import pytest

from quantatissu.foundation import QuantaError
from quantatissu.repair.attempt import is_slow

STACK = '''\
class Stack:
    """Last in, first out."""

    def __init__(self, items=()):
        self.items = list(items)

    def push(self, item):
        self.items.append(item)
        return self

    def pop(self):
        if not self.items:
            raise IndexError("empty")
        return self.items.pop()

    def peek(self):
        return self.items[-1]

    def __len__(self):
        return len(self.items)
'''

STACK_TESTS = """\
import pytest
from stack import Stack


def test_push_pop():
    stack = Stack().push(1).push(2)
    assert stack.pop() == 2
    assert stack.pop() == 1
    with pytest.raises(IndexError):
        stack.pop()


def test_peek_keeps():
    stack = Stack([1, 2, 3])
    assert stack.peek() == 3
    assert len(stack) == 3


def test_len():
    assert len(Stack()) == 0
    assert len(Stack("ab")) == 2
"""

MONEY = """\
RATE = 0.2


def net(gross):
    return gross / (1 + RATE)


def total(prices):
    result = 0
    for price in prices:
        result += price
    return result


def largest(prices):
    best = None
    for price in prices:
        if best is None or price > best:
            best = price
    return best
"""

MONEY_TESTS = """\
from money import largest, net, total


def test_total():
    assert total([1, 2, 3]) == 6
    assert total([]) == 0


def test_largest():
    assert largest([3, 9, 4]) == 9
    assert largest([]) is None


def test_net():
    assert round(net(120), 6) == 100
"""

BASE = {"stack.py": STACK, "test_stack.py": STACK_TESTS, "money.py": MONEY, "test_money.py": MONEY_TESTS}


def broken(**faults):
    """The base project with ``file=(old, new)`` replacements made."""
    files = dict(BASE)
    for name, (old, new) in faults.items():
        assert files[f"{name}.py"].count(old) == 1
        files[f"{name}.py"] = files[f"{name}.py"].replace(old, new)
    return files


@pytest.mark.parametrize(
    ("module", "right", "wrong"),
    [
        ("stack", "self.items[-1]", "self.items[0]"),
        ("stack", "return self.items.pop()", "return self.items.pop(0)"),
        ("stack", "        return self\n", ""),
        ("stack", "if not self.items", "if self.items"),
        ("money", "result += price", "result = price"),
        ("money", "price > best", "price < best"),
        ("money", "RATE = 0.2", "RATE = 1.2"),
        ("money", "    return best\n", "        return best\n"),
    ],
)
def test_a_fault_is_repaired_as_it_was(repaired, module, right, wrong):
    result = repaired(broken(**{module: (right, wrong)}))
    assert result.status == "fixed", result.message
    assert result.patch.verified
    assert result.failing_before
    assert result.failing_after == ()
    assert list(result.patch.contents) == [f"{module}.py"]


def test_the_patch_applies_with_git(repaired, tmp_path):
    files = broken(stack=("self.items[-1]", "self.items[0]"))
    result = repaired(files)
    subprocess.run(
        ["git", "apply", "-"], input=result.patch.diff.encode(), cwd=tmp_path / "project", check=True, timeout=20
    )
    assert (tmp_path / "project/stack.py").read_bytes() == result.patch.contents["stack.py"]


def test_two_faults_in_two_files(repaired):
    files = broken(stack=("self.items[-1]", "self.items[0]"), money=("price > best", "price < best"))
    result = repaired(files)
    assert result.status == "fixed", result.message
    assert sorted(result.patch.contents) == ["money.py", "stack.py"]
    assert len(result.patch.operators) == 2


def test_crlf_and_encoding_survive(repaired):
    text = "# -*- coding: latin-1 -*-\r\n# caf\xe9\r\n" + STACK.replace("self.items[-1]", "self.items[0]").replace(
        "\n", "\r\n"
    )
    files = {"stack.py": text.encode("latin-1"), "test_stack.py": STACK_TESTS}
    result = repaired(files)
    assert result.status == "fixed"
    patched = result.patch.contents["stack.py"]
    assert patched.startswith(b"# -*- coding: latin-1 -*-\r\n# caf\xe9\r\n")
    assert patched.count(b"\n") == patched.count(b"\r\n")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("import math\n", ""),
        ("from os.path import join", "from os.path import joined"),
        ("import math", "import maths"),
        ("def area(radius):", "def area(radius)"),
        ("return join(*parts)", "return join(*parts"),
        ("def area(radius):\n    return", "def area(radius):\n  x = 1\n    return"),
    ],
)
def test_failures_at_import(repaired, right, wrong):
    good = "import math\nfrom os.path import join\n\n\ndef area(radius):\n    return math.pi * radius**2\n\n\ndef path(*parts):\n    return join(*parts)\n"
    tests = "from shapes import area, path\n\n\ndef test_area():\n    assert 3.1 < area(1) < 3.2\n\n\ndef test_path():\n    assert path('a', 'b') == 'a/b'\n"
    assert good.count(right) == 1
    result = repaired({"shapes.py": good.replace(right, wrong), "test_shapes.py": tests})
    assert result.status == "fixed", result.message


def test_a_hang(repaired):
    good = "def halve(n):\n    steps = 0\n    while n > 1:\n        n = n // 2\n        steps += 1\n    return steps\n"
    tests = "from halve import halve\n\n\ndef test_eight():\n    assert halve(8) == 3\n\n\ndef test_one():\n    assert halve(1) == 0\n"
    result = repaired({"halve.py": good.replace("n // 2", "n // 1"), "test_halve.py": tests})
    assert result.status == "fixed", result.message


def test_failing_ids_that_differ_between_the_two_workers(repaired):
    good = "def label(kind, n):\n    return f'{kind}:{n + 1}'\n"
    tests = """\
import random

import pytest
from label import label

SHUFFLED = random.SystemRandom().sample(range(20), 20)


@pytest.mark.parametrize(("kind", "at"), [(chr(97 + kind), at) for at, kind in enumerate(SHUFFLED)])
def test_label(kind, at):
    assert label(kind, at) == f"{kind}:{at + 1}"


def test_first():
    assert label("x", 0) == "x:1"
"""
    files = {"label.py": good.replace("n + 1", "n - 1"), "test_label.py": tests}
    result = repaired(files, only=("label.py",))
    assert result.status == "fixed", result.message


def test_unittest_project(repaired):
    tests = "import unittest\nfrom stack import Stack\n\n\nclass TestStack(unittest.TestCase):\n    def test_peek(self):\n        self.assertEqual(Stack([1, 2]).peek(), 2)\n\n    def test_len(self):\n        self.assertEqual(len(Stack([1])), 1)\n"
    files = {"stack.py": STACK.replace("self.items[-1]", "self.items[0]"), "test_stack.py": tests}
    result = repaired(files, test="python -m unittest")
    assert result.status == "fixed", result.message
    assert result.failing_before == ("test_stack.TestStack.test_peek",)


def test_generic_command(repaired):
    script = "from money import total\n\nassert total([1, 2, 3]) == 6, total([1, 2, 3])\n"
    files = {"money.py": MONEY.replace("result += price", "result -= price"), "check.py": script}
    result = repaired(files, test="python check.py", only=("money.py",))
    assert result.status == "fixed", result.message


def test_nothing_to_fix(repaired):
    result = repaired(BASE)
    assert (result.status, result.candidates_tried) == ("nothing_to_fix", 0)


def test_a_wrong_test_is_not_repaired_and_not_touched(repaired):
    files = {
        "m.py": "def f(x):\n    return x\n",
        "test_m.py": "import m\n\n\ndef test():\n    assert 1 == 2\n    m.f(1)\n",
    }
    result = repaired(files, max_seconds=15.0)
    assert result.status == "not_fixed"
    assert result.patch is None
    assert result.failing_after == result.failing_before == ("test_m.py::test",)


def test_partial_help_when_only_one_of_two_faults_can_be_repaired(repaired):
    files = broken(money=("price > best", "price < best"))
    files["test_impossible.py"] = "def test_never():\n    assert 1 == 2\n"
    result = repaired(files, max_seconds=20.0)
    assert result.status == "not_fixed"
    assert result.partial is not None
    assert result.partial.fixes == ("test_money.py::test_largest",)
    assert result.suspects


def test_missing_dependency_is_said_and_not_searched(repaired):
    files = {"m.py": "import cv2\n", "test_m.py": "import m\n\n\ndef test():\n    pass\n"}
    result = repaired(files)
    assert result.status == "error"
    assert "cv2" in result.message
    assert "opencv-python" in result.hint
    assert result.candidates_tried == 0


def test_flaky_tests_are_set_aside_and_named(repaired):
    flaky = (
        "import os\n\n\ndef test_now_and_then():\n    assert os.getpid() % 2 == 0 or 'QUANTA_REPORT' in os.environ\n"
    )
    files = broken(stack=("self.items[-1]", "self.items[0]"))
    files["test_flaky.py"] = flaky
    result = repaired(files)
    assert result.status == "fixed", result.message


def test_candidate_limit(repaired):
    files = {
        "m.py": "def f(x):\n    return x * 2\n",
        "test_m.py": "import m\n\n\ndef test():\n    assert m.f(2) == 'no'\n",
    }
    result = repaired(files, max_candidates=7)
    assert result.status == "not_fixed"
    assert result.candidates_tried == 7


def test_globs_limit_what_may_be_edited(repaired):
    result = repaired(broken(stack=("self.items[-1]", "self.items[0]")), only=("money.py",), max_seconds=10.0)
    assert result.status == "not_fixed"


def test_no_tests(project):
    from quantatissu.repair import FixOptions, fix

    with pytest.raises(QuantaError):
        fix(FixOptions(project({"m.py": "x = 1\n"})))


def test_missing_folder(tmp_path):
    from quantatissu.repair import FixOptions, fix

    with pytest.raises(QuantaError, match="no "):
        fix(FixOptions(tmp_path / "gone"))


def test_ids_that_differ_in_every_process(repaired):
    """Parametrizing over a set of objects that hash by address gives the tests other ids each time."""
    tests = (
        "import pytest\nfrom money import largest, total\n\n\nclass Case:\n    def __init__(self, n):\n        self.n = n\n\n\n"
        "@pytest.mark.parametrize('case', {Case(n) for n in range(40)}, ids=lambda case: str(case.n))\n"
        "@pytest.mark.parametrize('extra', list({Case(n) for n in range(9)}))\n"
        "def test_total(case, extra):\n    assert total([case.n, 1]) == case.n + 1\n\n\n"
        "def test_largest():\n    assert largest([3, 9, 4]) == 9\n"
    )
    files = {"money.py": MONEY.replace("price > best", "price < best"), "test_money.py": tests}
    result = repaired(files)
    assert result.status == "fixed", result.message


def test_tests_that_depend_on_their_order_do_not_speak_against_a_patch(repaired):
    result = repaired(
        {
            "shop.py": "closed = []\n\n\ndef total(prices):\n    return sum(prices) + 1\n",
            "test_shop.py": """\
import shop


def test_is_open_at_first():
    assert not shop.closed


def test_closes_for_good():
    shop.closed.append(shop.total([]))


def test_total():
    assert shop.total([1, 2]) == 3
""",
        }
    )
    assert result.status == "fixed"
    assert b"return sum(prices)\n" in result.patch.contents["shop.py"]


def test_several_names_lost_with_one_import_and_a_test_module_without_tests(repaired):
    result = repaired(
        {
            "shop/__init__.py": "from shop.till import pay\n",
            "shop/prices.py": "TAX = 2\n\n\ndef total(prices):\n    return sum(prices)\n",
            "shop/till.py": "BASE = TAX + 1\n\n\ndef pay(prices):\n    return total(prices) + BASE\n",
            "tests/test_pay.py": "import shop\n\n\ndef test_pay():\n    assert shop.pay([1, 2]) == 6\n",
            "tests/test_later.py": "import shop\n",
        },
        test="python -m pytest",
    )
    assert result.status == "fixed"
    assert b"from shop.prices import TAX, total\n" in result.patch.contents["shop/till.py"]


def test_a_model_is_asked_where_trying_is_slow(repaired, tmp_path):
    files = {
        "m.py": "def f(a, b):\n    total = a + b\n    if total > 3:\n        return a * b + total\n    return total - 1\n",
        "test_m.py": "import time\n\nimport m\n\n\ndef test():\n    time.sleep(0.3)\n    assert m.f(2, 5) == 'no'\n",
    }
    result = repaired(files, model=str(tmp_path / "no-model"), max_seconds=8.0)
    assert result.status == "not_fixed"
    assert any("went on without the model" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("tried", "seconds", "slow"),
    [(0, 0.9, False), (0, 1.0, True), (9, 1.0, True), (10, 1.0, False), (400, 20.0, False), (60, 20.0, True)],
)
def test_where_trying_is_slow(tried, seconds, slow):
    assert is_slow(tried, seconds) == slow
