"""Branches: equal to their origin, independent of it, and gone when closed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from test_workspace_snapshot import PROPERTY, project
from workspace_trees import Entry, build, describe, entries, folder

from quantatissu.foundation import QuantaError
from quantatissu.foundation.paths import cache_dir
from quantatissu.workspace import Workspace


class TestCopy:
    @PROPERTY
    @given(entries())
    def test_a_branch_equals_the_live_tree_times_included(self, tree: list[Entry]) -> None:
        with folder() as base:
            root, store = project(base, tree)
            with Workspace(root, store).branch(into=base / "branch") as branch:
                assert describe(branch.root, times=True) == describe(root, times=True)
                assert branch.changed() == set()
                assert branch.diff() == ""
            assert not (base / "branch").exists()

    @PROPERTY
    @given(entries(), entries())
    def test_a_branch_at_a_snapshot_equals_what_was(self, tree: list[Entry], later: list[Entry]) -> None:
        with folder() as base:
            root, store = project(base, tree)
            with Workspace(root, store) as workspace:
                first, before = workspace.snapshot(), describe(root)
                build(root, later)
                with workspace.branch(first, into=base / "branch") as branch:
                    assert describe(branch.root) == before
                    assert branch.snapshot() == first
                    assert branch.changed() == set()

    def test_large_files(self, tmp_path: Path) -> None:
        root, store = project(tmp_path)
        data = os.urandom((1 << 20) + 12345)
        (root / "big").write_bytes(data)
        with Workspace(root, store).branch() as branch:
            assert (branch.root / "big").read_bytes() == data
            (branch.root / "big").write_bytes(b"")
            (root / "big").write_bytes(b"the user's")
            branch.reset(["big"])
            assert (branch.root / "big").read_bytes() == data
            assert (root / "big").read_bytes() == b"the user's"

    def test_writing_in_a_branch_leaves_the_origin_alone(self, tmp_path: Path) -> None:
        root, store = project(tmp_path, [Entry((b"a", b"b"), "file", 0o644, b"x" * 5000)])
        before = describe(root, times=True)
        with Workspace(root, store).branch() as branch:
            with (branch.root / "a" / "b").open("r+b") as stream:
                stream.write(b"y")
            assert (branch.root / "a" / "b").stat().st_nlink == 1
        assert describe(root, times=True) == before

    def test_omitted_directories_are_empty_places_to_bind_over(self, tmp_path: Path) -> None:
        root, store = project(tmp_path)
        for name in (".git", "web/node_modules", "env", "__pycache__"):
            (root / name).mkdir(parents=True)
            (root / name / "inside").write_bytes(b"x")
        (root / "env" / "pyvenv.cfg").write_bytes(b"")
        workspace = Workspace(root, store)
        snapshot = workspace.snapshot()
        for branch in (workspace.branch(), workspace.branch(snapshot)):
            with branch:
                assert [str(path) for path in branch.omitted] == [".git", "env", "web/node_modules"]
                found = describe(branch.root)
                assert set(found) == {b".git", b"web", b"web/node_modules", b"env"}
                assert branch.snapshot() == snapshot
                assert branch.diff() == "" and branch.changed() == set()

    def test_special_files_are_reported(self, tmp_path: Path) -> None:
        root, store = project(tmp_path)
        os.mkfifo(root / "pipe")
        with Workspace(root, store).branch() as branch:
            assert [(str(s.path), s.reason) for s in branch.skipped] == [("pipe", "a FIFO")]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
    def test_unreadable_files_and_directories_are_reported(self, tmp_path: Path) -> None:
        root, store = project(tmp_path, [Entry((b"f",), "file", 0o000, b"x"), Entry((b"d",), "directory", 0o000, b"")])
        with Workspace(root, store).branch() as branch:
            assert {str(s.path) for s in branch.skipped} == {"f", "d"}
        (root / "d").chmod(0o700)

    def test_an_empty_project(self, tmp_path: Path) -> None:
        root, store = project(tmp_path)
        with Workspace(root, store).branch() as branch:
            assert list(branch.root.iterdir()) == []
            assert branch.root.name == root.name


class TestLife:
    def test_a_place_in_use_or_inside_the_project_is_refused(self, tmp_path: Path) -> None:
        root, store = project(tmp_path)
        (tmp_path / "used").mkdir()
        (tmp_path / "used" / "file").write_bytes(b"x")
        with pytest.raises(QuantaError, match="not empty"):
            Workspace(root, store).branch(into=tmp_path / "used")
        assert (tmp_path / "used" / "file").read_bytes() == b"x"
        with pytest.raises(QuantaError, match="inside"):
            Workspace(root, store).branch(into=root / "branch")
        assert list(root.iterdir()) == []

    def test_closing_removes_whatever_was_made_in_it(self, tmp_path: Path) -> None:
        root, store = project(tmp_path)
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "file").write_bytes(b"precious")
        branch = Workspace(root, store).branch()
        (branch.root / "link").symlink_to(outside)
        (branch.root / "locked" / "deeper").mkdir(parents=True)
        (branch.root / "locked" / "deeper" / "f").write_bytes(b"")
        (branch.root / "locked").chmod(0)
        fd = os.open(branch.root, os.O_RDONLY)
        for _ in range(1100):
            os.mkdir("d", dir_fd=fd)
            inner = os.open("d", os.O_RDONLY, dir_fd=fd)
            os.close(fd)
            fd = inner
        os.close(fd)
        branch.close()
        branch.close()
        assert not branch.root.exists()
        assert list((cache_dir() / "branches").iterdir()) == []
        assert (outside / "file").read_bytes() == b"precious"
        with pytest.raises(QuantaError, match="not an open branch"):
            branch.reset(["a"])

    def test_a_failed_copy_leaves_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        root, store = project(tmp_path, [Entry((b"a",), "file", 0o644, b"x")])
        (tmp_path / "file").write_bytes(b"")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        with pytest.raises(QuantaError, match="XDG_CACHE_HOME"):
            Workspace(root, store).branch()

    def test_branches_of_dead_processes_are_swept_and_living_ones_kept(self, tmp_path: Path) -> None:
        root, store = project(tmp_path, [Entry((b"a",), "file", 0o644, b"x")])
        program = (
            "import sys, time, pathlib; from quantatissu.workspace import Workspace\n"
            "b = Workspace(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])).branch()\n"
            "print(b.root, flush=True); time.sleep(60)"
        )
        with subprocess.Popen([sys.executable, "-c", program, root, store], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            orphan = Path(child.stdout.readline().strip())
            with Workspace(root, store).branch() as mine:
                assert orphan.exists()
                child.kill()
                child.wait()
                with Workspace(root, store).branch():
                    assert not orphan.parent.exists()
                    assert mine.root.exists()

    def test_a_file_vanishing_during_the_copy_is_no_error(self, tmp_path: Path) -> None:
        root, store = project(tmp_path)
        program = (
            "import sys, os, itertools\n"
            "os.chdir(sys.argv[1])\n"
            "for n in itertools.count():\n"
            "    open(f'f{n % 50}', 'w').close(); os.unlink(f'f{(n + 25) % 50}') if n > 50 else None\n"
        )
        with subprocess.Popen([sys.executable, "-c", program, root]) as child:
            end = time.monotonic() + 0.7
            while time.monotonic() < end:
                Workspace(root, store).branch().close()
            child.kill()


def test_a_branch_of_a_branch(tmp_path: Path) -> None:
    root, store = project(tmp_path, [Entry((b"a",), "file", 0o644, b"x\n"), Entry((b".git",), "directory", 0o755, b"")])
    with Workspace(root, store).branch() as one:
        (one.root / "a").write_bytes(b"y\n")
        with one.branch() as two:
            assert (two.root / "a").read_bytes() == b"y\n"
            assert two.diff() == ""
            assert [str(path) for path in two.omitted] == [".git"]
