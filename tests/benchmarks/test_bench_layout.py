"""Which tests are hidden, and that hiding takes out just these."""

from __future__ import annotations

import ast

import pytest
from bench_support import PACKAGE
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.repair.layout import build, hidden, hide, names, without
from benchmarks.repair.packages import Package
from benchmarks.repair.suite import Definition, run_suite
from benchmarks.repair.tasks import Fault

TEXT = """import pytest

@pytest.mark.slow
@pytest.mark.parametrize(
    "x", [1, 2])
def test_a(x):
    def test_inner(): pass

class TestB:
    def test_b(self):
        assert True

    class Deep:
        async def test_c(self): ...

if True:
    def test_d(): pass
else:
    x = 1
"""


def test_decorators_go_with_their_function_and_the_rest_stays():
    text, removed = without(TEXT, {("test_a", 3)})
    assert removed == {("test_a", 3)}
    assert text == TEXT[: TEXT.index("@")] + TEXT[TEXT.index("\nclass TestB") :]


def test_an_emptied_block_still_compiles():
    wanted = {("TestB.test_b", 10), ("TestB.Deep.test_c", 14), ("test_d", 17)}
    text, removed = without(TEXT, wanted)
    assert removed == wanted
    tree = ast.parse(text)
    assert [type(node).__name__ for node in tree.body] == ["Import", "FunctionDef", "ClassDef", "If"]
    assert "test_b" not in text and "test_d" not in text and "x = 1" in text


def test_a_function_of_that_name_elsewhere_is_left_alone():
    assert without(TEXT, {("test_a", 4), ("test_inner", 7)}) == (TEXT, set())


def test_odd_line_ends_do_not_shift_the_lines():
    text = 's = "\x0c"\r\ndef test_a(): pass\r\ndef test_b(): pass\r\n'
    assert without(text, {("test_a", 2)})[0] == 's = "\x0c"\r\ndef test_b(): pass\r\n'


@given(st.sets(st.integers(0, 30)), st.integers(0, 30), st.text(max_size=5))
def test_shown_stay_failing_go_and_the_answer_is_always_the_same(failing, shown, task_id):
    definitions = {f"tests/t.py::t{n}[{k}]": Definition("tests/t.py", n, f"t{n}") for n in range(31) for k in "ab"}
    bad = {f"tests/t.py::t{n}" for n in failing}
    secret = hidden(task_id, definitions, bad, [f"tests/t.py::t{shown}"], PACKAGE)
    assert secret == hidden(task_id, dict(reversed(definitions.items())), bad, [f"tests/t.py::t{shown}"], PACKAGE)
    assert Definition("tests/t.py", shown, f"t{shown}") not in secret
    assert bad - {f"tests/t.py::t{shown}"} <= {str(where) for where in secret}


def test_about_half_of_the_other_tests_are_hidden():
    definitions = {f"tests/t.py::t{n}": Definition("tests/t.py", n, f"t{n}") for n in range(1000)}
    assert 420 < len(hidden("some-task", definitions, [], [], PACKAGE)) < 580


def test_tests_that_no_function_in_a_test_file_defines_stay():
    definitions = {
        "README.md::doctest": None,
        "x": Definition("../elsewhere.py", 1, "test_x"),
        "y": Definition("tests/t.py", 1, "make.<locals>.test_y"),
    }
    for number in range(20):
        assert not hidden(f"task {number}", definitions, ["tests/t.py::make.<locals>.test_y"], [], PACKAGE)
    assert names(definitions, definitions) == ("../elsewhere.py::test_x", "tests/t.py::make.<locals>.test_y")


def test_hidden_tests_are_gone_and_the_others_still_run(archive, base, python, tmp_path):
    root = build(archive, [], tmp_path / "coins")
    gone = {where for where in base.definitions.values() if where and where.name in ("test_sum", "Shared.test_unit")}
    assert hide(root, gone) == gone
    seen = run_suite(PACKAGE, root, python)
    left = {test for test in base.passing if base.definitions[test] not in gone}
    assert seen.complete and seen.passed == left == base.passing - {
        "tests/test_count.py::test_sum[coins0]",
        "tests/test_count.py::test_sum[coins1]",
        "tests/test_show.py::TestShow::test_unit",
    }


def test_a_fault_that_does_not_fit_is_refused(archive, tmp_path):
    with pytest.raises(ValueError, match=r"coins/count\.py:4"):
        build(archive, [Fault("coins/count.py", 4, 0, "result", "", "", "")], tmp_path / "coins")


def test_test_files_are_never_source():
    package = Package("p", ("1",), source=("p/*",), tests=("p/tests/*",))
    assert package.is_source("p/a.py") and not package.is_source("p/tests/test_a.py")
    assert not package.is_source("p/conftest.py") and not package.is_source("p/data.json")
