"""The watcher and the resetting of a branch: identity after anything, with and without the kernel's notifications."""

# Names here are bytes, which pathlib does not take.
# ruff: noqa: PTH101, PTH104, PTH114, PTH123

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_workspace_snapshot import PROPERTY, project
from workspace_trees import Entry, Seen, build, clear, describe, entries, folder

from quantatissu.foundation import QuantaError
from quantatissu.workspace import Watcher, Workspace

BOTH = pytest.mark.parametrize("inotify", [True, False], ids=["inotify", "scan"])

TREE = [
    Entry((b"a.py",), "file", 0o644, b"a = 1\n"),
    Entry((b"pkg", b"b.py"), "file", 0o755, b"b = 1\n"),
    Entry((b"pkg", b"deep", b"c.py"), "file", 0o600, b"c = 1\n"),
    Entry((b"link",), "link", 0, b"a.py"),
    Entry((b"empty",), "directory", 0o755, b""),
]


def file_times(root: Path) -> dict[bytes, Seen]:
    """The tree with its times, except those of directories: a scan cannot tell that something came and went."""
    return {
        path: seen._replace(mtime_ns=0) if seen.kind == "directory" else seen
        for path, seen in describe(root, times=True).items()
    }


def vandalise(root: Path, steps: list[tuple[str, int, int]]) -> None:
    """Move, remove, chmod, rewrite or link what is there, chosen by number."""
    for action, first, second in steps:
        paths = sorted(os.fsencode(root) + b"/" + path for path in describe(root))
        if not paths:
            return
        path, other = paths[first % len(paths)], paths[second % len(paths)]
        try:
            if action == "move":
                os.rename(path, other + b"-moved")
            elif action == "swap":
                os.rename(path, other)
            elif action == "remove":
                clear(path)
            elif action == "chmod":
                os.chmod(path, 0o700, follow_symlinks=True) if not os.path.islink(path) else None
            elif action == "write" and not os.path.islink(path):
                with open(path, "r+b") as stream:
                    stream.write(b"Z")
            elif action == "hardlink":
                os.link(path, other + b"-hard", follow_symlinks=False)
                with open(other + b"-hard", "r+b") as stream:
                    stream.write(b"Q")
        except OSError:
            continue


steps = st.lists(
    st.tuples(
        st.sampled_from(["move", "swap", "remove", "chmod", "write", "hardlink"]),
        st.integers(0, 50),
        st.integers(0, 50),
    ),
    max_size=8,
)


class TestIdentity:
    @BOTH
    def test_reverting_brings_back_the_origin_whatever_was_done(self, inotify: bool) -> None:
        @PROPERTY
        @given(entries(), st.lists(st.tuples(steps, entries(max_size=5)), min_size=1, max_size=3))
        def check(tree: list[Entry], rounds: list[tuple[list[tuple[str, int, int]], list[Entry]]]) -> None:
            with folder() as base:
                root, store = project(base, tree)
                with (
                    Workspace(root, store).branch(into=base / "branch") as branch,
                    Watcher(branch, inotify=inotify) as watcher,
                ):
                    before = file_times(branch.root)
                    for damage, more in rounds:
                        vandalise(branch.root, damage)
                        build(branch.root, more)
                        build(root, more)  # the user goes on working meanwhile
                        watcher.revert()
                        assert file_times(branch.root) == before
                        assert watcher.touched() == set()
                        assert branch.changed() == set()

        check()

    @PROPERTY
    @given(entries(), steps, entries(max_size=5))
    def test_resetting_what_changed_names(
        self, tree: list[Entry], damage: list[tuple[str, int, int]], more: list[Entry]
    ) -> None:
        with folder() as base:
            root, store = project(base, tree)
            with Workspace(root, store).branch(into=base / "branch") as branch:
                before = describe(branch.root)
                vandalise(branch.root, damage)
                build(branch.root, more)
                branch.reset(branch.changed())
                assert describe(branch.root) == before


@pytest.fixture
def branch(tmp_path: Path):
    root, store = project(tmp_path, TREE)
    with Workspace(root, store).branch() as branch:
        yield branch


class TestTouched:
    @BOTH
    def test_what_happened_is_named_once(self, branch: Workspace, inotify: bool) -> None:
        with Watcher(branch, inotify=inotify) as watcher:
            assert watcher.mode == ("inotify" if inotify else "scan")
            assert watcher.touched() == set()
            (branch.root / "a.py").write_bytes(b"a = 2\n")
            (branch.root / "new.py").write_bytes(b"")
            (branch.root / "pkg" / "b.py").unlink()
            (branch.root / "pkg" / "deep" / "c.py").chmod(0o644)
            assert watcher.touched() == {b"a.py", b"new.py", b"pkg/b.py", b"pkg/deep/c.py"}
            assert watcher.touched() == set()
            (branch.root / "a.py").write_bytes(b"a = 3\n")
            assert watcher.touched() == {b"a.py"}

    @BOTH
    def test_new_directories_with_what_is_in_them(self, branch: Workspace, inotify: bool) -> None:
        with Watcher(branch, inotify=inotify) as watcher:
            (branch.root / "n1" / "n2").mkdir(parents=True)
            (branch.root / "n1" / "n2" / "f").write_bytes(b"")
            assert watcher.touched() >= {b"n1", b"n1/n2", b"n1/n2/f"}
            (branch.root / "n1" / "n2" / "g").write_bytes(b"")
            assert b"n1/n2/g" in watcher.touched()

    def test_moved_directories_are_followed(self, branch: Workspace) -> None:
        with Watcher(branch) as watcher:
            (branch.root / "pkg").rename(branch.root / "moved")
            assert watcher.touched() >= {b"pkg", b"moved", b"moved/b.py", b"moved/deep/c.py"}
            (branch.root / "moved" / "deep" / "c.py").write_bytes(b"x")
            assert watcher.touched() == {b"moved/deep/c.py"}
            (branch.root / "moved").rename(branch.root / "pkg")
            assert b"pkg/b.py" in watcher.touched()
            (branch.root / "pkg" / "b.py").write_bytes(b"x")
            assert watcher.touched() == {b"pkg/b.py"}

    def test_writes_through_a_memory_map(self, branch: Workspace) -> None:
        with Watcher(branch) as watcher:
            with (branch.root / "a.py").open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as mapped:
                mapped[0:1] = b"z"
            assert b"a.py" in watcher.touched()

    def test_another_process(self, branch: Workspace) -> None:
        with Watcher(branch) as watcher:
            subprocess.run([sys.executable, "-c", "open('x', 'w').write('y')"], cwd=branch.root, check=True)
            assert watcher.revert() == {b"x"}
            assert not (branch.root / "x").exists()

    def test_too_many_events_at_once(self, branch: Workspace) -> None:
        limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        if limit > 50_000:
            pytest.skip("the queue here is too long to fill quickly")
        with Watcher(branch) as watcher:
            before = describe(branch.root)
            directory = branch.root / "late"
            for number in range(limit // 2 + 10):  # two names in turn: equal neighbours would be merged
                os.utime(branch.root / "a.py")
                os.utime(branch.root / "pkg" / "b.py")
            directory.mkdir()
            (directory / "f").write_bytes(b"")
            assert watcher.revert() >= {b"late", b"a.py"}
            assert describe(branch.root) == before
            (branch.root / "pkg" / "deep" / "c.py").write_bytes(b"still watching")
            assert watcher.revert() == {b"pkg/deep/c.py"}

    def test_without_watches_to_be_had_it_scans(self, branch: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
        libc = ctypes.CDLL(None, use_errno=True)

        class Exhausted:
            def __init__(self) -> None:
                self.real = libc
                self.inotify_init1, self.inotify_rm_watch = self.real.inotify_init1, self.real.inotify_rm_watch
                self.left = 2

            def inotify_add_watch(self, *arguments: object) -> int:
                self.left -= 1
                if self.left < 0:
                    ctypes.set_errno(28)
                    return -1
                return int(self.real.inotify_add_watch(*arguments))

        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Exhausted())
        with Watcher(branch) as watcher:
            assert watcher.mode == "scan"
            (branch.root / "pkg" / "b.py").write_bytes(b"x")
            assert watcher.revert() == {b"pkg/b.py"}
            assert (branch.root / "pkg" / "b.py").read_bytes() == b"b = 1\n"

    def test_only_branches_can_be_watched(self, tmp_path: Path) -> None:
        root, store = project(tmp_path)
        with pytest.raises(QuantaError, match="not an open branch"):
            Watcher(Workspace(root, store))

    def test_asking_costs_next_to_nothing(self, branch: Workspace) -> None:
        with Watcher(branch) as watcher:
            best = float("inf")
            for _ in range(20):
                start = time.perf_counter()
                for _ in range(50):
                    watcher.touched()
                best = min(best, (time.perf_counter() - start) / 50)
        assert best < 20e-6


class TestReset:
    def test_exactly_these_paths(self, branch: Workspace) -> None:
        (branch.root / "a.py").write_bytes(b"x")
        (branch.root / "pkg" / "b.py").write_bytes(b"x")
        (branch.root / "new").write_bytes(b"")
        assert branch.reset(["a.py", b"new", Path("not/there")]) == {b"a.py", b"new"}
        assert (branch.root / "a.py").read_bytes() == b"a = 1\n"
        assert (branch.root / "pkg" / "b.py").read_bytes() == b"x"
        assert not (branch.root / "new").exists()

    def test_contents_modes_and_times(self, branch: Workspace) -> None:
        before = describe(branch.root, times=True)
        (branch.root / "a.py").write_bytes(b"longer than it was before\n")
        (branch.root / "pkg" / "b.py").chmod(0)
        (branch.root / "pkg" / "deep" / "c.py").unlink()
        (branch.root / "link").unlink()
        (branch.root / "link").write_bytes(b"")
        (branch.root / "empty").rmdir()
        branch.reset(["a.py", "pkg/b.py", "pkg/deep/c.py", "link", "empty"])
        assert describe(branch.root, times=True) == before

    def test_symlinks_planted_on_the_way_lead_nowhere(self, branch: Workspace, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        (outside / "deep").mkdir(parents=True)
        (outside / "b.py").write_bytes(b"precious")
        (outside / "deep" / "c.py").write_bytes(b"precious")
        before, precious = describe(branch.root), describe(outside, times=True)
        clear(os.fsencode(branch.root / "pkg"))
        (branch.root / "pkg").symlink_to(outside)
        (branch.root / "a.py").unlink()
        (branch.root / "a.py").symlink_to(outside / "b.py")
        branch.reset(["pkg/b.py", "pkg/deep/c.py", "a.py", "pkg"])
        assert describe(branch.root) == before
        assert describe(outside, times=True) == precious

    def test_a_second_hard_link_is_not_written_through(self, branch: Workspace) -> None:
        outside = branch.root.parent / "outside"
        outside.write_bytes(b"precious")
        (branch.root / "a.py").unlink()
        os.link(outside, branch.root / "a.py")
        branch.reset(["a.py"])
        assert outside.read_bytes() == b"precious"
        assert (branch.root / "a.py").read_bytes() == b"a = 1\n"

    def test_a_write_through_a_second_name_is_found(self, branch: Workspace) -> None:
        with Watcher(branch) as watcher:
            os.link(branch.root / "a.py", branch.root / "pkg" / "other")
            (branch.root / "pkg" / "other").write_bytes(b"poison")
            watcher.revert()
            assert (branch.root / "a.py").read_bytes() == b"a = 1\n"
            assert branch.changed() == set()

    def test_a_write_through_a_name_that_is_gone_is_found(self, branch: Workspace) -> None:
        with Watcher(branch) as watcher:
            os.link(branch.root / "a.py", branch.root / "other")
            (branch.root / "other").write_bytes(b"poison")
            (branch.root / "other").unlink()
            watcher.revert()
            assert (branch.root / "a.py").read_bytes() == b"a = 1\n"
            assert watcher.touched() == set()

    def test_fifos_and_sockets_in_the_way(self, branch: Workspace) -> None:
        before = describe(branch.root)
        (branch.root / "a.py").unlink()
        os.mkfifo(branch.root / "a.py")
        os.mkfifo(branch.root / "new")
        branch.reset(branch.changed())
        assert describe(branch.root) == before

    def test_locked_directories(self, branch: Workspace) -> None:
        before = describe(branch.root)
        (branch.root / "pkg" / "new").write_bytes(b"")
        (branch.root / "pkg" / "deep" / "c.py").write_bytes(b"x")
        (branch.root / "pkg" / "deep").chmod(0)
        (branch.root / "pkg").chmod(0)
        (branch.root / "new").write_bytes(b"")
        branch.root.chmod(0)
        branch.reset(branch.changed())
        assert describe(branch.root) == before

    @pytest.mark.parametrize("path", ["/etc/passwd", "../x", "pkg/../../x"])
    def test_paths_outside_are_refused(self, branch: Workspace, path: str) -> None:
        with pytest.raises(ValueError, match="inside the tree"):
            branch.reset([path])

    def test_the_origin_may_change_or_vanish(self, tmp_path: Path) -> None:
        root, store = project(tmp_path, TREE)
        with Workspace(root, store).branch() as branch:
            before = describe(branch.root)
            clear(os.fsencode(root))
            clear(os.fsencode(branch.root / "pkg"))
            branch.reset(["pkg"])
            assert describe(branch.root) == before
