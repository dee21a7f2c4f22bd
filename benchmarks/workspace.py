"""How long the workspace takes on a tree of 10,000 files: one line per figure.

    python -m benchmarks.workspace

The copy is set against `cp -a` and `shutil.copytree` of the same tree, the snapshot against `git add` + `write-tree`.
Everything happens in a temporary folder (``TMPDIR``), snapshots and branches included.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from quantatissu.workspace import Watcher, Workspace, apply_files, undo

FILES = 10_000
PER_DIRECTORY = 20
EDITED = 100
REPEATS = 3


def make_tree(root: Path, files: int = FILES, seed: int = 0) -> int:
    """A tree of `files` text files, 20 to a directory, most of a few kilobytes; returns the bytes written."""
    random_ = random.Random(seed)
    total = 0
    for number in range(files):
        folder = root / f"package{number // 400:03d}" / f"part{number // PER_DIRECTORY:04d}"
        if number % PER_DIRECTORY == 0:
            folder.mkdir(parents=True)
        lines = min(2000, int(random_.paretovariate(1.1) * 25))
        data = "".join(f"value_{number}_{line} = {random_.random()!r}\n" for line in range(lines)).encode()
        (folder / f"module{number:05d}.py").write_bytes(data)
        total += len(data)
    return total


def timed(action: Callable[[], object], repeats: int = 1) -> float:
    """Median wall seconds of `action`."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def show(what: str, seconds: float, note: str = "") -> None:
    value = f"{seconds:8.3f} s " if seconds >= 0.01 else f"{seconds * 1e6:8.1f} us"
    print(f"{what:<44}{value}  {note}".rstrip())


def main() -> None:
    """Make the tree, measure, print, and remove everything."""
    with tempfile.TemporaryDirectory(prefix="quanta-bench-") as name:
        folder = Path(name)
        os.environ["XDG_STATE_HOME"] = str(folder / "state")
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        root = folder / "project"
        root.mkdir()
        size = make_tree(root)
        print(f"tree: {FILES} files, {size / 1e6:.1f} MB, {os.cpu_count()} cores, in {folder.parent}")
        branches(root)
        snapshots(root)
        peers(root, folder)
        applying(root)


def snapshots(root: Path) -> None:
    workspace = Workspace(root)
    show("first snapshot", timed(workspace.snapshot))
    time.sleep(0.2)
    before = workspace.snapshot()
    show("second snapshot, same process", timed(workspace.snapshot, REPEATS))
    show("second snapshot, new process", timed(lambda: Workspace(root).snapshot(), REPEATS))
    paths = sorted(root.rglob("*.py"))[:: FILES // EDITED]
    for path in paths:
        path.write_bytes(path.read_bytes().replace(b"= 0.", b"= 1.", 3))
    show(f"diff, {EDITED} files edited", timed(lambda: workspace.diff(before), REPEATS))
    show(f"restore, {EDITED} files edited", timed(lambda: workspace.restore(before)))
    show("restore, nothing to do", timed(lambda: workspace.restore(before), REPEATS))
    start = time.perf_counter()
    with workspace.branch(before):
        show("branch at a snapshot", time.perf_counter() - start)
    workspace.close()


def peers(root: Path, folder: Path) -> None:
    copy = folder / "copy"
    show("  cp -a", timed(lambda: subprocess.run(["cp", "-a", root, copy], check=True)))
    shutil.rmtree(copy)
    show("  shutil.copytree", timed(lambda: shutil.copytree(root, copy, symlinks=True)))
    shutil.rmtree(copy)
    if shutil.which("git") is None:
        return
    environment = {**os.environ, "GIT_DIR": str(folder / "git"), "GIT_WORK_TREE": str(root)}

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], check=True, env=environment, stdout=subprocess.DEVNULL)

    git("init", "-q")
    for what in ("first", "second"):
        show(f"  git add -A; git write-tree, {what}", timed(lambda: (git("add", "-A"), git("write-tree"))))


def branches(root: Path) -> None:
    workspace = Workspace(root)
    # ext4 without a journal is slow to make files where many were just removed, for whoever makes them.
    for note in ("", "again", "and again"):
        start = time.perf_counter()
        branch = workspace.branch()
        show("branch of the live tree", time.perf_counter() - start, note)
        show("  closing it", timed(branch.close))
    with workspace.branch() as branch:
        start = time.perf_counter()
        watcher = Watcher(branch)
        show("watcher, starting", time.perf_counter() - start, watcher.mode)
        rounds = 2000
        show("  touched(), nothing happened", timed(lambda: [watcher.touched() for _ in range(rounds)]) / rounds)
        path = next(branch.root.rglob("*.py"))
        reverting, resetting = [], []
        for number in range(200):
            path.write_bytes(b"x = %d\n" % number)
            start = time.perf_counter()
            watcher.revert()
            reverting.append(time.perf_counter() - start)
            path.write_bytes(b"x = %d\n" % number)
            start = time.perf_counter()
            branch.reset([path.relative_to(branch.root)])
            resetting.append(time.perf_counter() - start)
            watcher.revert()
        show("  revert(), one file written", statistics.median(reverting))
        show("  reset(), one file", statistics.median(resetting))
        show("  changed(), looking at every file", timed(branch.changed, REPEATS))
        watcher.close()


def applying(root: Path) -> None:
    path = next(root.rglob("*.py"))
    name, old = str(path.relative_to(root)), path.read_bytes()
    show("apply, one file", timed(lambda: apply_files(root, {name: old + b"# new\n"}, {name: old})))
    show("undo", timed(lambda: undo(root)))


if __name__ == "__main__":
    main()
