"""`Sandbox`: run a command under a policy by whatever mechanism this machine allows."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from quantatissu.foundation import QuantaError
from quantatissu.sandbox import bubblewrap, process, seccomp
from quantatissu.sandbox.plan import Step, steps, writable_paths
from quantatissu.sandbox.policy import Finished, Policy
from quantatissu.sandbox.process import LaunchError, Process, StderrMode

Mechanism = Literal["namespaces", "bubblewrap", "unconfined"]
Argument = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Runs commands confined. Make one with `open_sandbox`.

    ``mechanism`` is how: ``namespaces`` (our own launcher), ``bubblewrap``, or ``unconfined``: no confinement at all,
    resource limits only, and binds must show a path at its own place.
    """

    mechanism: Mechanism
    bubblewrap: Path | None = None

    def run(self, argv: Sequence[Argument], *, cwd: Path, policy: Policy, stdin: bytes | None = None) -> Finished:
        """Run a command to its end; nothing it started outlives the call.

        ``cwd`` is a path inside. ``stdin`` is fed to it, or it reads an empty one. Outputs longer than
        ``policy.limits.output_bytes`` lose their middle; a command that goes on to write 64 times as much is ended
        (limit ``output``). Raises QuantaError when the command or ``cwd`` is not there inside, or when the sandbox
        cannot be built.
        """
        job = self._job(argv, cwd, policy)
        try:
            return process.run(job, stdin)[0]
        except LaunchError as error:
            raise _explained(error, job) from error

    def start(self, argv: Sequence[Argument], *, cwd: Path, policy: Policy, stderr: StderrMode = "collect") -> Process:
        """Start a command to talk to over binary pipes. Use it as a context manager, or call ``close``.

        ``stderr``: ``collect`` both ends of it (`Process.stderr`), send it to ``stdout``, or ``null``. Raises as `run`.
        """
        job = self._job(argv, cwd, policy)
        try:
            return Process(job, stderr=stderr)
        except LaunchError as error:
            raise _explained(error, job) from error

    def probe(self) -> dict[str, Any]:
        """Build the whole confinement once with nothing to run in it; what came about (``landlock``, ``proc``).

        Raises `LaunchError` with the step that failed.
        """
        job = self._job(["probe"], Path("/"), Policy()) | {"probe": True}
        return dict(process.run(job, None)[1])

    def _job(self, argv: Sequence[Argument], cwd: Path, policy: Policy) -> dict[str, Any]:
        if not argv:
            raise QuantaError("no command was given to run in the sandbox")
        tree = () if self.mechanism == "unconfined" else steps(policy, home=Path.home())
        if self.mechanism == "unconfined":
            _check_unconfined(policy)
        limits = policy.limits
        job: dict[str, Any] = {
            "mechanism": self.mechanism,
            "probe": False,
            "argv": [_utf8(os.fspath(argument)) for argument in argv],
            "cwd": _utf8(os.fspath(cwd)),
            "environment": {_utf8(name): _utf8(value) for name, value in policy.environment.items()},
            "network": policy.network.value,
            "limits": asdict(limits),
            "steps": [_plain(step) for step in tree],
            "writable": [_utf8(path) for path in writable_paths(tree)],
            "seccomp": "" if self.mechanism == "unconfined" else _filter(),
        }
        if self.mechanism == "bubblewrap":
            assert self.bubblewrap is not None
            line = bubblewrap.arguments(self.bubblewrap, tree, network=policy.network, memory_bytes=limits.memory_bytes)
            job["bubblewrap"] = [_utf8(argument) for argument in line]
        return job


@lru_cache(maxsize=1)
def _filter() -> str:
    machine = os.uname().machine
    if not seccomp.supported(machine):
        raise QuantaError(
            f"the sandbox does not know the system calls of {machine} processors", hint="It runs on x86_64 and aarch64."
        )
    return seccomp.program(machine).hex()


def _plain(step: Step) -> dict[str, Any]:
    return asdict(step) | {"path": _utf8(step.path), "source": _utf8(step.source)}


def _utf8(text: str) -> str:
    """The text whose UTF-8 (with surrogate escapes) is what ``text`` is in this process's file system encoding."""
    return os.fsencode(text).decode("utf-8", "surrogateescape")


def _check_unconfined(policy: Policy) -> None:
    for bind in policy.binds:
        if os.path.realpath(bind.source) != os.path.realpath(bind.target):
            raise QuantaError(
                f"without a sandbox {bind.source} cannot be shown at {bind.target}",
                hint="`quanta doctor` says what the sandbox needs on this machine.",
            )


def _explained(error: LaunchError, job: dict[str, Any]) -> QuantaError:
    command = job["argv"][0]
    if error.stage == "exec":
        if error.number == errno.ENOENT:
            return QuantaError(
                f"cannot run {command} in the sandbox: no such program there",
                hint=f"PATH was {job['environment'].get('PATH', '(not set)')}; a program outside the system folders "
                "must be in a readable folder, and so must the interpreter its first line names.",
            )
        return QuantaError(f"cannot run {command} in the sandbox: {error.detail}")
    if error.stage == "cwd":
        return QuantaError(f"cannot enter {job['cwd']} in the sandbox: {error.detail}")
    return QuantaError(
        f"the sandbox could not be built ({error.stage}: {error.detail})",
        hint="`quanta doctor` says what the sandbox needs on this machine.",
    )
