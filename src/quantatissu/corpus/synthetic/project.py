"""A project with tests, opened for trying mutants on it: its suite run once, and which tests run which lines.

The suite is run as `quanta fix` runs it (the project's own command, its own interpreter, in the sandbox), and every
test that passes both in a clean process and in the warm worker is traced.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from quantatissu.corpus.synthetic.settings import SyntheticSettings
from quantatissu.foundation import QuantaError
from quantatissu.sandbox import open_sandbox
from quantatissu.testing import choose_interpreter, find_command, locate, parse_command, probe
from quantatissu.testing.baseline import Baseline, function_of, run_baseline
from quantatissu.testing.client import Limit, Trace
from quantatissu.testing.interpreter import missing_source_path, require_runner
from quantatissu.testing.layout import Layout
from quantatissu.testing.plugins import without_absent_plugins
from quantatissu.testing.slot import Setup, Slot, base_environment
from quantatissu.workspace import Workspace

_MOST_SLOTS = 16
_TRACED_AT_ONCE = 40
_OPEN_SECONDS = 120.0
_TRACE_WALL = 30.0


@dataclass(frozen=True)
class TestedProject:
    """``slots`` are places to test in, one mutant at a time each; ``lines`` maps the ids of usable tests to the lines
    of the project's own files (by path relative to ``root``) that they execute, tests left out.
    """

    __test__ = False

    root: Path
    slots: Sequence[Slot]
    layout: Layout
    baseline: Baseline
    lines: Mapping[str, Mapping[str, frozenset[int]]]

    def tests_on(self, path: str, lines: Iterable[int]) -> list[str]:
        """Tests that execute any of the lines, those that execute the fewest lines of the project first."""
        wanted = set(lines)
        found = [test for test, files in self.lines.items() if not wanted.isdisjoint(files.get(path, ()))]
        return sorted(found, key=lambda test: (sum(map(len, self.lines[test].values())), test))

    def files(self) -> list[str]:
        """The project's own files that any test executes, sorted."""
        return sorted({path for files in self.lines.values() for path in files})


def open_project(root: Path, settings: SyntheticSettings, stack: ExitStack) -> TestedProject:
    """Find the tests of a project, run and trace them. What it opens is closed with ``stack``.

    Raises QuantaError when there are no tests, they cannot be run, or none of them passes.
    """
    setup, layout = _setup(root, settings)
    project = Workspace(setup.root)
    count = max(1, min(settings.workers or len(os.sched_getaffinity(0)), _MOST_SLOTS))
    slots = []
    for _ in range(count):
        slot = Slot(setup, project.branch())
        stack.callback(slot.close)
        slots.append(slot)
    with closing(Slot(setup, project.branch())) as clean:
        baseline = run_baseline(clean, slots[-1], seconds=settings.suite_seconds)
    if baseline.unusable is not None or not baseline.passing:
        raise QuantaError(
            f"No test of {setup.root} passes, so nothing could tell a mutant from the program.",
            hint=f"The command was: {setup.command.text}. Name another one as test_command in [synthetic].",
        )
    with ThreadPoolExecutor(len(slots)) as pool:
        list(pool.map(_ready, slots))
    return TestedProject(setup.root, slots, layout, baseline, _trace(setup.root, slots, baseline, layout, settings))


def _setup(root: Path, settings: SyntheticSettings) -> tuple[Setup, Layout]:
    place = locate(root)
    root = place.root
    sandbox = open_sandbox()
    if settings.test_command:
        command = parse_command(settings.test_command, root, origin="test_command", cwd=place.cwd)
    else:
        command = find_command(root, cwd=place.cwd, selection=place.selection, python=settings.python)
    if command.kind == "generic":
        raise QuantaError(
            f"{command.text} is neither pytest nor unittest, whose tests can be run one by one.",
            hint="Name another one as test_command in [synthetic].",
        )
    environment = base_environment((), command.environment)
    environment.setdefault("PYTHONHASHSEED", "0")  # messages show sets, and ids of tests are made from them
    python = choose_interpreter(root, command, settings.python)
    interpreter = probe(sandbox, python, root, environment, cwd=command.cwd)
    require_runner(interpreter, command)
    command, _ = without_absent_plugins(command, interpreter)
    layout = Layout.read(root, command)
    if sources := missing_source_path(interpreter, layout, command):
        paths = [*map(str, sources), *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    command = command.with_interpreter(interpreter.path)
    return Setup(root, command, interpreter, sandbox, environment, interpreter.readable), layout


def _ready(slot: Slot) -> None:
    if slot.worker is None and isinstance(slot.open(_OPEN_SECONDS), str):
        raise QuantaError("The tests were collected once and could not be collected again.", hint="Try it once more.")
    slot.watch()


def _trace(
    root: Path, slots: Sequence[Slot], baseline: Baseline, layout: Layout, settings: SyntheticSettings
) -> dict[str, dict[str, frozenset[int]]]:
    """Lines per test, for tests that pass when traced and stay within ``test_lines``."""
    sources = [str(root / name) for name in layout.files().sources if not layout.is_protected(str(name))]
    names = sorted(name for name in baseline.passing if function_of(name) not in baseline.unstable)
    trace = Trace(files=tuple(sorted(sources)), budget=settings.test_lines)
    batches = [names[at : at + _TRACED_AT_ONCE] for at in range(0, len(names), _TRACED_AT_ONCE)]
    shares = [batches[number :: len(slots)] for number in range(len(slots))]

    def work(slot: Slot, share: Sequence[Sequence[str]]) -> dict[str, dict[str, frozenset[int]]]:
        found: dict[str, dict[str, frozenset[int]]] = {}
        for batch in share:
            left = list(batch)
            while left:
                limits = {"*": Limit(None, _TRACE_WALL)}
                ran = slot.run(left, limits=limits, total=settings.suite_seconds, hot=baseline.hot, trace=trace)
                slot.reset()
                for result in ran.results:
                    if result.passed and result.lines:
                        found[result.id] = {
                            os.path.relpath(path, root): frozenset(lines) for path, lines in result.lines.items()
                        }
                if not ran.results:
                    break
                done = {result.id for result in ran.results}
                # A test over its budget ends the run it was in; those after it are asked again.
                left = left[left.index(ran.results[-1].id) + 1 :] if ran.results[-1].id in left else []
                left = [name for name in left if name not in done]
        return found

    with ThreadPoolExecutor(len(slots)) as pool:
        parts = list(pool.map(work, slots, shares))
    return {name: lines for part in parts for name, lines in part.items()}
