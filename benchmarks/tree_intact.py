"""The row ``tree-intact``: the project's tree after the tool is interrupted or killed at random moments.

Every path, mode, content and modification time must be as before. A kill may come while the patch is being written;
then the tree may also be the completely patched one, and nothing in between. Nothing the tool started may be left
running.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.registry import Outcome, benchmark

State = Mapping[str, tuple[int, int, bytes]]


@benchmark(name="tree-intact", bar="all", describe="trees byte-identical after Ctrl-C and kill -9 at random moments")
def measure(arguments: Sequence[str]) -> Outcome:
    """Kill the tool N times, alternately by SIGINT and SIGKILL; the value is how many trees were intact."""
    from benchmarks.repair.tool import fix
    from benchmarks.samples import cases, parser, tool

    options = parser("tree-intact", __doc__)
    options.add_argument("--kills", type=int, default=30)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args(arguments)
    command = tool(chosen.quanta)
    (case,) = cases(1)
    test = case.package.command(case.python)
    rng = random.Random(chosen.seed)
    intact = left_running = 0
    with tempfile.TemporaryDirectory(prefix="bench-tree-") as scratch:
        root = Path(scratch) / "project"
        case.build_visible(root)
        whole = fix(command, root, test, seconds=20)
        patched = contents(state(root))
        for number in range(chosen.kills):
            subprocess.run(["rm", "-rf", str(root)], check=True)
            case.build_visible(root)
            before = state(root)
            kind = (signal.SIGINT, signal.SIGKILL)[number % 2]
            moment = rng.uniform(0, whole.seconds)
            ended = kill_at(command, root, test, moment, kind)
            after = state(root)
            good = after == before or ((kind == signal.SIGKILL or ended) and contents(after) == patched)
            running = processes_in(root)
            intact += good
            left_running += bool(running)
            verdict = ("intact" if after == before else "patched") if good else "CHANGED"
            note = " after its own end" if ended else f"; left running: {running}" if running else ""
            print(f"{kind.name:<8} at {moment:5.2f} s: {verdict}{note}", flush=True)
    return Outcome(
        f"{intact} of {chosen.kills}, {left_running} with processes left",
        intact == chosen.kills and not left_running,
    )


def kill_at(command: Sequence[str], root: Path, test: str, moment: float, kind: signal.Signals) -> bool:
    """Start the tool on `root`, send it `kind` after `moment` seconds, wait for its end; whether it ended before."""
    argv = [*command, "fix", str(root), "--test", test, "--json", "--apply", "--max-seconds", "20"]
    with tempfile.TemporaryDirectory(prefix="bench-state-") as kept:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "XDG_STATE_HOME": kept},
            start_new_session=True,
        )
        time.sleep(moment)
        ended = process.poll() is not None
        if not ended:
            process.send_signal(kind)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return ended


def state(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Mode, modification time (ns; of folders 0, a byproduct may come and go) and content of everything in `root`."""
    seen: dict[str, tuple[int, int, bytes]] = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            seen[name] = (status.st_mode, status.st_mtime_ns, os.fsencode(path.readlink()))
        elif path.is_file():
            seen[name] = (status.st_mode, status.st_mtime_ns, path.read_bytes())
        else:
            seen[name] = (status.st_mode, 0, b"")
    return seen


def contents(seen: State) -> dict[str, tuple[int, bytes]]:
    """The state without times: a patch written twice bears two."""
    return {path: (mode, content) for path, (mode, _, content) in seen.items()}


def processes_in(root: Path, *, patience: float = 3.0) -> list[int]:
    """Processes that work in `root` or name it on their command line, after giving them `patience` seconds to end."""
    deadline = time.monotonic() + patience
    while True:
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                place = os.fsencode((entry / "cwd").readlink())
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            name = os.fsencode(root)
            if name in line or place.startswith(name):
                found.append(int(entry.name))
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)
