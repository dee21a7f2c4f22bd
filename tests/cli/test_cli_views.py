"""What people and programs are shown, rendered from results as the engine gives them."""

from __future__ import annotations

import dataclasses
import io
import json as jsonlib
import math

import cli_samples as samples
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from quantatissu.cli.terminal import confirm, printable
from quantatissu.cli.views import diff, json
from quantatissu.cli.views.live import LiveView, LogView
from quantatissu.cli.views.render import report, suspects
from quantatissu.repair.report import FixResult, Suspect


def shown(renderable: RenderableType, *, width: int = 100, colour: bool = False) -> str:
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=colour, color_system="truecolor")
    console.print(renderable)
    return console.export_text(styles=colour)


# -- report -----------------------------------------------------------------------------------------------------------


def test_fixed_report_has_diff_explanation_and_proof() -> None:
    text = shown(report(samples.FIXED))
    assert "Fixed" in text and samples.FIXED.message in text
    assert "3 -     return sum(prices) + rebate" in text
    assert "3 +     return sum(prices) - rebate" in text
    assert samples.make_patch().explanation in text
    for name in samples.FAILING:
        assert name in text
    assert "in a clean process" in text
    assert "1,234 tried, 308 a second, this was number 7" in text
    assert "4.0  (prepare 0.2, baseline 1.0" in text
    assert "test_clock" in text
    assert "Runner-up" not in text and "Suspicious" not in text


def test_runners_up_only_when_asked_for() -> None:
    text = shown(report(samples.FIXED, show_all=True))
    assert "Runner-up 1 · + becomes + -." in text
    assert "sum(prices) + -rebate" in text
    lonely = dataclasses.replace(samples.FIXED, alternatives=())
    assert "none passed the tests" in shown(report(lonely, show_all=True))


def test_an_unverified_patch_is_never_called_verified() -> None:
    result = dataclasses.replace(samples.FIXED, patch=samples.make_patch(verified=False))
    text = shown(report(result))
    assert "clean process" not in text
    assert "no: the whole test command was not run" in text


def test_not_fixed_report_still_helps() -> None:
    text = shown(report(samples.NOT_FIXED))
    assert "Not fixed" in text
    assert "Best partial patch: fixes 1 test\n" in text
    assert "0.97  shop/cart.py:3  run by both failing tests and by no passing one" in text
    assert text.index("shop/cart.py:3") < text.index("shop/cart.py:1 ")
    assert "12 tests: the budget left no time" in text
    assert "failing after" not in text
    assert "hint More time may help" in text


def test_nothing_to_fix_is_one_line() -> None:
    assert shown(report(samples.NOTHING)).strip() == "Nothing to fix  All 12 tests pass."


def test_the_headline_does_not_stutter() -> None:
    result = dataclasses.replace(samples.FIXED, message="Fixed: two tests pass.")
    assert shown(report(result)).startswith("Fixed: two tests pass.")


def test_interrupted_report_says_so() -> None:
    text = shown(report(samples.INTERRUPTED))
    assert text.startswith("Interrupted · not fixed")
    assert "Best partial patch" in text


def test_long_lists_of_tests_are_cut_and_counted() -> None:
    result = dataclasses.replace(samples.NOT_FIXED, failing_before=tuple(f"t.py::test_{i}" for i in range(30)))
    text = shown(report(result))
    assert "test_7" in text and "test_8" not in text
    assert "and 22 more" in text


def test_escape_sequences_of_the_project_do_not_reach_the_terminal() -> None:
    evil = "\x1b]0;owned\x07\u202eevil\x9b31m"
    result = dataclasses.replace(
        samples.NOT_FIXED,
        message=evil,
        failing_before=(evil,),
        warnings=(evil,),
        suspects=(Suspect(evil, 1, 0.9, evil, evil),),
        partial=samples.make_patch(after=samples.AFTER + f"# {evil}\n"),
        hint=evil,
    )
    text = shown(report(result, show_all=True))
    assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(text)
    assert "\\x1b]0;owned\\x07\\u202eevil\\x9b31m" in text


def test_suspects_are_cut_at_the_limit() -> None:
    many = [Suspect("a.py", line, 0.5, "why", "x") for line in range(1, 30)]
    assert "a.py:3" in shown(suspects(many, limit=3)) and "a.py:4" not in shown(suspects(many, limit=3))


# -- diff -------------------------------------------------------------------------------------------------------------


def test_changed_words_stand_out() -> None:
    coloured = shown(diff.diff_view(samples.make_patch().diff), colour=True)
    assert "\x1b[1;7;31" in coloured and "\x1b[1;7;32" in coloured


def test_changed_words_are_whole_words() -> None:
    old, new = "return total(day.year, month)", "return total(year, months)"
    gone, come = diff.changed_words(old, new)
    assert [old[a:b] for a, b in gone] == ["day.", "month"]
    assert [new[a:b] for a, b in come] == ["months"]


def test_versions_with_nothing_in_common_are_not_marked() -> None:
    assert diff.changed_words("abc def ghi", "one, two; three!") == ([], [])


def test_diff_of_several_files_new_file_and_deletion() -> None:
    text = (
        "diff --git a/new.py b/new.py\nnew file mode 100644\n--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+x = 1\n"
        "--- a/old.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-y = 2\n\\ No newline at end of file\n"
    )
    files = diff.parse(text)
    assert [(file.path, file.hunks[0].lines) for file in files] == [
        ("new.py", [("+", "x = 1")]),
        ("old.py", [("-", "y = 2")]),
    ]


def test_names_that_git_quotes_and_files_that_are_not_text() -> None:
    text = (
        'diff --git "a/caf\\303\\251.py" "b/caf\\303\\251.py"\n--- "a/caf\\303\\251.py"\n+++ "b/caf\\303\\251.py"\n'
        "@@ -1 +1 @@\n-x = 1\n+x = 2\n"
        "diff --git a/old name.py b/old name.py\nindex 1..2 100644\nGIT binary patch\ndelta 9\nQcmZ\n\n"
    )
    assert [(file.path, file.binary) for file in diff.parse(text)] == [("café.py", False), ("old name.py", True)]
    assert "old name.py" in shown(diff.diff_view(text)) and "not text" in shown(diff.diff_view(text))


def test_a_removed_line_that_looks_like_a_header_stays_a_line() -> None:
    text = "--- a/q.sql\n+++ b/q.sql\n@@ -1,2 +1,2 @@\n--- comment\n+++ comment\n x\n"
    assert diff.parse(text)[0].hunks[0].lines == [("-", "-- comment"), ("+", "++ comment"), (" ", "x")]


def test_a_string_that_stays_open_over_lines_keeps_its_lines_apart() -> None:
    before = 'x = """\n# not a comment\n"""\ny = 1\n'
    view = shown(diff.diff_view(samples.make_patch(before.replace("1", "2"), before).diff))
    assert "2   # not a comment" in view
    assert "4 - y = 1" in view and "4 + y = 2" in view


def test_long_lines_wrap_beside_the_numbers() -> None:
    before = f"x = [{', '.join(map(str, range(60)))}]\n"
    view = shown(diff.diff_view(samples.make_patch(before.replace("59", "60"), before).diff), width=60)
    assert all(len(line) <= 60 for line in view.splitlines())
    assert all(line.startswith(("1 - ", "1 + ", "    ", "shop")) for line in view.splitlines())


@given(st.text(max_size=300))
def test_any_text_can_be_viewed_as_a_diff(text: str) -> None:
    diff.diff_view(text)
    diff.diff_view(f"--- a/x.py\n+++ b/x.py\n@@ -1,9 +1,9 @@\n{text}")


@given(st.text(max_size=80), st.text(max_size=80))
def test_unmarked_text_is_the_same_on_both_sides(old: str, new: str) -> None:
    gone, come = diff.changed_words(old, new)
    if gone or come:
        assert _without(old, gone) == _without(new, come)


def _without(text: str, spans: list[diff.Span]) -> str:
    for start, end in reversed(spans):
        text = text[:start] + text[end:]
    return text


# -- JSON -------------------------------------------------------------------------------------------------------------

KEYS = {
    "status", "message", "hint", "patch", "applied", "explanation", "operators", "found_at", "alternatives", "partial",
    "failing_before", "failing_after", "flaky", "not_run", "suspects", "candidates_tried", "candidates_per_second",
    "seconds", "seconds_to_first", "warnings", "interrupted", "lint",
}  # fmt: skip
PATCH_KEYS = {"patch", "explanation", "fixes", "verified", "score", "found_at", "operators"}


@pytest.mark.parametrize("result", [samples.FIXED, samples.NOT_FIXED, samples.NOTHING, FixResult("error", "no")])
def test_every_kind_of_result_has_every_key(result: FixResult) -> None:
    text = json.line(result)
    assert text.endswith("}\n") and text.count("\n") == 1
    parsed = jsonlib.loads(text)
    assert parsed.keys() == KEYS
    assert parsed["status"] == result.status
    assert isinstance(parsed["seconds"]["total"], float)
    for patch in [*parsed["alternatives"], *filter(None, [parsed["partial"]])]:
        assert patch.keys() == PATCH_KEYS


def test_json_holds_the_patch_and_its_proof() -> None:
    parsed = jsonlib.loads(json.line(samples.FIXED, applied=True))
    assert parsed["patch"] == samples.make_patch().diff
    assert parsed["applied"] is True
    assert parsed["failing_before"] == list(samples.FAILING) and parsed["failing_after"] == []
    assert parsed["suspects"][0] == {
        "path": "shop/cart.py",
        "line": 3,
        "score": 0.97,
        "reason": "run by both failing tests and by no passing one",
        "source": "    return sum(prices) + rebate",
    }


def test_bytes_that_are_not_utf8_survive_json() -> None:
    raw = b"-caf\xe9\n+caf\xe8\n"
    result = dataclasses.replace(samples.FIXED, patch=samples.make_patch(diff=raw.decode("utf-8", "surrogateescape")))
    text = json.line(result)
    assert text.isascii()
    assert jsonlib.loads(text)["patch"].encode("utf-8", "surrogateescape") == raw


def test_json_has_no_nan() -> None:
    result = dataclasses.replace(samples.FIXED, patch=None, partial=samples.make_patch(score=-math.inf))
    assert jsonlib.loads(json.line(result), parse_constant=pytest.fail)["partial"]["score"] is None


def test_an_error_is_a_complete_object_too() -> None:
    assert jsonlib.loads(json.error_line("no pytest", "install it", complete=True)).keys() == KEYS


# -- live -------------------------------------------------------------------------------------------------------------


def test_live_view_shows_stage_suspects_rate_and_best() -> None:
    console = Console(record=True, width=90, file=io.StringIO(), force_terminal=True)
    now = [0.0]
    view = LiveView(console, "~/shop", clock=lambda: now[0])
    now[0] = 12.34
    view.stage("baseline", "37 of 120 tests")
    view.stage("search", "shop/cart.py")
    view.suspects(samples.SUSPECTS)
    view.progress(1234, 308.4, "+ becomes -")
    text = shown(view.render())
    assert "quanta fix ~/shop  12.3 s" in text
    assert "✓ baseline 37 of 120 tests" in text
    assert "search   shop/cart.py · 1,234 candidates · 308 a second" in text
    assert "best so far  + becomes -" in text
    assert "0.97 shop/cart.py:3  return sum(prices) + rebate" in text


def test_live_view_fits_a_narrow_terminal_and_leaves_nothing_behind() -> None:
    sink = io.StringIO()
    console = Console(file=sink, width=30, height=12, force_terminal=True)
    with LiveView(console, "~/a/very/long/path/to/a/project/somewhere") as view:
        view.suspects(samples.SUSPECTS)
        view.stage("search", "x" * 200)
        assert all(len(line) <= 30 for line in shown(view.render(), width=30).splitlines())
    assert sink.getvalue().endswith("\x1b[2K") or "\x1b[?25h" in sink.getvalue()


def test_log_view_says_each_stage_once() -> None:
    sink = io.StringIO()
    with LogView(sink) as view:
        for detail in ("", "1 of 2", "2 of 2"):
            view.stage("baseline", detail)
        view.progress(5, 1.0, None)
        view.stage("search", "a.py")
    assert sink.getvalue() == "baseline\nsearch: a.py\n"


# -- terminal ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("y\n", True),
        ("YES\n", True),
        ("\n", False),
        ("n\n", False),
        ("", False),
        ("what?\ny\n", True),
        ("perhaps\n", False),
    ],
)
def test_confirm(typed: str, answer: bool) -> None:
    assert confirm("Apply?", stdin=io.StringIO(typed), stdout=io.StringIO()) is answer


@given(st.text())
def test_printable_text_holds_no_control_characters_and_is_stable(text: str) -> None:
    safe = printable(text)
    assert not any(ord(c) < 32 and c not in "\t\n" for c in safe)
    assert printable(safe) == safe
    if text.isprintable():
        assert safe == text


def test_undecodable_bytes_are_spelt_out() -> None:
    assert printable(b"caf\xe9.py".decode("utf-8", "surrogateescape")) == "caf\\xe9.py"
