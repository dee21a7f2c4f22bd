"""The same confinement through bubblewrap, for systems that allow namespaces to it but not to us."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from quantatissu.sandbox import launcher
from quantatissu.sandbox.plan import Step
from quantatissu.sandbox.policy import Network
from quantatissu.sandbox.process import interpreter

_LAUNCHER_INSIDE = "/run/quanta-launcher.py"


def arguments(executable: Path, steps: Sequence[Step], *, network: Network, memory_bytes: int | None) -> list[str]:
    """The command line up to and including the launcher, which then locks itself down inside."""
    size = ["--size", str(memory_bytes)] if memory_bytes else []
    line = [str(executable), "--die-with-parent", "--as-pid-1", "--unshare-user", "--unshare-pid", "--unshare-ipc"]
    line += ["--unshare-uts", "--unshare-cgroup-try", "--cap-drop", "ALL"]
    if network is not Network.HOST:
        line.append("--unshare-net")  # bubblewrap always raises the loopback interface
    line += ["--dev", "/dev"]
    sealed: list[str] = []
    for step in steps:
        if step.path in ("/dev", "/proc", "/dev/shm"):  # noqa: S108
            continue
        if step.kind == "directory":
            line += ["--dir", step.path]
        elif step.kind == "symlink":
            line += ["--symlink", step.source, step.path]
        elif step.kind == "scratch":
            line += ["--perms", f"{step.mode:04o}", *size, "--tmpfs", step.path]
        elif step.kind == "cover":
            line += [*size, "--tmpfs", step.path]
            sealed.append(step.path)
        else:
            line += ["--bind" if step.writable else "--ro-bind", step.source, step.path]
    for path in (*interpreter_folders(steps), launcher.__file__):
        line += ["--ro-bind", path, _LAUNCHER_INSIDE if path == launcher.__file__ else path]
    line += ["--proc", "/proc"]
    for path in (*sealed, "/proc", "/"):
        line += ["--remount-ro", path]
    return [*line, "--", os.path.realpath(sys.executable), *interpreter()[1:], _LAUNCHER_INSIDE]


def interpreter_folders(steps: Sequence[Step]) -> list[str]:
    """Where the tool's own Python lives, unless the tree has it already: the launcher's last stage runs inside."""
    shown = [step.path for step in steps if step.kind == "bind"]
    wanted = {os.path.realpath(sys.base_prefix), os.path.realpath(sys.base_exec_prefix)}
    return sorted(path for path in wanted if not any(path == one or path.startswith(one + "/") for one in shown))
