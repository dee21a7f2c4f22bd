"""Never raises, never dawdles: any text, damaged outputs, and text made to hurt."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest
from diagnostic_samples import OUTPUTS
from hypothesis import given, settings
from hypothesis import strategies as st

from quantatissu.diagnostics import Diagnostic, environment_failures, parse, parse_junit, parse_traceback

STORED = sorted(OUTPUTS.glob("*/*"))
# What the readers look for, so that random text comes near it.
WORDS = [
    "Traceback (most recent call last):\n",
    "  + Exception Group Traceback (most recent call last):\n",
    "  | ExceptionGroup: x (2 sub-exceptions)\n",
    "  +-+---------------- 1 ----------------\n",
    "    +---------------- 2 ----------------\n",
    '  File "x.py", line 3, in f\n',
    '  File "x.py", line 3\n',
    "    ^^^\n",
    "ValueError: x\n",
    "SyntaxError: x\n",
    "\nDuring handling of the above exception, another exception occurred:\n\n",
    "=" * 26 + " test session starts " + "=" * 27 + "\n",
    "=" * 35 + " FAILURES " + "=" * 35 + "\n",
    "=" * 36 + " ERRORS " + "=" * 36 + "\n",
    "_" * 33 + " test_x[a] " + "_" * 34 + "\n",
    "=" * 27 + " short test summary info " + "=" * 28 + "\n",
    "FAILED t.py::test_x[a] - assert 1 == 2\n",
    "E   assert [1, 'x' == 2\n",
    "t.py:3: AssertionError\n",
    "--- Captured stdout call ---\n",
    "1 failed in 0.01s\n",
    "=" * 70 + "\nFAIL: test_x (m.T) (i=1)\n" + "-" * 70 + "\n",
    "Ran 1 test in 0.1s\n",
    "ERROR: usage: x\n",
    "x: error: y\n",
    "Fatal Python error: Aborted\n",
    "INTERNALERROR> ",
    "<testsuite>",
    '<testcase classname="a.B" name="c"><failure message="x">',
    "</failure></testcase>",
    "\x1b[31m",
    "\r\n",
]


def _check(found: list[Diagnostic]) -> None:
    for item in found:
        assert isinstance(item, Diagnostic)
        assert item.severity in {"error", "warning", "note"}
        assert item.location is None or item.location.line is None or item.location.line >= 0
    hash(tuple(found))
    environment_failures(found)


@given(st.text())
def test_any_text(text: str) -> None:
    _check(parse(text))
    _check(parse_traceback(text))


@given(st.binary())
def test_any_bytes(raw: bytes) -> None:
    _check(parse(raw))
    _check(parse_junit(raw))


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from(WORDS) | st.text(max_size=20), max_size=40), st.sampled_from([None, "pytest", "unittest"])
)
def test_pieces_in_any_order(pieces: list[str], command: str | None) -> None:
    text = "".join(pieces)
    _check(parse(text, command=command))
    _check(parse_traceback(text))
    _check(parse_junit(text.encode("utf-8", "replace")))


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_damaged_outputs(data: st.DataObject) -> None:
    raw = data.draw(st.sampled_from(STORED)).read_bytes()
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        stop = data.draw(st.integers(start, min(len(raw), start + 3000)))
        new = data.draw(st.binary(max_size=30) | st.sampled_from(WORDS).map(str.encode) | st.just(raw[start:stop] * 2))
        raw = raw[:start] + new + raw[stop:]
    _check(parse(raw))
    _check(parse_junit(raw))


@pytest.mark.parametrize("path", STORED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_stored_output(path: object) -> None:
    _check(parse(STORED[STORED.index(path)].read_bytes()))  # type: ignore[arg-type]


def _seconds(work: Callable[[], object]) -> float:
    """CPU seconds of the faster of two runs."""
    taken = []
    for _ in range(2):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


SIZE = 400_000
HURTFUL = {
    "blank lines": "\n" * SIZE,
    "one line": "x" * SIZE,
    "rulers": ("=" * 79 + "\n") * (SIZE // 80),
    "spaced ruler": "= " * (SIZE // 2),
    "titles": "=== FAILURES ===\n" * (SIZE // 17),
    "sessions": "=== test session starts ===\n" * (SIZE // 28),
    "sessions in blocks": "=== FAILURES ===\n=== test session starts ===\n" * (SIZE // 46),
    "summaries in blocks": "=== FAILURES ===\n=== short test summary info ===\n" * (SIZE // 52),
    "headers": "Traceback (most recent call last):\n" * (SIZE // 35),
    "places": '  File "x.py", line 3\n' * (SIZE // 23),
    "headers in places": '  File "Traceback (most recent call last):", line 1\n' * (SIZE // 52),
    "syntax errors": ('  File "x.py", line 3\n' * 5 + "SyntaxError: x\n") * (SIZE // 130),
    "chain": (
        'Traceback (most recent call last):\n  File "x.py", line 3, in <module>\nValueError: x\n\n'
        "During handling of the above exception, another exception occurred:\n\n"
    )
    * (SIZE // 170),
    "groups": "".join(
        " " * depth * 2 + line
        for depth in range(500)
        for line in (WORDS[1], "  | ExceptionGroup: x\n", "  +-+---------------- 1 ----------------\n")
    ),
    "quotes": "=== FAILURES ===\n_____ t ______\nE   assert " + "'\\" * (SIZE // 2),
    "other quotes": "=== FAILURES ===\n_____ t ______\nE   assert " + "'\"" * (SIZE // 2),
    "brackets": "=== FAILURES ===\n_____ t ______\nE   assert " + "([<a" * (SIZE // 4),
    "dashes": "=== short test summary info ===\nFAILED t.py::t[" + " - " * (SIZE // 3),
    "counts": "1 failed, " * (SIZE // 10) + "in x",
    "progress": "=== test session starts ===\na::b FAILED" + " " * SIZE + "x",
    "escapes": "\x1b[" * (SIZE // 2),
    "titles of terminals": "\x1b]0;" * (SIZE // 4),
    "usage": "ERROR: usage: x\nx: error: y\n" * (SIZE // 28),
    "fatal": "Fatal Python error: x\n" * (SIZE // 22),
    "shells": "ERROR: " + "sh: " * (SIZE // 4),
    "noise": os.urandom(SIZE).decode("latin-1"),
}


@pytest.mark.parametrize("name", HURTFUL)
def test_text_made_to_hurt(name: str) -> None:
    text = HURTFUL[name]
    # Measured below 0.5 s each; anything worse than linear takes minutes.
    assert _seconds(lambda: parse(text)) < 4
    assert _seconds(lambda: parse_traceback(text)) < 4


def test_ten_megabytes() -> None:
    lines = (OUTPUTS / "py312-pytest84" / "pytest_default.txt").read_text().split("\n")
    start = next(at for at, line in enumerate(lines) if " FAILURES " in line) + 1
    stop = next(at for at, line in enumerate(lines) if " short test summary " in line)
    captured = ["-" * 29 + " Captured stdout call " + "-" * 29, *["2024-01-01 INFO app: value = 12: done"] * 100_000]
    once = lines[start:stop]
    size = sum(len(line) + 1 for line in captured)
    copies = (10_000_000 - size) // sum(len(line) + 1 for line in once)
    text = "\n".join([*lines[:start], *once * copies, *captured, *lines[stop:]])
    assert len(text) > 9_500_000
    seconds = _seconds(lambda: parse(text))
    # Measured below 0.8 s of CPU time; room for a busy machine.
    assert seconds < 4
