"""The closing line and exit code of a benchmark, whatever happens in it."""

from __future__ import annotations

import time

import pytest

from benchmarks.registry import MODULES, Benchmark, Outcome, Skip, benchmark, main, run, table


def row(measure) -> Benchmark:
    return Benchmark("speed", "3 s", "how fast", measure)


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(("passed", "word", "code"), [(True, "pass", 0), (False, "short", 1)])
def test_ends_in_value_bar_and_verdict(capsys, passed, word, code):
    assert run(row(lambda arguments: Outcome("2.5 s", passed)), []) == code
    assert last_line(capsys) == f"speed 2.5 s (bar 3 s): {word}"


def test_what_cannot_be_measured_is_skipped_with_the_reason(capsys):
    def measure(arguments):
        raise Skip("no network")

    assert run(row(measure), []) == 0
    assert last_line(capsys) == "speed - (bar 3 s): skipped (no network)"


def test_a_crash_is_short_and_shows_its_traceback(capsys):
    def measure(arguments):
        return 1 / 0

    assert run(row(measure), []) == 1
    seen = capsys.readouterr()
    assert seen.out.splitlines()[-1] == "speed - (bar 3 s): short"
    assert "ZeroDivisionError" in seen.err


def test_what_runs_past_the_limit_is_cut_off_and_short(capsys):
    started = time.monotonic()
    assert run(row(lambda arguments: time.sleep(30)), [], limit_seconds=1) == 1
    assert time.monotonic() - started < 5
    assert last_line(capsys) == "speed - (bar 3 s): short"


def test_all_lifts_the_limit(capsys):
    def measure(arguments):
        time.sleep(1.2)
        return Outcome("1", True)

    assert run(row(measure), ["--all"], limit_seconds=1) == 0
    assert last_line(capsys).endswith("pass")


def test_two_benchmarks_cannot_share_a_name():
    @benchmark(name="test-only", bar="1", describe="")
    def first(arguments):
        return Outcome("1", True)

    try:
        with pytest.raises(ValueError, match="test-only"):

            @benchmark(name="test-only", bar="1", describe="")
            def second(arguments):
                return Outcome("1", True)
    finally:
        from benchmarks import registry

        del registry._TABLE["test-only"]


def test_list_names_every_benchmark_with_its_bar_in_a_line(capsys):
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(table()) == len(MODULES)
    for line, (name, found) in zip(lines, table().items(), strict=True):
        assert line.startswith(name) and found.bar in line


def test_listing_loads_nothing_heavy():
    import subprocess
    import sys

    code = "import sys; from benchmarks.registry import table; table(); print('quantatissu' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_unknown_name_is_refused_and_the_known_ones_named(capsys):
    assert main(["repare"]) == 2
    assert "repair" in capsys.readouterr().err


def test_no_name_prints_usage(capsys):
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err
