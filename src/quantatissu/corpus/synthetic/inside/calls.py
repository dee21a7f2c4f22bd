"""Call right and wrong versions of functions, each in a fork of its own, and say where they part.

Reads one JSON job a line from standard input and answers each with one line. A job:

    {"path": file name for tracebacks, "name": function, "right": module text, "wrong": [module texts],
     "calls": [argument texts], "seconds": processor seconds a version, "memory": bytes}

An answer: for each wrong version null (no call told it apart, or it hung or died), or
``{"call": argument text, "expected": outcome, "actual": outcome}``. An outcome is ``{"value": text, "after": text}``
or ``{"type": ..., "message": ..., "frames": [[line, function], ...], "after": text}``, where ``after`` shows the
arguments once the call has ended.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from _quanta import forking  # type: ignore[import-not-found]

LONGEST = 2000  # characters of a shown value
WALL_SECONDS = 60  # for a version that waits instead of computing; far beyond what a busy machine makes of one
MOST_CALLS = 24  # calls of the right version that the wrong ones are held against
_ADDRESS = re.compile(r"(?<=\bat )0x[0-9a-f]+")
_FOR_IMPORT = (
    "abc", "bisect", "collections", "copy", "dataclasses", "datetime", "decimal", "enum", "functools", "heapq",
    "itertools", "json", "math", "operator", "re", "string", "textwrap", "typing",
)  # fmt: skip

Emit = Callable[[dict[str, Any]], None]
Outcome = dict[str, Any]


def main() -> None:
    for name in _FOR_IMPORT:
        __import__(name)
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(500)
    jobs, answers = os.fdopen(os.dup(0), "r", encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="ascii")
    forking.become_subreaper()
    forking.freeze()
    pipes = (jobs.fileno(), answers.fileno())
    for line in jobs:
        try:
            found = answer({**json.loads(line), "pipes": pipes})
        except (ValueError, KeyError, TypeError, AttributeError):
            found = None  # the code called has found the pipe to us and writes into it
        answers.write(json.dumps(found) + "\n")
        answers.flush()


def answer(job: dict[str, Any]) -> list[dict[str, Any] | None]:
    """The answer to one job; see the module."""
    right, _ = _forked(job, partial(_right, job))
    known = [(record["call"], record["outcome"]) for record in right][:MOST_CALLS]
    if not known:
        return [None] * len(job["wrong"])
    found: list[dict[str, Any] | None] = []
    for text in job["wrong"]:
        records, ended = _forked(job, partial(_wrong, job, text, known))
        found.append(records[0] if records and ended == "done" else None)
    return found


def _forked(job: dict[str, Any], work: Callable[[Emit], None]) -> tuple[list[dict[str, Any]], str]:
    """What ``work`` emits in a child of its own, and how the child ended."""
    outcome = forking.fork(
        cpu=job["seconds"], wall=WALL_SECONDS, total=WALL_SECONDS, memory=job["memory"], close=job["pipes"]
    )
    if not isinstance(outcome, forking.Emitter):
        records, ended = outcome
        return records, ended
    try:
        work(outcome)
        forking.finish(outcome)
    finally:
        os._exit(70)


def _right(job: dict[str, Any], emit: Emit) -> None:
    """Emit the calls worth asking: the same twice, and either answered or refused by a ``raise`` of the module's."""
    function, raises = _load(job, job["right"])
    seen = set()
    for call in job["calls"]:
        outcome = _outcome(job, function, call)
        if outcome is None or outcome != _outcome(job, function, call):
            continue
        if "type" in outcome and (not outcome["frames"] or outcome["frames"][-1][0] not in raises):
            continue
        # One refusal of a kind is enough, and so is one call for each result.
        key = outcome.get("type") or (outcome["value"], outcome["after"])
        if key not in seen:
            seen.add(key)
            emit({"call": call, "outcome": outcome})


def _wrong(job: dict[str, Any], text: str, known: list[tuple[str, Outcome]], emit: Emit) -> None:
    """Emit the first call that ends otherwise than it should, if it does so twice."""
    function, _ = _load(job, text)
    for call, expected in known:
        outcome = _outcome(job, function, call)
        if outcome is not None and _told_apart(expected, outcome):
            if outcome == _outcome(job, function, call):
                emit({"call": call, "expected": expected, "actual": outcome})
            return


def _told_apart(one: Outcome, other: Outcome) -> bool:
    return any(one.get(key) != other.get(key) for key in ("value", "type", "message", "after"))


def _load(job: dict[str, Any], text: str) -> tuple[Callable[..., object], set[int]]:
    """The function as its module defines it, and the lines of the module's ``raise`` statements."""
    tree = ast.parse(text, job["path"])
    raises = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise | ast.Assert)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    names: dict[str, Any] = {"__name__": "module", "__builtins__": __builtins__}
    exec(compile(tree, job["path"], "exec", dont_inherit=True), names)  # noqa: S102 -- what this process is for
    return names[job["name"]], raises


def _outcome(job: dict[str, Any], function: Callable[..., object], call: str) -> Outcome | None:
    """What a call gives; None for arguments that make no call."""
    try:
        arguments, keywords = _arguments(call)
    except (ValueError, SyntaxError, TypeError):
        return None
    outcome: Outcome
    try:
        outcome = {"value": show(function(*arguments, **keywords))}
    except Exception as error:
        frames = [
            [line, frame.f_code.co_name]
            for frame, line in traceback.walk_tb(error.__traceback__)
            if frame.f_code.co_filename == job["path"]
        ]
        outcome = {"type": _name(type(error)), "message": _message(error), "frames": frames[-12:]}
    outcome["after"] = show([arguments, keywords])
    return outcome


def _arguments(call: str) -> tuple[list[Any], dict[str, Any]]:
    node = ast.parse(f"f({call})", mode="eval").body
    assert isinstance(node, ast.Call)
    keywords = {part.arg: ast.literal_eval(part.value) for part in node.keywords if part.arg is not None}
    return [ast.literal_eval(part) for part in node.args], keywords


def _name(kind: type) -> str:
    known = kind.__module__ in ("builtins", "module")
    return kind.__qualname__ if known else f"{kind.__module__}.{kind.__qualname__}"


def _message(error: Exception) -> str:
    try:
        return _ADDRESS.sub("0x", str(error))[:LONGEST]
    except Exception:
        return "<its __str__ failed>"


def show(value: object, depth: int = 6) -> str:
    """A value as text that is the same in every process: sets sorted, iterators run out, addresses left out."""
    return _ADDRESS.sub("0x", _show(value, depth))[:LONGEST]


def _show(value: Any, depth: int) -> str:
    kind = type(value)
    if depth == 0:
        return "..."
    if kind is list:
        return f"[{_shown(value[:200], depth)}]"
    if kind is tuple:
        return f"({_shown(value[:200], depth)}{',' if len(value) == 1 else ''})"
    if kind is set or kind is frozenset:
        shown = f"{{{', '.join(sorted(_show(item, depth - 1) for item in value))}}}" if value else "set()"
        return shown if kind is set else f"frozenset({shown})"
    if kind is dict:
        pairs = (f"{_show(key, 2)}: {_show(item, depth - 1)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if hasattr(kind, "__next__"):
        items = [item for item, _ in zip(value, range(51), strict=False)]
        more = ", ..." if len(items) > 50 else ""
        return f"<{kind.__name__} [{_shown(items[:50], depth)}{more}]>"
    if kind.__repr__ is object.__repr__:  # type: ignore[comparison-overlap]
        return f"<{kind.__name__} {_show(dict(getattr(value, '__dict__', {})), depth - 1)}>"
    return repr(value)


def _shown(items: Any, depth: int) -> str:
    return ", ".join(_show(item, depth - 1) for item in items)


if __name__ == "__main__":
    main()
