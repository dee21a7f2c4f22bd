"""Tracebacks by themselves: what interpreters from 3.9 to 3.13 print, and where tracebacks turn up."""

from __future__ import annotations

import pytest
from diagnostic_samples import VERSIONS, read

from quantatissu.diagnostics import Diagnostic, Location, parse, parse_traceback


def _script(version: str, name: str) -> Diagnostic:
    [found] = read(version, f"script_{name}.txt")
    return found


@pytest.mark.parametrize("version", VERSIONS)
class TestScripts:
    def test_cause(self, version: str) -> None:
        found = _script(version, "cause")
        assert (found.tool, found.kind, found.code) == ("python", "runtime", "bank.core.BankError")
        assert found.message == "cannot read:\n{"
        assert [frame.function for frame in found.frames] == ["<module>", "parse"]
        assert found.location == Location("/project/bank/core.py", 16)
        assert [item.code for item in found.causes] == ["json.decoder.JSONDecodeError"]

    def test_context(self, version: str) -> None:
        found = _script(version, "context")
        assert found.code == "NameError"
        assert [item.code for item in found.causes] == ["ValueError"]
        assert found.frames[-1].source == "return undefined_name(text)"

    def test_recursion(self, version: str) -> None:
        found = _script(version, "recursion")
        assert found.code == "RecursionError"
        assert [frame.function for frame in found.frames[:2]] == ["<module>", "descend"]
        assert "Previous line repeated" in found.raw

    def test_bare_exception(self, version: str) -> None:
        found = _script(version, "bare")
        assert (found.code, found.message) == ("bank.core.BankError", "")

    def test_syntax_error_has_line_and_column(self, version: str) -> None:
        found = _script(version, "syntax")
        assert (found.code, found.kind) == ("SyntaxError", "compile")
        line, column = (5, 3) if version == "py39-pytest62" else (2, 8)
        assert found.location == Location("/project/syntax.py", line, column)

    def test_imported_syntax_error(self, version: str) -> None:
        found = _script(version, "import_syntax")
        assert found.location is not None and found.location.path == "/project/syntax.py"
        assert found.frames[-1].source == "import syntax"

    def test_indentation(self, version: str) -> None:
        found = _script(version, "indent")
        assert (found.code, found.kind, found.message) == ("IndentationError", "compile", "unexpected indent")
        assert found.location is not None and found.location.line == 3

    def test_names(self, version: str) -> None:
        assert _script(version, "near").message.startswith("name 'countr' is not defined")
        assert _script(version, "module").message == "No module named 'a_missing_package'"
        assert _script(version, "import_name").message.startswith("cannot import name 'OrderdDict' from 'collections'")
        assert _script(version, "unicode").message == "'clé'"

    def test_statements_over_several_lines(self, version: str) -> None:
        found = _script(version, "multiline")
        assert [(frame.line, frame.function) for frame in found.frames] == [(9, "<module>"), (2, "f")]
        assert found.code == "TypeError"

    def test_code_without_source(self, version: str) -> None:
        found = _script(version, "executed")
        assert found.frames[-1].path == "<string>" and found.frames[-1].source is None

    def test_notes_belong_to_the_message(self, version: str) -> None:
        noted = "noted\nfirst note\nsecond note" if version > "py312" and version != "py39-pytest62" else "noted"
        assert _script(version, "notes").message == noted

    def test_what_follows_a_logged_traceback_is_other_output(self, version: str) -> None:
        assert _script(version, "log").message == "'k'"

    def test_fatal_error(self, version: str) -> None:
        found = _script(version, "fatal")
        assert (found.code, found.kind) == ("SIGSEGV", "runtime")
        assert [frame.function for frame in found.frames] == ["<module>", "crash", "string_at"]


@pytest.mark.parametrize("version", ["py312-pytest84", "py313-pytest9"])
def test_group_raised_from_and_by_itself(version: str) -> None:
    wrapped = _script(version, "group")
    assert (wrapped.code, wrapped.message) == ("RuntimeError", "wrapped")
    [group] = wrapped.causes
    alone = _script(version, "group_last")
    for tree in (group, alone):
        assert tree.code == "ExceptionGroup"
        assert [item.code for item in tree.causes] == ["ValueError", "ZeroDivisionError", "ExceptionGroup"]
        assert [item.code for item in tree.causes[2].causes] == ["TypeError", "KeyError"]
        assert tree.causes[0].frames[-1].function == "inner"


PLAIN = """\
Traceback (most recent call last):
  File "/a b/x.py", line 3, in f
    g()
    ~^^
  File "/a b/y.py", line 4, in <lambda>
ValueError: bad: value
"""


@pytest.mark.parametrize("prefix", ["", "    ", "worker | ", "INTERNALERROR> ", "E   ", "[12:00:01] app: "])
def test_prefixed_lines(prefix: str) -> None:
    text = "before\n" + "".join(prefix + line + "\n" for line in PLAIN.splitlines()) + "after\n"
    [found] = parse_traceback(text)
    assert (found.code, found.message) == ("ValueError", "bad: value")
    assert [(frame.path, frame.line, frame.function) for frame in found.frames] == [
        ("/a b/x.py", 3, "f"),
        ("/a b/y.py", 4, "<lambda>"),
    ]


def test_prefix_on_the_first_line_only() -> None:
    [found] = parse_traceback("2024-05-01 10:00:00 ERROR " + PLAIN + "next line\n")
    assert (found.code, found.message, len(found.frames)) == ("ValueError", "bad: value", 2)


def test_several_in_order_among_other_output() -> None:
    found = parse_traceback("x\n" + PLAIN + "\ny\n" + PLAIN.replace("ValueError", "a.b.OwnError") + "\nz")
    assert [item.code for item in found] == ["ValueError", "a.b.OwnError"]


def test_traceback_of_another_process_is_the_cause() -> None:
    text = (
        'multiprocessing.pool.RemoteTraceback: \n"""\n' + PLAIN + '"""\n\n'
        "The above exception was the direct cause of the following exception:\n\n"
        + PLAIN.replace("/a b/x.py", "/main.py")
    )
    [found] = parse_traceback(text)
    assert found.frames[0].path == "/main.py"
    assert [item.frames[0].path for item in found.causes] == ["/a b/x.py"]


def test_cut_short() -> None:
    [found] = parse_traceback('Traceback (most recent call last):\n  File "x.py", line 3, in f\n    g()\n')
    assert found.code is None and found.frames[0].line == 3
    assert parse_traceback("Traceback (most recent call last):\n") == []
    assert parse_traceback("he said Traceback (most recent call last): and left") == []


def test_a_long_chain_keeps_its_end() -> None:
    link = "During handling of the above exception, another exception occurred:\n\n"
    [found] = parse_traceback(("\n" + link).join(PLAIN.replace("bad", f"bad{n}") for n in range(300)))
    assert found.message == "bad299: value"
    depth, item = 0, found
    while item.causes:
        item, depth = item.causes[0], depth + 1
    assert 10 < depth < 100


def test_colours_of_new_interpreters() -> None:
    purple, red, off = "\x1b[35m", "\x1b[1;31m", "\x1b[0m"
    text = (
        "Traceback (most recent call last):\n"
        f'  File {purple}"/x.py"{off}, line {purple}1{off}, in {purple}<module>{off}\n'
        f"    1/{red}0{off}\n    ~^~\n{purple}ZeroDivisionError{off}: {purple}division by zero{off}\n"
    )
    [found] = parse(text)
    assert (found.code, found.message, found.frames[0].path) == ("ZeroDivisionError", "division by zero", "/x.py")
