"""A failed test as evidence: what was raised and where, what was expected, and the text of the test."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable
from pathlib import Path

from quantatissu.corpus.synthetic.record import Evidence, TraceFrame
from quantatissu.diagnostics.comparison import sides
from quantatissu.rewriting import Source
from quantatissu.rewriting.source import FunctionNode
from quantatissu.testing.records import Raised, TestResult

_ADDRESS = re.compile(r"(?<=\bat )0x[0-9a-f]+")
_SCRATCH = re.compile(r"/tmp/pytest-of-[^/\s]+/pytest-\d+")  # noqa: S108 -- named, not used
_LONGEST_OUTPUT = 6000
_LONGEST_MESSAGE = 2000
_LONGEST_TEST = 8000


def tidy(text: str, root: Path) -> str:
    """Text without what differs between runs and machines: the project's folder, addresses, temporary folders."""
    text = text.replace(f"{root}{os.sep}", "").replace(str(root), ".")
    return _SCRATCH.sub("<tmp>", _ADDRESS.sub("0x", text))


def shortened(text: str, longest: int) -> str:
    """Both ends of a text, with a mark between them where it was longer."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}\n...\n{text[-half:]}"


def evidence(
    result: TestResult, root: Path, tool: str, text_of: Callable[[str], str], is_test: Callable[[str], bool]
) -> Evidence | None:
    """The evidence in a failed test's result; None when it does not say what was raised.

    ``text_of`` gives the text of a file of the project, as it was when the test failed, by its path relative to
    ``root``; ``is_test`` whether it is a test or its helper.
    """
    raised = result.raised
    if raised is None:
        return None
    code = raised.type.removeprefix("builtins.")
    message = shortened(tidy(raised.message, root), _LONGEST_MESSAGE)
    expected, actual = sides(code, message)
    frames = _frames(raised, root, text_of)
    own = [frame for frame in frames if not is_test(frame.path)]
    tests = [frame for frame in frames if is_test(frame.path)]
    place = own[-1] if own else frames[-1] if frames else TraceFrame("", 0, "", "")
    source = _parsed(text_of(tests[0].path)) if tests else None
    last = _parsed(text_of(tests[-1].path)) if tests else None
    return Evidence(
        method="tests",
        tool=tool,
        code=code,
        message=message,
        path=place.path,
        line=place.line,
        assertion=_statement(last, tests[-1].line) if last is not None else "",
        expected=expected or "",
        actual=actual or "",
        frames=frames,
        test=result.id,
        test_source=shortened(_function(source, tests[0].line), _LONGEST_TEST) if source is not None else "",
        output=shortened(tidy(result.text, root), _LONGEST_OUTPUT),
    )


def _frames(raised: Raised, root: Path, text_of: Callable[[str], str]) -> tuple[TraceFrame, ...]:
    """The frames in the project, outermost first, and then the innermost one if that is somewhere else."""
    frames = []
    for number, (path, line, function) in enumerate(raised.frames):
        relative = os.path.relpath(path, root)
        if not relative.startswith("..") and "site-packages" not in relative:
            lines = text_of(relative).split("\n")
            source = lines[line - 1].strip() if 0 < line <= len(lines) else ""
            frames.append(TraceFrame(relative, line, function, source))
        elif number == len(raised.frames) - 1:
            frames.append(TraceFrame(f"<{Path(path).name}>", line, function, ""))
    return tuple(frames)


def _parsed(text: str) -> Source | None:
    try:
        return Source(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _statement(source: Source, line: int) -> str:
    """The statement that stands on a line, its blocks left out."""
    found = source.statements_on(line)
    if not found:
        return ""
    lines = source.header_lines(found[-1])
    return "".join(source.lines[at - 1] for at in lines).strip()


def _function(source: Source, line: int) -> str:
    """The outermost function around a line, decorators included."""
    holders = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, FunctionNode) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    if not holders:
        return ""
    node = min(holders, key=lambda one: one.lineno)
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return source.text[slice(*source.line_span(first, node.end_lineno or node.lineno))]
