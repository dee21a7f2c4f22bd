"""From options to a project ready to be worked on: command, interpreter, sandbox, branches."""

from __future__ import annotations

import fnmatch
import os
import queue
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from quantatissu.foundation import QuantaError
from quantatissu.repair.coverage import Tracing
from quantatissu.repair.report import FixOptions
from quantatissu.repair.texts import Texts
from quantatissu.sandbox import Network, open_sandbox
from quantatissu.testing.command import parse_command
from quantatissu.testing.discover import find_command, locate
from quantatissu.testing.interpreter import choose_interpreter, missing_source_path, probe, require_runner
from quantatissu.testing.layout import Layout
from quantatissu.testing.plugins import without_absent_plugins
from quantatissu.testing.slot import Setup, Slot, base_environment
from quantatissu.workspace import Workspace

PERMISSIONS = ("network-loopback", "network", "home")
_MOST_SLOTS = 8
_OPEN_SECONDS = 120.0


@dataclass
class Prepared:
    """A project ready for its baseline. ``slots`` hold one branch and one worker each; the last one's runs the
    baseline, and ``clean`` is where the project's own command runs meanwhile. ``pool`` holds the slots that are open
    and free to try candidates.

    ``part`` is the only folder or file of the project that may be edited, relative to it (``.``: all of it).
    """

    root: Path
    part: str
    setup: Setup
    slots: list[Slot]
    clean: Slot
    texts: Texts
    layout: Layout
    globs: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    tracing: Tracing | None = None  # the workers that open meanwhile assist
    pool: queue.SimpleQueue[Slot] = field(default_factory=queue.SimpleQueue)
    _editable: dict[str, bool] = field(default_factory=dict)
    _opening: list[threading.Thread] = field(default_factory=list)
    _errors: list[BaseException] = field(default_factory=list)

    @property
    def warm(self) -> Slot:
        """The slot whose worker ran the baseline."""
        return self.slots[-1]

    def editable(self, path: str) -> bool:
        """Whether a patch may touch a file (absolute path): Python source of the project, neither test nor setting."""
        known = self._editable.get(path)
        if known is None:
            known = self._editable[path] = self._is_editable(path)
        return known

    def _is_editable(self, path: str) -> bool:
        relative = os.path.relpath(path, self.root)
        if not path.endswith(".py") or relative.startswith("..") or self.layout.is_protected(relative):
            return False
        if self.part != "." and not Path(relative).is_relative_to(self.part):
            return False
        if self.globs and not any(fnmatch.fnmatch(relative, glob) for glob in self.globs):
            return False
        return Path(path).is_file() and not Path(path).is_symlink()

    def editable_files(self) -> list[str]:
        """Every file that a patch may touch, by absolute path."""
        found = (str(self.root / name) for name in self.layout.files().sources)
        return [path for path in found if self.editable(path)]

    def begin_opening(self) -> None:
        """Start the workers of all other slots in the background; each joins the pool when it is ready."""
        if self._opening:
            return
        for slot in self.slots[:-1]:
            thread = threading.Thread(target=self._open, args=(slot,), daemon=True)
            self._opening.append(thread)
            thread.start()

    @property
    def errors(self) -> tuple[str, ...]:
        """Why workers did not start, one line each."""
        return tuple(f"A worker did not start, the search went on without it: {error}" for error in self._errors)

    def end(self) -> None:
        """Kill the workers; those still starting, too."""
        while any(thread.is_alive() for thread in self._opening):
            for slot in self.slots:
                if slot.worker is not None:
                    slot.worker.close()
            for thread in self._opening:
                thread.join(0.05)

    def _open(self, slot: Slot) -> None:
        try:
            if self.setup.command.kind != "generic":
                slot.open(_OPEN_SECONDS)
            slot.watch()
            if self.tracing is not None:
                self.tracing.assist(slot)
            self.pool.put(slot)
        except BaseException as error:
            self._errors.append(error)


def run_together(jobs: list[Callable[[], None]]) -> None:
    """Run jobs in threads; the first exception of any is raised when all have ended."""
    errors: list[BaseException] = []

    def guarded(job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def prepare(options: FixOptions, stack: ExitStack) -> Prepared:
    """Find the command and the interpreter, and make the branches. What it opens is closed with ``stack``.

    Raises QuantaError for everything that keeps a run from beginning.
    """
    if not sys.platform.startswith("linux"):
        raise QuantaError(
            f"quanta fix runs on Linux and in WSL 2; this is {sys.platform}.",
            hint="Its sandbox needs the Linux kernel. In Windows, run it inside WSL 2.",
        )
    place = locate(options.path)
    root = place.root
    sandbox = open_sandbox()
    if options.test:
        command = parse_command(options.test, root, cwd=place.cwd)
    else:
        command = find_command(root, cwd=place.cwd, selection=place.selection, python=options.python)
    environment = base_environment(options.environment, command.environment)
    # Some suites make test ids from sets; one hash seed for every run keeps an id the same test throughout.
    environment.setdefault("PYTHONHASHSEED", str(options.seed % 2**32))
    python = choose_interpreter(root, command, options.python)
    count = max(1, min(options.workers or len(os.sched_getaffinity(0)), _MOST_SLOTS))
    project = Workspace(root)
    branches: list[Workspace] = []

    def copy() -> None:
        for _ in range(count + 1):
            branch = project.branch()
            stack.callback(branch.close)
            branches.append(branch)

    found = []
    run_together([copy, lambda: found.append(probe(sandbox, python, root, environment, cwd=command.cwd))])
    interpreter = found[0]
    require_runner(interpreter, command)
    command, dropped = without_absent_plugins(command, interpreter)
    layout = Layout.read(root, command)
    if sources := missing_source_path(interpreter, layout, command):
        paths = [*map(str, sources), *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    if command.kind == "generic":
        # A script or a recipe says `python` and means the project's.
        environment["PATH"] = os.pathsep.join([str(interpreter.path.parent), environment["PATH"]])
    setup = Setup(
        root=root,
        command=command.with_interpreter(interpreter.path),
        interpreter=interpreter,
        sandbox=sandbox,
        environment=environment,
        readable=interpreter.readable,
        network=_network(options.allow),
        home_readable="home" in options.allow,
    )
    slots = []
    for branch in branches:
        slot = Slot(setup, branch)
        stack.callback(slot.close)
        slots.append(slot)
    warnings = (
        *(f"{skipped.path} was left out: {skipped.reason}." for skipped in branches[0].skipped[:5]),
        *(f"The option {option} was dropped: its pytest plugin is not installed." for option in dropped),
    )
    clean, *workers = slots
    prepared = Prepared(root, place.editable, setup, workers, clean, Texts(str(root)), layout, options.files, warnings)
    stack.callback(prepared.end)
    return prepared


def _network(allow: frozenset[str]) -> Network:
    unknown = sorted(allow.difference(PERMISSIONS))
    if unknown:
        raise QuantaError(f"Cannot allow {', '.join(unknown)}.", hint=f"Known permissions: {', '.join(PERMISSIONS)}.")
    if "network" in allow:
        return Network.HOST
    return Network.LOOPBACK if "network-loopback" in allow else Network.NONE
