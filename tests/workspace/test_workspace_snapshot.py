"""Snapshot and restore: identity on any tree, and what is left alone."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from workspace_trees import Entry, build, describe, entries, folder

from quantatissu.foundation import QuantaError
from quantatissu.workspace import DEFAULT_EXCLUSIONS, SnapshotId, Workspace

PROPERTY = settings(
    deadline=None, max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def project(base: Path, tree: Sequence[Entry] = ()) -> tuple[Path, Path]:
    """A project with these entries, and a place for its store."""
    root = base / "project"
    root.mkdir()
    build(root, tree)
    return root, base / "store"


class TestIdentity:
    @PROPERTY
    @given(entries(), entries("file link directory gone"))
    def test_restore_brings_back_every_byte_and_mode(self, tree: list[Entry], later: list[Entry]) -> None:
        with folder() as base:
            root, store = project(base, tree)
            workspace = Workspace(root, store)
            first, before = workspace.snapshot(), describe(root)
            build(root, later)
            workspace.restore(first)
            assert describe(root) == before
            assert workspace.snapshot() == first
            workspace.close()

    @PROPERTY
    @given(entries(), entries("file link directory gone"))
    def test_the_snapshot_that_restore_returns_undoes_it(self, tree: list[Entry], later: list[Entry]) -> None:
        with folder() as base:
            root, store = project(base, tree)
            with Workspace(root, store) as workspace:
                first = workspace.snapshot()
                build(root, later)
                changed = describe(root)
                workspace.restore(workspace.restore(first))
                assert describe(root) == changed

    @PROPERTY
    @given(entries())
    def test_equal_trees_have_equal_ids(self, tree: list[Entry]) -> None:
        with folder() as base:
            ids = set()
            for name in ("one", "two"):
                (base / name).mkdir()
                root, store = project(base / name, tree)
                with Workspace(root, store) as workspace:
                    ids.add(workspace.snapshot())
            assert len(ids) == 1

    def test_ids_tell_contents_modes_names_and_targets_apart(self, tmp_path: Path) -> None:
        root, store = project(tmp_path)
        path = root / "a"
        with Workspace(root, store) as workspace:
            seen = [workspace.snapshot()]
            path.write_bytes(b"x")
            seen.append(workspace.snapshot())
            path.chmod(0o755)
            seen.append(workspace.snapshot())
            path.write_bytes(b"y")
            seen.append(workspace.snapshot())
            path.rename(root / "b")
            seen.append(workspace.snapshot())
            (root / "b").unlink()
            (root / "b").symlink_to("y")
            seen.append(workspace.snapshot())
            (root / "b").unlink()
            (root / "b").mkdir()
            seen.append(workspace.snapshot())
        assert len(set(seen)) == len(seen)


class TestIndex:
    def test_same_size_and_time_forged_is_still_seen(self, tmp_path: Path) -> None:
        root, store = project(tmp_path)
        path = root / "a.py"
        path.write_bytes(b"x < 1\n")
        workspace = Workspace(root, store)
        first = workspace.snapshot()
        status = path.stat()
        path.write_bytes(b"x > 1\n")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert workspace.snapshot() != first

    def test_a_change_within_the_clock_tick_of_the_snapshot_is_seen(self, tmp_path: Path) -> None:
        root, store = project(tmp_path)
        path = root / "a.py"
        with Workspace(root, store) as workspace:
            for number in range(200):
                path.write_bytes(b"%03d" % number)
                snapshot = workspace.snapshot()
                path.write_bytes(b"---")
                workspace.restore(snapshot)
                assert path.read_bytes() == b"%03d" % number

    def test_another_process_uses_the_index(self, tmp_path: Path) -> None:
        root, store = project(tmp_path, [Entry((b"a",), "file", 0o644, b"x")])
        first = Workspace(root, store).snapshot()
        program = "import sys, pathlib; from quantatissu.workspace import Workspace as W\n"
        program += "print(W(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])).snapshot())"
        done = subprocess.run([sys.executable, "-c", program, root, store], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == first

    def test_second_snapshot_reads_no_file(self, tmp_path: Path) -> None:
        root, store = project(tmp_path)
        path = root / "a.py"
        path.write_bytes(b"x")
        os.utime(path, ns=(10**18, 10**18))
        workspace = Workspace(root, store)
        workspace.snapshot()
        time.sleep(0.1)  # until the file's status has settled
        workspace.snapshot()
        opened: list[object] = []
        armed = [True]
        sys.addaudithook(lambda event, arguments: opened.append(arguments[0]) if armed[0] and event == "open" else None)
        workspace.snapshot()
        armed[0] = False
        assert b"a.py" not in opened and str(path) not in opened


class TestLeftAlone:
    def test_excluded_directories_are_neither_kept_nor_touched(self, tmp_path: Path) -> None:
        root, store = project(tmp_path)
        (root / "a.py").write_bytes(b"1")
        for name in (".git", ".venv", "node_modules", "__pycache__", ".mypy_cache", "pkg/__pycache__"):
            (root / name).mkdir(parents=True)
            (root / name / "inside").write_bytes(b"old")
        (root / "odd-name").mkdir()
        (root / "odd-name" / "pyvenv.cfg").write_bytes(b"home = /usr\n")
        workspace = Workspace(root, store)
        first = workspace.snapshot()
        assert set(map(str, workspace.omitted)) == {".git", ".venv", "node_modules", "odd-name"}
        for name in (".git", ".venv", "node_modules", "__pycache__", "odd-name"):
            (root / name / "inside").write_bytes(b"new")
        (root / "a.py").write_bytes(b"2")
        assert workspace.snapshot() != first
        workspace.restore(first)
        assert (root / "a.py").read_bytes() == b"1"
        for name in (".git", ".venv", "node_modules", "__pycache__", "odd-name"):
            assert (root / name / "inside").read_bytes() == b"new"

    def test_a_package_called_venv_is_no_environment(self, tmp_path: Path) -> None:
        root, store = project(tmp_path, [Entry((b"venv", b"__init__.py"), "file", 0o644, b"x")])
        workspace = Workspace(root, store)
        first = workspace.snapshot()
        (root / "venv" / "__init__.py").unlink()
        workspace.restore(first)
        assert (root / "venv" / "__init__.py").read_bytes() == b"x"
        assert workspace.omitted == ()

    def test_a_git_file_of_a_worktree_is_omitted(self, tmp_path: Path) -> None:
        root, store = project(tmp_path, [Entry((b".git",), "file", 0o644, b"gitdir: /elsewhere\n")])
        workspace = Workspace(root, store)
        assert [str(path) for path in workspace.omitted] == [".git"]

    def test_the_cache_of_a_directory_that_goes_goes_with_it(self, tmp_path: Path) -> None:
        root, store = project(tmp_path)
        workspace = Workspace(root, store)
        first = workspace.snapshot()
        (root / "pkg" / "__pycache__").mkdir(parents=True)
        (root / "pkg" / "__pycache__" / "m.pyc").write_bytes(b"")
        workspace.restore(first)
        assert list(root.iterdir()) == []

    def test_a_directory_with_an_environment_inside_stays(self, tmp_path: Path) -> None:
        root, store = project(tmp_path)
        workspace = Workspace(root, store)
        first = workspace.snapshot()
        (root / "new" / ".venv").mkdir(parents=True)
        (root / "new" / "file").write_bytes(b"")
        workspace.restore(first)
        assert sorted(str(p.relative_to(root)) for p in root.rglob("*")) == ["new", "new/.venv"]

    def test_what_no_snapshot_holds_is_not_overwritten(self, tmp_path: Path) -> None:
        root, store = project(tmp_path, [Entry((b"a",), "file", 0o644, b"x"), Entry((b"b",), "file", 0o644, b"x")])
        workspace = Workspace(root, store)
        first = workspace.snapshot()
        (root / "b").unlink()
        (root / "a").write_bytes(b"changed")
        (root / "b" / ".venv").mkdir(parents=True)
        before = describe(root)
        with pytest.raises(QuantaError, match="in the way"):
            workspace.restore(first)
        assert describe(root) == before

    def test_special_files_are_skipped_and_reported(self, tmp_path: Path) -> None:
        root, store = project(tmp_path)
        os.mkfifo(root / "pipe")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(root / "sock"))
        workspace = Workspace(root, store)
        first = workspace.snapshot()
        assert {(str(s.path), s.reason) for s in workspace.skipped} == {("pipe", "a FIFO"), ("sock", "a socket")}
        (root / "a").write_bytes(b"")
        workspace.restore(first)
        assert {path.name for path in root.iterdir()} == {"pipe", "sock"}

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
    def test_unreadable_files_are_skipped_reported_and_kept(self, tmp_path: Path) -> None:
        root, store = project(tmp_path, [Entry((b"secret",), "file", 0o000, b"x"), Entry((b"a",), "file", 0o644, b"x")])
        workspace = Workspace(root, store)
        first = workspace.snapshot()
        assert [(str(s.path), s.reason) for s in workspace.skipped] == [("secret", "Permission denied")]
        (root / "a").unlink()
        workspace.restore(first)
        (root / "secret").chmod(0o600)
        assert (root / "secret").read_bytes() == b"x"

    def test_symlinks_are_not_followed(self, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "file").write_bytes(b"precious")
        root, store = project(tmp_path)
        (root / "sub").mkdir()
        (root / "sub" / "file").write_bytes(b"mine")
        workspace = Workspace(root, store)
        first = workspace.snapshot()
        (root / "sub" / "file").unlink()
        (root / "sub").rmdir()
        (root / "sub").symlink_to(outside)
        workspace.restore(first)
        assert (outside / "file").read_bytes() == b"precious"
        assert (root / "sub" / "file").read_bytes() == b"mine" and not (root / "sub").is_symlink()


class TestStore:
    def test_large_contents(self, tmp_path: Path) -> None:
        root, store = project(tmp_path)
        data = os.urandom(5 << 20)
        (root / "big").write_bytes(data)
        workspace = Workspace(root, store)
        first = workspace.snapshot()
        (root / "big").write_bytes(data[:-1])
        workspace.restore(first)
        assert (root / "big").read_bytes() == data

    def test_nothing_is_written_inside_the_project(self, tmp_path: Path) -> None:
        root, _ = project(tmp_path, [Entry((b"a",), "file", 0o644, b"x")])
        before = describe(root, times=True)
        with Workspace(root) as workspace:
            workspace.snapshot()
            workspace.branch().close()
            assert not workspace.store.is_relative_to(root)
        assert describe(root, times=True) == before

    def test_a_store_inside_the_project_is_refused(self, tmp_path: Path) -> None:
        root, _ = project(tmp_path)
        with pytest.raises(QuantaError, match="inside the project"):
            Workspace(root, root / "store")

    @pytest.mark.parametrize("id_", ["", "xyz", "00" * 32])
    def test_an_unknown_snapshot_is_refused_with_nothing_changed(self, tmp_path: Path, id_: str) -> None:
        root, store = project(tmp_path, [Entry((b"a",), "file", 0o644, b"x")])
        workspace = Workspace(root, store)
        for action in (workspace.restore, workspace.branch, workspace.diff):
            with pytest.raises(QuantaError, match="no snapshot"):
                action(SnapshotId(id_))
        assert (root / "a").read_bytes() == b"x"

    def test_damage_is_noticed(self, tmp_path: Path) -> None:
        root, store = project(tmp_path, [Entry((b"a",), "file", 0o644, b"x")])
        with Workspace(root, store) as workspace:
            first = workspace.snapshot()
        with sqlite3.connect(store / "contents.sqlite3") as connection:
            connection.execute("UPDATE content SET data = ?", (b"rubbish",))
        with pytest.raises(QuantaError, match="damaged"):
            Workspace(root, store).branch(first)

    def test_a_store_that_cannot_be_made_is_a_clear_error(self, tmp_path: Path) -> None:
        root, _ = project(tmp_path)
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(QuantaError, match="store"):
            Workspace(root, tmp_path / "file").snapshot()

    def test_missing_root(self, tmp_path: Path) -> None:
        with pytest.raises(QuantaError, match="no such directory"):
            Workspace(tmp_path / "nowhere")
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(QuantaError, match="not a directory"):
            Workspace(tmp_path / "file")

    def test_deep_trees(self, tmp_path: Path) -> None:
        root, store = project(tmp_path)
        fd = os.open(root, os.O_RDONLY)
        for _ in range(300):
            os.mkdir("d", dir_fd=fd)
            inner = os.open("d", os.O_RDONLY, dir_fd=fd)
            os.close(fd)
            fd = inner
        os.close(fd)
        workspace = Workspace(root, store)
        workspace.snapshot()
        assert [skipped.reason for skipped in workspace.skipped] == ["nested too deeply"]
        with workspace.branch() as branch:
            assert [skipped.reason for skipped in branch.skipped] == ["nested too deeply"]

    def test_own_exclusions(self, tmp_path: Path) -> None:
        root, store = project(tmp_path, [Entry((b"a", b"b"), "file", 0o644, b"x"), Entry((b"c",), "file", 0o644, b"")])
        workspace = Workspace(root, store, DEFAULT_EXCLUSIONS.adding([b"a"]))
        with workspace.branch() as branch:
            assert set(describe(branch.root)) == {b"a", b"c"}
            assert [str(path) for path in branch.omitted] == ["a"]
