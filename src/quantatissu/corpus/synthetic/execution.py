"""Evidence without tests: the right and the wrong version of a function, called with the same generated arguments.

Calls run in the sandbox, in an interpreter that has the usual standard library in memory and forks for every version;
one such interpreter serves a whole batch of functions. A mutant is kept when a call that the right version answers
twice in the same way, or refuses by a ``raise`` of its own, ends otherwise in the wrong one, twice as well.
"""

from __future__ import annotations

import ast
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from quantatissu.corpus.document import Document
from quantatissu.corpus.synthetic.arguments import calls
from quantatissu.corpus.synthetic.chances import chance
from quantatissu.corpus.synthetic.functions import Function, changed_text, functions
from quantatissu.corpus.synthetic.mutants import draw, lines_at_fault, undone_by
from quantatissu.corpus.synthetic.record import EditRecord, Evidence, Injected, TraceFrame, make_record
from quantatissu.corpus.synthetic.settings import SyntheticSettings
from quantatissu.corpus.synthetic.slices import Module, Surroundings
from quantatissu.foundation import QuantaError
from quantatissu.rewriting import Project, Rewrite, Source
from quantatissu.sandbox import Bind, Limits, Policy, open_sandbox
from quantatissu.testing.client import INSIDE, WORKER_SOURCE
from quantatissu.testing.visibility import readable_roots

_INSIDE_SOURCE = Path(__file__).with_name("inside")
_BOOT = f"import sys; sys.path.insert(0, {str(INSIDE)!r}); from _synthetic.calls import main; main()"
_OUTPUT_BYTES = 1 << 28
_CWD = Path("/")
_VERSION_SECONDS = 10.0  # wall seconds a version on average, at most, before the whole batch is given up


@dataclass(frozen=True, slots=True)
class Mutant:
    """A rewrite of a function, the function's text after it, and the module that both versions can stand in."""

    rewrite: Rewrite
    text: str
    module: Surroundings


@dataclass(frozen=True, slots=True)
class Job:
    """One function of a document with its mutants, and the calls that are to tell them apart."""

    document: Document
    source: Source
    function: Function
    mutants: tuple[Mutant, ...]
    text: str
    module: Surroundings
    calls: tuple[str, ...]

    def message(self, settings: SyntheticSettings) -> dict[str, Any]:
        return {
            "path": self.document.origin.path,
            "name": self.function.node.name,
            "right": self.module.around(self.text),
            "wrong": [mutant.module.around(mutant.text) for mutant in self.mutants],
            "calls": list(self.calls),
            "seconds": settings.call_seconds,
            "memory": settings.memory_bytes,
        }


def jobs_of(document: Document, settings: SyntheticSettings, seed: int) -> Iterator[Job]:
    """The functions of a document that can be called without the rest of the world, with their mutants."""
    try:
        source = Source(document.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    module = Module(source)
    project = Project([source])
    top = set(source.tree.body)
    able = [function for function in functions(source) if function.node in top and _callable(function.node)]
    chance(seed, document.id).shuffle(able)
    taken = 0
    for function in able:
        around = module.around(function.node)
        if around is None:
            continue
        draws = chance(seed, document.id, function.name, function.first)
        found = calls(function.node, draws, settings.inputs)
        if not found:
            continue
        drawn = draw(source, project, function, draws, settings.mutants_per_function, settings.temperature)
        mutants = tuple(
            mutant for rewrite in drawn if (mutant := _mutant(source, module, function, rewrite)) is not None
        )
        if mutants:
            text = source.text[slice(*source.line_span(function.first, function.last))]
            yield Job(document, source, function, mutants, text, around, tuple(found))
            taken += 1
        if taken == settings.functions_per_document:
            return


def _callable(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and not any(isinstance(part, ast.Await) for part in ast.walk(node))


def _mutant(source: Source, module: Module, function: Function, rewrite: Rewrite) -> Mutant | None:
    """The function after a rewrite; None when it does not parse, or no longer looks pure."""
    text = changed_text(source, function, rewrite.edits, rewrite.apply(source.text))
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError):
        return None
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef) or body[0].name != function.node.name:
        return None
    around = module.around(function.node, body[0])
    return Mutant(rewrite, text, around) if around is not None else None


def told_apart(jobs: Sequence[Job], settings: SyntheticSettings, tally: Counter[str]) -> Iterator[list[EditRecord]]:
    """For every job in order, the records of its mutants that a call tells apart from the right function."""
    for job, answer in zip(jobs, _ask([job.message(settings) for job in jobs], settings), strict=True):
        records = []
        if answer is None or len(answer) != len(job.mutants):
            tally["unanswered"] += len(job.mutants)
            yield []
            continue
        for mutant, found in zip(job.mutants, answer, strict=True):
            tally["survived" if found is None else "told_apart"] += 1
            if found is not None:
                records.append(_record(job, mutant, found, settings))
        yield records


def _record(job: Job, mutant: Mutant, found: dict[str, Any], settings: SyntheticSettings) -> EditRecord:
    function, rewrite = job.function, mutant.rewrite
    injected = Injected(job.document, rewrite.edits, rewrite.operator, function.name, function.first, function.last)
    wrong = injected.wrong
    lines = wrong.split("\n")
    path = job.document.origin.path
    expected, actual = found["expected"], found["actual"]
    expected_text, actual_text = _in_words(expected), _in_words(actual)
    if expected_text == actual_text:
        expected_text += f", leaving {expected['after']}"
        actual_text += f", leaving {actual['after']}"
    frames = tuple(
        TraceFrame(path, line, name, lines[line - 1].strip() if line <= len(lines) else "")
        for line, name in actual.get("frames", ())
    )
    evidence = Evidence(
        method="execution",
        tool=f"python {sys.version_info.major}.{sys.version_info.minor}",
        code=actual.get("type", ""),
        message=actual.get("message", ""),
        path=path,
        line=frames[-1].line if frames else 0,
        call=f"{function.node.name}({found['call']})",
        expected=expected_text,
        actual=actual_text,
        frames=frames,
    )
    right, wrong_source = mutant.module.around(job.text), Source(mutant.module.around(mutant.text), path)
    back = undone_by(right, wrong_source, lines_at_fault(job.source, rewrite), rewrite.operator)
    return make_record(injected, "bug", evidence, context_lines=settings.context_lines, undone_by=back)


def _in_words(outcome: dict[str, Any]) -> str:
    if "value" in outcome:
        return str(outcome["value"])
    return f"raises {outcome['type']}: {outcome['message']}" if outcome["message"] else f"raises {outcome['type']}"


def _checked(answer: Any) -> list[dict[str, Any] | None] | None:
    """An answer of the confined process, None where it has another form than it should: it runs untrusted code."""
    if not isinstance(answer, list):
        return None
    sound = all(
        one is None
        or (
            isinstance(one, dict)
            and isinstance(one.get("call"), str)
            and all(_is_outcome(one.get(side)) for side in ("expected", "actual"))
        )
        for one in answer
    )
    return answer if sound else None


def _is_outcome(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("after"), str):
        return False
    frames = value.get("frames", [])
    placed = isinstance(frames, list) and all(
        isinstance(frame, list) and [type(part) for part in frame] == [int, str] and frame[0] > 0 for frame in frames
    )
    raised = isinstance(value.get("type"), str) and isinstance(value.get("message"), str)
    return placed and (raised or isinstance(value.get("value"), str))


@lru_cache(maxsize=1)
def _python() -> Path:
    if not sys.executable:
        raise QuantaError("Calls need the path of the running Python, and sys.executable is empty.")
    return Path(sys.executable)


def _ask(messages: Sequence[dict[str, Any]], settings: SyntheticSettings) -> list[list[dict[str, Any] | None] | None]:
    """The answers of `inside.calls`, None for jobs that the interpreter did not live to answer."""
    if not messages:
        return []
    python = _python()
    versions = sum(1 + len(message["wrong"]) for message in messages)
    policy = Policy(
        readable=readable_roots(python, Path("/nonexistent")),
        binds=(Bind(WORKER_SOURCE, INSIDE / "_quanta"), Bind(_INSIDE_SOURCE, INSIDE / "_synthetic")),
        environment={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0"},
        limits=Limits(
            wall_seconds=60 + versions * (_VERSION_SECONDS + settings.call_seconds),
            memory_bytes=4 * settings.memory_bytes,
            output_bytes=_OUTPUT_BYTES,
        ),
    )
    stdin = b"".join(json.dumps(message).encode() + b"\n" for message in messages)
    finished = open_sandbox().run([str(python), "-S", "-s", "-B", "-c", _BOOT], cwd=_CWD, policy=policy, stdin=stdin)
    answers = []
    for line in finished.stdout.splitlines():
        try:
            answers.append(_checked(json.loads(line)))
        except ValueError:
            break
    if not answers and not finished.ok:
        said = finished.stderr.decode("utf-8", "replace").strip().splitlines()
        raise QuantaError(
            f"The interpreter that calls functions in the sandbox did not start: {said[-1] if said else finished}",
            hint="`quanta doctor` says what the sandbox needs on this machine.",
        )
    return [*answers, *[None] * (len(messages) - len(answers))]
