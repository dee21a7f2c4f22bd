"""What works on this machine and in this project: the facts behind ``quanta doctor``. Nothing here raises."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from quantatissu.cli.options import FixArguments, fix_options
from quantatissu.foundation import QuantaError
from quantatissu.foundation.paths import state_dir

if TYPE_CHECKING:
    from quantatissu.testing.command import TestCommand

Standing = Literal["ok", "warning", "missing", "info"]
_LOW_MEMORY = 2 << 30


@dataclass(frozen=True, slots=True)
class Check:
    """One fact. ``missing`` means that ``quanta fix`` cannot work; ``advice`` says what to do about it."""

    name: str
    standing: Standing
    detail: str
    advice: str | None = None


def machine_checks() -> Iterator[Check]:
    """What does not depend on a project."""
    yield _guard("platform", _platform)
    yield from _sandbox()
    yield _guard("cores", _cores)
    yield _guard("memory", _memory)
    yield _guard("state folder", _state)
    yield _guard("git", _git)
    yield _guard("gpu", _gpu)
    yield _guard("models", _models)


def _models() -> Check:
    from importlib.util import find_spec

    from quantatissu.model.packaged import packaged, packaged_names

    names = packaged_names()
    if not names:
        return Check("models", "info", "none built in; `quanta fix` needs none")
    if find_spec("onnxruntime") is None:
        advice = "pip install --upgrade quantatissu; until then `quanta fix` goes on without."
        return Check("models", "warning", f"{', '.join(names)} cannot run: onnxruntime is missing", advice)
    sizes = [sum(file.stat().st_size for file in folder.iterdir()) for name in names if (folder := packaged(name))]
    shown = ", ".join(f"{name} ({size / 2**20:.0f} MiB)" for name, size in zip(names, sizes, strict=True))
    return Check("models", "ok", f"{shown}, built in")


def _guard(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:
        return _finding(name, error)


def _finding(name: str, error: Exception) -> Check:
    """A check that fails is itself a finding."""
    if isinstance(error, QuantaError):
        return Check(name, "missing", error.message, error.hint)
    return Check(name, "warning", f"could not be checked: {type(error).__name__}: {error}")


def _platform() -> Check:
    wsl = "microsoft" in platform.release().lower()
    detail = f"{platform.system()} {platform.release()} {platform.machine()}{', WSL' if wsl else ''}"
    if sys.platform != "linux":
        return Check("platform", "missing", detail, "Use Linux, or Windows through WSL.")
    return Check("platform", "ok", f"{detail}, Python {platform.python_version()}")


def _sandbox() -> Iterator[Check]:
    """The mechanism in use, then each part of it with its reason."""
    from quantatissu.sandbox import available

    try:
        found = available()
    except Exception as error:
        yield _finding("sandbox", error)
        return
    if found.mechanism is None:
        needed = found.user_namespaces
        yield Check("sandbox", "missing", f"code cannot be confined here: {needed.detail}", needed.advice)
    else:
        yield Check("sandbox", "ok", f"by {found.mechanism}")
    for part in found.parts:
        yield Check(f"  {part.name}", "ok" if part.present else "info", part.detail, part.advice)


def _cores() -> Check:
    usable, all_ = len(os.sched_getaffinity(0)), os.cpu_count() or 1
    quota = _cpu_quota()
    detail = f"{usable} of {all_} usable" if usable != all_ else f"{usable}"
    if quota is not None and quota < usable:
        return Check("cores", "info", f"{detail}, limited to {quota:g} by the container")
    return Check("cores", "ok", detail)


def _cpu_quota() -> float | None:
    """Cores this control group (version 2) may use at once, if it is limited."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) / int(period)


def _memory() -> Check:
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    total, free = (int(fields[name].split()[0]) << 10 for name in ("MemTotal", "MemAvailable"))
    limit = _memory_limit()
    if limit is not None and limit < total:
        total, free = limit, min(free, limit)
    detail = f"{free / (1 << 30):.1f} GiB free of {total / (1 << 30):.1f}"
    if free < _LOW_MEMORY:
        return Check("memory", "warning", detail, "Tests of large projects may run out; close something.")
    return Check("memory", "ok", detail)


def _memory_limit() -> int | None:
    """Bytes this control group (version 2) may use, if it is limited."""
    try:
        text = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _state() -> Check:
    folder = state_dir()
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        advice = "Set XDG_STATE_HOME to a folder that can."
        return Check("state folder", "missing", f"{folder} cannot be written", advice)
    return Check("state folder", "ok", f"{folder}, {shutil.disk_usage(nearest).free / (1 << 30):.1f} GiB free")


def _git() -> Check:
    if shutil.which("git") is None:
        return Check("git", "info", "not found; not needed")
    version = subprocess.run(["git", "--version"], capture_output=True, text=True, timeout=5, check=False, cwd="/")
    return Check("git", "ok", version.stdout.strip().removeprefix("git version "))


def _gpu() -> Check:
    """Asks the driver only: importing a tensor library to find out would take seconds."""
    nodes = sorted(Path("/dev").glob("nvidia[0-9]*"))
    tool = shutil.which("nvidia-smi")
    names: list[str] = []
    if tool:
        listed = subprocess.run(
            [tool, "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True, timeout=5, check=False
        )
        names = listed.stdout.strip().splitlines() if listed.returncode == 0 else []
    if names or nodes:
        return Check("gpu", "ok", f"yes: {', '.join(names) or ', '.join(map(str, nodes))}")
    return Check("gpu", "info", "no; not needed")


def project_checks(root: Path) -> Iterator[Check]:
    """What the project at ``root`` needs: its test command, its interpreter, and the runner installed there."""
    from quantatissu.testing.command import parse_command
    from quantatissu.testing.discover import find_command

    try:
        options, _ = fix_options(FixArguments(path=root))
        command = parse_command(options.test, root) if options.test else find_command(root)
    except Exception as error:
        yield _finding("test command", error)
        return
    yield Check("test command", "ok", f"{command.text} (from {command.origin})")
    yield _guard("interpreter", lambda: _interpreter(root, command, options.python))


def _interpreter(root: Path, command: TestCommand, python: Path | None) -> Check:
    """Asks the project's interpreter about itself, in the sandbox: starting it runs the project's code."""
    from quantatissu.sandbox import open_sandbox
    from quantatissu.testing.interpreter import choose_interpreter, probe, require_runner
    from quantatissu.testing.slot import base_environment

    chosen = choose_interpreter(root, command, python)
    interpreter = probe(open_sandbox(), chosen, root, base_environment((), command.environment))
    require_runner(interpreter, command)
    version = ".".join(map(str, interpreter.version))
    runner = f", pytest {interpreter.pytest}" if interpreter.pytest else ""
    return Check("interpreter", "ok", f"{interpreter.path}: Python {version}{runner}")
