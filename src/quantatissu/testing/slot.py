"""A place to run tests: a private branch of the project, seen at the project's own path, with a warm worker in it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from quantatissu.diagnostics import Diagnostic, parse
from quantatissu.sandbox import Bind, Finished, Limits, Network, Policy, Process, Sandbox
from quantatissu.testing.client import INSIDE, WORKER_SOURCE, Limit, Trace, Unit, Worker, WorkerDied, boot
from quantatissu.testing.command import TestCommand
from quantatissu.testing.interpreter import Interpreter
from quantatissu.testing.records import Collected, Raised, Ran, TestResult, result_from
from quantatissu.workspace import Watcher, Workspace

# Passed from the caller's environment into the sandbox; anything else must be asked for by name.
ENVIRONMENT = ("PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TERM", "USER", "LOGNAME", "PYTHONPATH")
_SCRATCH = INSIDE / "out"


@dataclass(frozen=True)
class Setup:
    """What is the same for every run of a project's tests.

    ``root`` is the project's real folder; ``readable`` are host paths the interpreter needs; ``memory_bytes`` bounds
    one process tree.
    """

    root: Path
    command: TestCommand
    interpreter: Interpreter
    sandbox: Sandbox
    environment: Mapping[str, str]
    readable: tuple[Path, ...] = ()
    network: Network = Network.NONE
    home_readable: bool = False
    memory_bytes: int = 4 << 30

    @property
    def working_directory(self) -> Path:
        return self.root / self.command.cwd

    def policy(
        self, branch: Workspace, scratch: Path, *, wall_seconds: float | None, environment: Mapping[str, str]
    ) -> Policy:
        """What a run of tests may see: the branch in the project's place, its environments and history read-only."""
        return Policy(
            readable=self.readable,
            binds=(
                Bind(branch.root, self.root, writable=True),
                *(Bind(self.root / name, self.root / name) for name in branch.omitted),
                Bind(WORKER_SOURCE, INSIDE / "_quanta"),
                Bind(scratch, _SCRATCH, writable=True),
            ),
            environment=environment,
            network=self.network,
            home_readable=self.home_readable,
            limits=Limits(wall_seconds=wall_seconds, memory_bytes=self.memory_bytes),
        )


def base_environment(extra: Sequence[str], assignments: Mapping[str, str]) -> dict[str, str]:
    """The environment tests see: a short allowlist, what the user named, what the test command assigns."""
    names = [*ENVIRONMENT, *extra]
    found = {name: os.environ[name] for name in names if name in os.environ}
    found.setdefault("PATH", os.defpath)
    found["HOME"] = str(Path.home())
    found.update(assignments)
    return found


@dataclass(frozen=True)
class CleanRun:
    """One run of the project's own command in a clean process.

    ``results`` maps test ids to outcomes (empty for a generic command, whose only test is the command itself);
    ``complete`` says that the runner came to its own end.
    """

    results: Mapping[str, TestResult]
    finished: Finished
    complete: bool
    seconds: float

    @property
    def output(self) -> str:
        return (self.finished.stdout + b"\n" + self.finished.stderr).decode("utf-8", "replace")


class Slot:
    """One branch, one worker. Belongs to one thread at a time."""

    def __init__(self, setup: Setup, branch: Workspace) -> None:
        self.setup = setup
        self.branch = branch
        self.scratch = Path(tempfile.mkdtemp(prefix="quanta-"))
        self.worker: Worker | None = None
        self._watcher: Watcher | None = None
        self._written: set[str] = set()
        self._writes = 0
        self._open_timeout = 60.0
        self._preloaded = False
        self._first_run: CleanRun | None = None

    def close(self) -> None:
        """End the worker and remove the branch."""
        if self.worker is not None:
            self.worker.close()
        if self._watcher is not None:
            self._watcher.close()
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.branch.close()

    # -- the branch's content -------------------------------------------------------------------------------------

    def write(self, files: Mapping[str, bytes]) -> None:
        """Put changed files into the branch, with a time stamp that no compiled module of theirs can match.

        Each call's is another, a second apart, which is as fine as compiled modules record: what a clean run compiled
        must not pass for another text of the same length.
        """
        self._writes += 1
        for name, content in files.items():
            path = self.branch.root / name
            path.write_bytes(content)
            stamp = (self.setup.root / name).stat().st_mtime_ns + (10 + self._writes) * 1_000_000_000
            os.utime(path, ns=(stamp, stamp))
            self._written.add(name)

    def reset(self) -> None:
        """Bring the branch back to what it was: undo our own writes and whatever the tests did."""
        if self._watcher is not None:
            self._watcher.revert()
        elif self._written:
            self.branch.reset(self._written)
        self._written.clear()

    def watch(self) -> None:
        """From now on, `reset` puts back every path that anybody touches in the branch."""
        if self._watcher is None:
            self._watcher = Watcher(self.branch)
        self._watcher.revert()

    # -- the worker -----------------------------------------------------------------------------------------------

    def open(self, timeout: float, *, trace_imports: bool = False) -> Collected | str:
        """Start the warm worker and collect the tests; text says why collection was impossible.

        ``trace_imports`` notes which lines of the project run meanwhile.
        """
        command = self.setup.command
        if command.kind == "generic":
            return self._open_generic(timeout)
        environment = {**self.setup.environment, "TMPDIR": "/tmp"}  # noqa: S108
        for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            environment.setdefault(name, "1")  # native thread pools do not survive a fork
        policy = self.setup.policy(self.branch, self.scratch, wall_seconds=None, environment=environment)

        def start(argv: Sequence[str]) -> Process:
            return self.setup.sandbox.start(list(argv), cwd=self.setup.working_directory, policy=policy)

        config: dict[str, Any] = {
            "kind": command.kind,
            "module_form": command.module_form,
            "arguments": list(command.arguments),
            "interpreter_options": list(command.interpreter_options),
            "root": str(self.setup.root),
            "scratch": str(_SCRATCH),
        }
        self._open_timeout = timeout
        self.worker = Worker(start, config, self.setup.interpreter.path)
        self.worker.begin()
        return self.worker.open(timeout, trace_imports=trace_imports)

    def run(
        self,
        ids: Sequence[str] | None,
        *,
        limits: Mapping[str, Limit],
        total: float,
        units: Sequence[Unit] = (),
        hot: bool = True,
        stop: bool = False,
        detail: bool = False,
        trace: Trace | None = None,
    ) -> Ran:
        """`Worker.run`, with a worker that died replaced by a new one; the run that killed it counts as crashed."""
        if self.setup.command.kind == "generic":
            return self._run_generic(ids, total)
        assert self.worker is not None
        if not hot:
            self._preload()
        try:
            return self.worker.run(
                ids,
                limits=limits,
                total=total,
                units=units,
                hot=hot,
                stop=stop,
                detail=detail,
                trace=trace,
            )
        except WorkerDied:
            self.reset()
            self.worker.restart(self._open_timeout)
            first = next(iter(ids), "") if ids is not None else ""
            return Ran((TestResult(first, "crashed"),), "worker died")

    def _preload(self) -> None:
        """Before the first cold run: have what is not the project's in memory, unless that starts threads."""
        assert self.worker is not None
        collected = self.worker.collected
        if self._preloaded or collected is None:
            return
        self._preloaded = True
        if collected.threads <= 1 and self.worker.preload(collected.outside) > 1:
            self.worker.collected = replace(collected, outside=())
            self.worker.restart(self._open_timeout)

    # -- commands that are neither pytest nor unittest ------------------------------------------------------------

    def _open_generic(self, timeout: float) -> Collected | str:
        clean = self.clean_run(timeout)
        self._first_run = clean
        return Collected(tuple(clean.results), (), frozenset(), (), threads=2)

    def _run_generic(self, ids: Sequence[str] | None, total: float) -> Ran:
        """The whole command for every question; what it prints says where it failed."""
        clean = self._first_run or self.clean_run(total)
        self._first_run = None
        found = parse(clean.output)
        results = []
        for name, result in clean.results.items():
            if ids is not None and name not in ids:
                continue
            about = next((d for d in found if d.test == name), found[0] if found and len(clean.results) == 1 else None)
            raised = _raised(about) if about is not None and result.failed else None
            results.append(replace(result, seconds=clean.seconds, text=about.raw if about else "", raised=raised))
        ended = "timeout" if clean.finished.limit == "wall" else "done"
        return Ran(tuple(results), ended)

    # -- clean runs -----------------------------------------------------------------------------------------------

    def clean_run(self, timeout: float, cancelled: threading.Event | None = None) -> CleanRun:
        """Run the project's own command on the branch as it stands, in a process of its own.

        It is stopped after ``timeout`` seconds, or as soon as ``cancelled`` is set.
        """
        command = self.setup.command
        report = self.scratch / "report.jsonl"
        report.unlink(missing_ok=True)
        environment = {**self.setup.environment, "QUANTA_REPORT": str(_SCRATCH / "report.jsonl")}
        argv = list(command.argv)
        if command.kind == "unittest":
            argv = [
                str(self.setup.interpreter.path),
                *command.interpreter_options,
                "-c",
                boot("report_unittest"),
                *command.arguments,
            ]
        else:
            path = environment.get("PYTHONPATH")
            environment["PYTHONPATH"] = f"{INSIDE}{os.pathsep}{path}" if path else str(INSIDE)
            options = environment.get("PYTEST_ADDOPTS", "")
            environment["PYTEST_ADDOPTS"] = f"-p _quanta.report {options}".strip()
        policy = self.setup.policy(self.branch, self.scratch, wall_seconds=timeout, environment=environment)
        began = time.monotonic()
        finished = self._finish(argv, policy, cancelled or threading.Event())
        seconds = time.monotonic() - began
        results, complete = _read_report(report)
        if not results and command.kind == "generic":
            outcome = "passed" if finished.ok else "failed"
            results[command.text] = TestResult(command.text, outcome, seconds, collection=False)
            complete = finished.limit is None
        return CleanRun(results, finished, complete, seconds)

    def _finish(self, argv: Sequence[str], policy: Policy, cancelled: threading.Event) -> Finished:
        """Run to the end or until cancelled; stdout and stderr together, both ends kept."""
        said = _Ends(policy.limits.output_bytes // 2)
        command = self.setup.sandbox.start(argv, cwd=self.setup.working_directory, policy=policy, stderr="stdout")
        with command as process:
            process.stdin.close()

            def read() -> None:
                try:
                    while data := process.stdout.read(1 << 16):
                        said.add(data)
                except (OSError, ValueError):
                    pass  # closed while reading

            reader = threading.Thread(target=read, daemon=True)
            reader.start()
            while (finished := process.poll()) is None:
                if cancelled.wait(0.01):
                    process.kill()
                    finished = process.wait(5)
                    break
            reader.join(2)
        return replace(finished, stdout=said.value(), stderr=b"")


class _Ends:
    """Both ends of a stream: its first and its last ``size`` bytes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.head = bytearray()
        self.tail = bytearray()

    def add(self, data: bytes) -> None:
        room = self.size - len(self.head)
        self.head += data[:room]
        self.tail += data[max(room, 0) :]
        if len(self.tail) > 2 * self.size:
            del self.tail[: -self.size]

    def value(self) -> bytes:
        if len(self.tail) <= self.size:
            return bytes(self.head + self.tail)
        return bytes(self.head) + b"\n...\n" + bytes(self.tail[-self.size :])


def _raised(diagnostic: Diagnostic) -> Raised:
    frames = tuple((frame.path, frame.line, frame.function or "") for frame in diagnostic.frames)
    cause = _raised(diagnostic.causes[0]) if diagnostic.causes else None
    return Raised(diagnostic.code or "Exception", diagnostic.message, frames, cause)


def _read_report(path: Path) -> tuple[dict[str, TestResult], bool]:
    results: dict[str, TestResult] = {}
    complete = False
    try:
        lines = path.read_text("ascii", "replace").splitlines()
    except OSError:
        return results, False
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if "finished" in record:
            complete = True
        elif isinstance(record.get("id"), str):
            result = result_from(record)
            known = results.get(result.id)
            if known is None or result.failed or known.outcome == "passed":
                results[result.id] = result if known is None or not known.failed else replace(known)
    return results, complete
