"""pytest's text output in all its styles, from real runs of pytest 6 to 9."""

from __future__ import annotations

import pytest
from diagnostic_samples import OUTPUTS, VERSIONS, by_test, read, stored

from quantatissu.diagnostics import parse

DETAILED = ["default", "quiet", "quieter", "verbose", "short", "long_locals", "colour", "all_reports", "workers"]
DETAILED += ["workers_verbose", "native"]

CODES = {
    "test_setup": "FileNotFoundError",
    "test_teardown": "RuntimeError",
    "test_fixture_name": "FixtureLookupError",
    "test_add": "AssertionError",
    "test_cause": "bank.core.BankError",
    "test_context": "NameError",
    "test_recursion": "RecursionError",
    "test_bare": "bank.core.BankError",
    "test_local_class": "test_bank.test_local_class.<locals>.LocalError",
    "TestGroup::test_method": "AssertionError",
    "TestGroup::TestInner::test_deep[1]": "KeyError",
    "TestCase::test_equal": "AssertionError",
    "test_json": "json.decoder.JSONDecodeError",
    "test_no_raise": "Failed",
    "test_strict": "XPASS",
}
SIDES = {  # (actual, expected)
    "test_message": ("-1", "5"),
    "test_param[a b - c]": ("'a b - c'", "'nope'"),
    "test_param[x.y::z]": ("'x.y::z'", "'nope'"),
    "test_param[[1]]": ("'[1]'", "'nope'"),
    "test_list": ("[1, 2, 3, [4, 5]]", "[1, 2, 4, [4, 5]]"),
    "test_dict": ("{'a': 1, 'b': {'c': 2}}", "{'a': 1, 'b': {'c': 3}}"),
    "test_text": (r"'one\ntwo == 2\nthree'", r"'one\nTWO\nthree'"),
    "test_in": ("3", "in [1, 2]"),
    "test_is": ("0", "None"),
    "test_less": ("2", "> 8"),
    "test_truth": ("-1", None),
    "test_false": ("0", None),
    "test_and": (None, None),
    "test_approx": ("0.5", "0.1 ± 1.0e-07"),
    "test_no_raise": (None, "ValueError"),
    "test_match": (r"'cannot read:\n{'", "'something else'"),
    "TestCase::test_equal": ("-1", "5"),
    "TestCase::test_raises": (None, "ValueError"),
    "test_json": (None, None),
}


def _runs(*names: str) -> list[str]:
    return [f"{path.parent.name}/{path.name}" for name in names for path in stored(f"pytest_{name}.txt")]


@pytest.mark.parametrize("run", _runs(*DETAILED))
def test_every_failure_of_every_style(run: str) -> None:
    found = read(*run.split("/"))
    assert len(found) == 35
    assert {item.tool for item in found} == {"pytest"}
    assert {item.kind for item in found} == {"test"}
    tests = by_test(found)
    assert tests.keys() >= CODES.keys() | SIDES.keys()
    assert {name: tests[name].code for name in CODES} == CODES
    sides = {name: (tests[name].actual, tests[name].expected) for name in SIDES}
    assert sides == SIDES


@pytest.mark.parametrize("run", _runs(*DETAILED))
def test_ids_messages_and_chains(run: str) -> None:
    found = read(*run.split("/"))
    assert sum(item.test == "tests/test_bank.py::test_add" for item in found) == 1
    assert sum(item.test == "tests/test_other.py::test_add" for item in found) == 1
    tests = by_test(found)
    cause = tests["test_cause"]
    assert cause.message == "cannot read:\n{"
    assert [item.code for item in cause.causes] == ["json.decoder.JSONDecodeError"]
    assert [item.code for item in tests["test_context"].causes] == ["ValueError"]
    assert tests["test_bare"].message == ""
    assert tests["test_fail"].message == "given up"
    assert tests["test_strict"].message == "known"
    assert "printed" not in tests["test_printed"].message
    assert "test_fake" not in tests


@pytest.mark.parametrize("run", _runs(*DETAILED))
def test_frames_run_from_the_test_to_the_place_of_the_error(run: str) -> None:
    context = by_test(read(*run.split("/")))["test_context"]
    innermost = context.frames[-1]
    assert (innermost.path.removeprefix("/project/"), innermost.line) == ("bank/core.py", 23)
    assert innermost.function == "load"
    assert innermost.source == "return undefined_name(text)"
    assert any(frame.function == "test_context" and frame.line == 82 for frame in context.frames)
    assert context.location is not None
    assert (context.location.path, context.location.line) == (innermost.path, 23)


@pytest.mark.parametrize("version", VERSIONS)
def test_line_style_has_places_and_ids(version: str) -> None:
    found = read(version, "pytest_line.txt")
    assert len(found) == 35
    tests = by_test(found)
    add = next(item for item in found if item.test == "tests/test_bank.py::test_add")
    assert (add.actual, add.expected) == ("-1", "5")
    assert add.location is not None and (add.location.path, add.location.line) == ("/project/tests/test_bank.py", 10)
    assert tests["test_context"].code == "NameError"
    assert tests["test_strict"].code == "XPASS"
    assert tests["TestGroup::TestInner::test_deep[1]"].message == "'absent'"


@pytest.mark.parametrize("version", VERSIONS)
def test_summary_alone_names_every_test(version: str) -> None:
    whole = read(version, "pytest_default.txt")
    summary = read(version, "pytest_no.txt")
    assert sorted(item.test or "" for item in summary) == sorted(item.test or "" for item in whole)
    tests = by_test(summary)
    assert (tests["test_in"].actual, tests["test_in"].expected) == ("3", "in [1, 2]")
    assert tests["test_list"].expected is None, "a message cut to the terminal's width has no sides"


@pytest.mark.parametrize("version", VERSIONS)
def test_sections_alone_name_every_test_that_shows_its_file(version: str) -> None:
    found = read(version, "pytest_no_summary.txt")
    assert len(found) == 35
    assert {"tests/test_bank.py::test_add", "tests/test_other.py::test_add"} <= {item.test for item in found}
    assert "tests/test_bank.py::TestGroup::TestInner::test_deep[1]" in {item.test for item in found}


@pytest.mark.parametrize("version", VERSIONS)
def test_collection_errors(version: str) -> None:
    tests = {item.test: item for item in read(version, "pytest_collect.txt")}
    assert len(tests) == 7
    assert tests["test_dependency.py"].code == "ModuleNotFoundError"
    assert tests["test_dependency.py"].message == "No module named 'a_missing_package'"
    assert tests["test_name.py"].code == "ImportError"
    assert tests["test_raise.py"].message == "two\nlines"
    syntax = tests["test_syntax.py"]
    assert (syntax.code, syntax.kind) == ("SyntaxError", "compile")
    assert syntax.location is not None
    assert (syntax.location.path, syntax.location.line, syntax.location.column) == ("/project/broken.py", 1, 7)
    assert [tests[name].code for name in ("test_indent.py", "test_tab.py")] == ["IndentationError", "TabError"]
    assert "parametrize" in tests["test_param.py"].message


def test_collection_errors_without_tracebacks() -> None:
    found = read("py312-pytest84", "pytest_collect_no.txt")
    assert len(found) == 7
    assert {item.test for item in found} >= {"test_dependency.py", "test_param.py"}


@pytest.mark.parametrize("run", _runs("group", "group_short"))
def test_exception_groups_keep_their_tree(run: str) -> None:
    found = read(*run.split("/"))
    group = found[0]
    assert group.test == "test_group.py::test_group"
    assert (group.code or "").removeprefix("exceptiongroup.") == "ExceptionGroup"
    codes = [(member.code or "").removeprefix("exceptiongroup.") for member in group.causes]
    assert codes == ["ValueError", "ZeroDivisionError", "ExceptionGroup"]
    assert group.causes[0].message == "first\nsecond line"
    assert [member.code for member in group.causes[2].causes] == ["TypeError", "KeyError"]


def test_crash_of_a_worker_belongs_to_its_test() -> None:
    found = read("py312-pytest84", "pytest_crash_workers.txt")
    assert [(item.test, item.code) for item in found] == [
        (None, "SIGSEGV"),
        ("test_crash.py::test_crash", "WorkerCrash"),
    ]


def test_doctest_sides() -> None:
    for path in stored("pytest_doctest.txt"):
        [found] = parse(path.read_bytes())
        assert (found.test, found.actual, found.expected) == ("sums.py::sums.f", "3", "4")


def test_subtests_have_their_parameters_in_the_id() -> None:
    found = read("py313-pytest9", "pytest_subtests.txt")
    assert [item.test for item in found] == ["test_sub.py::test_sub [odd] (n=2)", "test_sub.py::test_sub"]


def test_a_session_inside_captured_output_is_not_ours() -> None:
    [found] = read("py312-pytest84", "pytest_inner.txt")
    assert found.test == "test_outer.py::test_outer"


def test_two_sessions_in_one_output() -> None:
    text = (OUTPUTS / "py312-pytest84" / "pytest_short.txt").read_text()
    assert len(parse("make test\n" + text + "\n" + text + "\nmake: *** [Makefile:2: test] Error 1\n")) == 70


def test_a_session_cut_short_still_names_what_failed() -> None:
    text = (OUTPUTS / "py312-pytest84" / "pytest_workers_verbose.txt").read_text()
    cut = text[: text.index("=== ERRORS")].rpartition("\n")[0]
    found = parse(cut)
    assert "tests/test_bank.py::TestGroup::test_method" in {item.test for item in found}
    assert len({item.test for item in found}) >= 30


def test_carriage_returns_and_bytes_change_nothing() -> None:
    raw = (OUTPUTS / "py312-pytest84" / "pytest_default.txt").read_bytes()
    plain = parse(raw)
    assert parse(raw.replace(b"\n", b"\r\n")) == plain
    assert parse(raw.decode()) == plain


def test_command_narrows_what_is_looked_for() -> None:
    text = (OUTPUTS / "py312-pytest84" / "pytest_short.txt").read_text()
    assert "pytest" not in {item.tool for item in parse(text, command="python -m unittest")}
    unit = (OUTPUTS / "py312-pytest84" / "unittest_quiet.txt").read_text()
    assert len(parse(unit, command="python -m unittest discover")) == len(parse(unit))


def test_a_run_without_failures_has_no_diagnostics() -> None:
    text = "\n".join(
        [
            "============================= test session starts ==============================",
            "collected 1 item",
            "test_x.py::test_x Traceback (most recent call last):",
            '  File "x.py", line 1, in f',
            "ValueError: logged by a test that passes",
            "PASSED",
            "============================== 1 passed in 0.01s ===============================",
        ]
    )
    assert parse(text) == []
