"""The warm worker as its client sees it: one confined process that runs tests on demand, a fork at a time.

Changed files are written into the worker's own branch (for tests that start subprocesses or read sources) and, where
the change lies in function bodies, also swapped into the live process, which saves importing everything anew.
"""

from __future__ import annotations

import json
import os
import select
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from quantatissu.foundation import QuantaError
from quantatissu.testing.records import Collected, Ran, TestResult, raised_from, result_from

WORKER_SOURCE = Path(__file__).parent / "worker"
INSIDE = Path("/run/quanta")  # where the worker's package, named _quanta, appears in the sandbox


def boot(module: str) -> str:
    """What ``python -c`` runs to start a module of the injected package."""
    return f"import sys; sys.path[0] = {str(INSIDE)!r}; from _quanta.{module} import main; main()"


class WorkerDied(Exception):
    """The worker process is gone (a candidate killed it, or it ran out of memory)."""


class Pipes(Protocol):
    """What is needed of a started process: `quantatissu.sandbox.Process` has it."""

    @property
    def stdin(self) -> Any: ...
    @property
    def stdout(self) -> Any: ...
    def stderr(self) -> bytes: ...
    def kill(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Limit:
    """Bounds of one test: processor seconds, and wall seconds for tests that wait. None: no bound."""

    cpu: float | None
    wall: float


@dataclass(frozen=True, slots=True)
class Unit:
    """A changed function, enough to compile it alone: see `worker.hotpatch`.

    ``first`` is the first line (decorators included) of the old and the new function, ``source`` the new one's lines.
    """

    path: str
    classes: tuple[str, ...]
    name: str
    first: int
    source: str

    def message(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "classes": list(self.classes),
            "name": self.name,
            "first": self.first,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class Trace:
    """What to trace: only ``files`` when given (absolute paths); stop after ``budget`` line events."""

    files: tuple[str, ...] | None = None
    budget: int | None = None

    def message(self) -> dict[str, Any]:
        return {
            "files": None if self.files is None else list(self.files),
            "budget": self.budget,
        }


class Worker:
    """One warm worker. Not thread-safe: each belongs to one thread at a time."""

    def __init__(self, start: Callable[[Sequence[str]], Pipes], config: Mapping[str, Any], python: Path) -> None:
        """``start`` runs a command confined and returns its pipes; ``config`` is what `worker.serve` expects."""
        self._start = start
        self._config = config
        self._argv = [str(python), *config.get("interpreter_options", ()), "-c", boot("serve")]
        self._process: Pipes | None = None
        self.collected: Collected | None = None
        self.memory = 1 << 30
        self.cold_startup = 20.0
        self._trace_imports = False

    # -- life -----------------------------------------------------------------------------------------------------

    def begin(self, timeout: float = 60.0) -> None:
        """Start the process and let it import the test runner. Raises QuantaError when it cannot."""
        self._process = self._start(self._argv)
        try:
            self._send(dict(self._config))
            reply = self._receive(timeout)
            if "error" in reply:
                raise WorkerDied(f"the runner ended with status {reply.get('status')}")
        except (WorkerDied, TimeoutError) as failure:
            said = self._process.stderr().decode("utf-8", "replace").strip()
            self.close()
            raise QuantaError(
                f"The test worker did not start: {said.splitlines()[-1] if said else failure!r}",
                hint="Check that the project's interpreter runs its tests by hand; pass another with --python.",
            ) from None

    def open(self, timeout: float, *, trace_imports: bool = False) -> Collected | str:
        """Collect the tests in the warm session. Returns why, as text, when the runner could not."""
        self._trace_imports = trace_imports
        began = time.monotonic()
        reply = self._ask({"op": "open", "timeout": timeout, "trace": trace_imports}, timeout + 5)
        self.cold_startup = 1.0 + 4 * (time.monotonic() - began)
        if "error" in reply:
            self.collected = None
            return str(reply.get("status", reply["error"]))
        self.collected = Collected(
            ids=tuple(reply["ids"]),
            errors=tuple(
                TestResult(e["id"], "failed", text=e.get("text", ""), raised=raised_from(e), collection=True)
                for e in reply["errors"]
            ),
            files=frozenset(reply["modules"]),
            outside=tuple(reply["outside"]),
            threads=int(reply["threads"]),
            imports=reply["imports"],
        )
        return self.collected

    def preload(self, modules: Sequence[str], timeout: float = 30.0) -> int:
        """Import modules into the cold server; returns how many threads it has afterwards (more than 1: unsafe)."""
        reply = self._ask({"op": "preload", "modules": list(modules)}, timeout)
        return int(reply["threads"])

    def restart(self, timeout: float) -> None:
        """Begin and open anew after the worker died."""
        preloaded = self.collected.outside if self.collected is not None else ()
        self.close()
        self.begin()
        if preloaded:
            self.preload(preloaded)
        self.open(timeout, trace_imports=self._trace_imports)

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None

    @property
    def said(self) -> str:
        """What the worker and the project's imports printed, for error messages."""
        return self._process.stderr().decode("utf-8", "replace") if self._process is not None else ""

    # -- work -----------------------------------------------------------------------------------------------------

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
        """Run tests in one forked child (all of them when ``ids`` is None).

        ``limits`` maps test ids to bounds, with ``*`` for the rest; ``total`` bounds the whole run in wall seconds;
        ``stop`` ends it at the first failure; ``detail`` asks for texts and tracebacks. A test that was being run when
        the child was stopped is reported as ``timeout`` or ``crashed``; those after it are not reported. Raises
        WorkerDied.
        """
        bounds = {name: [limit.cpu, limit.wall] for name, limit in limits.items()}
        bounds["*"] = [limits["*"].cpu, max(limit.wall for limit in limits.values())]
        request = {
            "op": "run",
            "hot": hot,
            "ids": None if ids is None else list(ids),
            "units": [unit.message() for unit in units],
            "stop": stop,
            "detail": detail,
            "trace": trace.message() if trace else None,
            "limits": bounds,
            "total": total if hot else total + self.cold_startup,
            "startup": 0 if hot else self.cold_startup,
            "memory": self.memory,
        }
        reply = self._ask(request, total + self.cold_startup + 15)
        if "error" in reply:
            raise WorkerDied(reply["error"])
        return _read_run(reply, ids)

    # -- wire -----------------------------------------------------------------------------------------------------

    def _ask(self, request: dict[str, Any], timeout: float) -> dict[str, Any]:
        try:
            self._send(request)
            return self._receive(timeout)
        except (OSError, TimeoutError) as failure:
            raise WorkerDied(repr(failure)) from None

    def _send(self, message: dict[str, Any]) -> None:
        if self._process is None:
            raise WorkerDied("not started")
        data = json.dumps(message, separators=(",", ":")).encode("ascii")
        view = memoryview(struct.pack("<I", len(data)) + data)
        fd = self._process.stdin.fileno()
        try:
            while view:
                view = view[os.write(fd, view) :]
        except OSError as failure:
            raise WorkerDied(repr(failure)) from None

    def _receive(self, timeout: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        (size,) = struct.unpack("<I", self._read(4, deadline))
        if size > 1 << 30:
            raise WorkerDied("a message of more than 1 GiB")
        message = json.loads(self._read(size, deadline))
        if not isinstance(message, dict):
            raise WorkerDied("not a message")
        return message

    def _read(self, size: int, deadline: float) -> bytes:
        assert self._process is not None
        fd = self._process.stdout.fileno()
        chunks: list[bytes] = []
        while size:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                raise TimeoutError
            chunk = os.read(fd, min(size, 1 << 20))
            if not chunk:
                raise WorkerDied("its output ended")
            chunks.append(chunk)
            size -= len(chunk)
        return b"".join(chunks)


def _read_run(reply: Mapping[str, Any], asked: Sequence[str] | None) -> Ran:
    results: list[TestResult] = []
    new: list[str] = []
    ended = str(reply["ended"])
    for record in reply["records"]:
        if "cold" in record:
            return Ran((), "done", needs_fresh_import=True)
        if "invalid" in record:
            return Ran((), "invalid")
        if "unusable" in record:
            ended = f"unusable {record['unusable']}"
        elif "ids" in record:
            new = list(record["ids"])
        else:
            results.append(result_from(record))
    if ended not in ("done", "exit 0") and not ended.startswith("unusable"):
        reported = {result.id for result in results}
        order = asked if asked is not None else new
        running = next((test for test in order if test not in reported), None)
        if running is not None:
            results.append(TestResult(running, "timeout" if ended == "timeout" else "crashed"))
    return Ran(tuple(results), ended, tuple(new))
