"""Killed (-9) at every single step that touches the file system, the tree can always be brought back."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from workspace_trees import Entry, build, describe, folder

from quantatissu.foundation import QuantaError
from quantatissu.workspace import Workspace, apply_files, undo

OLD = {"a.py": b"old a\n", "pkg/b.py": b"old b\n", "pkg/c.py": b"old c\n"}
NEW = {"a.py": b"new a\n", "pkg/b.py": b"new b\n", "pkg/c.py": b"new c\n", "fresh/d.py": b"new d\n"}


@pytest.fixture
def base() -> Iterator[Path]:
    with folder() as base:
        yield base


def run_and_kill(action: Callable[[], object], step: int) -> bool:
    """Run `action` in a child process that kills itself just before its `step`-th access to the file system.

    Whether it got killed; False when it finished before.
    """
    child = os.fork()
    if child == 0:
        count = 0

        def hook(event: str, _: tuple[object, ...]) -> None:
            nonlocal count
            if event == "open" or event.startswith("os."):
                count += 1
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        with contextlib.suppress(BaseException):
            sys.addaudithook(hook)
            action()
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def fresh(base: Path, number: int) -> Path:
    root = base / f"project{number}"
    for path, data in OLD.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def test_a_killed_apply_is_undone(base: Path) -> None:
    for step in range(1, 1000):
        root = fresh(base, step)
        before = describe(root)
        killed = run_and_kill(lambda: apply_files(root, NEW, OLD), step)
        for path, data in OLD.items():
            assert (root / path).read_bytes() in (data, NEW[path])
        if killed and describe(root) == before:
            with contextlib.suppress(QuantaError):  # it may not have come as far as having anything to undo
                undo(root)
        else:
            undo(root)
        assert describe(root) == before
        if not killed:
            break
    assert 30 < step < 999


def test_a_killed_apply_can_be_repeated(base: Path) -> None:
    for step in range(1, 1000):
        root = fresh(base, step)
        before = describe(root)
        killed = run_and_kill(lambda: apply_files(root, NEW, OLD), step)
        try:
            apply_files(root, NEW, OLD)
        except QuantaError:
            pass  # it was killed after its last write: everything is there
        assert {path: (root / path).read_bytes() for path in NEW} == NEW
        undo(root)
        assert describe(root) == before
        with pytest.raises(QuantaError, match="nothing to undo"):
            undo(root)
        if not killed:
            break


def test_a_killed_undo_is_finished_by_the_next(base: Path) -> None:
    for step in range(1, 1000):
        root = fresh(base, step)
        before = describe(root)
        apply_files(root, NEW, OLD)
        killed = run_and_kill(lambda: undo(root), step)
        with contextlib.suppress(QuantaError):  # the kill may have come after all was done
            undo(root)
        assert describe(root) == before
        if not killed:
            break
    assert step > 20


def test_a_killed_restore_can_be_repeated(base: Path) -> None:
    old = [
        Entry((b"a",), "file", 0o644, b"old"),
        Entry((b"becomes",), "file", 0o644, b"old"),
        Entry((b"d", b"e"), "file", 0o755, b"old"),
        Entry((b"link",), "link", 0, b"a"),
        Entry((b"read-only", b"f"), "file", 0o444, b"old"),
        Entry((b"read-only",), "directory", 0o555, b""),
    ]
    root = base / "project"
    root.mkdir()
    build(root, old)
    workspace = Workspace(root)
    first, before = workspace.snapshot(), describe(root)
    workspace.close()
    new = [
        Entry((b"a",), "file", 0o600, b"new"),
        Entry((b"becomes", b"a-directory"), "file", 0o644, b"new"),
        Entry((b"d",), "link", 0, b"/nowhere"),
        Entry((b"link",), "file", 0o644, b""),
        Entry((b"read-only", b"f"), "file", 0o644, b"new"),
        Entry((b"more",), "file", 0o644, b"new"),
    ]
    contents = {b"old", b"new", b""}
    for step in range(1, 1000):
        build(root, new)
        killed = run_and_kill(lambda: Workspace(root).restore(first), step)
        assert all(seen.data in contents for seen in describe(root).values() if seen.kind == "file")
        with Workspace(root) as again:
            again.restore(first)
        assert describe(root) == before
        if not killed:
            break
    assert 30 < step < 999
