"""Applying changes to the user's tree, and taking them back."""

from __future__ import annotations

import os
import stat
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_workspace_snapshot import PROPERTY
from workspace_trees import Entry, build, contents, describe, entries, folder

from quantatissu.foundation import QuantaError
from quantatissu.foundation.paths import state_dir
from quantatissu.workspace import apply_files, undo


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "pkg").mkdir(parents=True)
    (root / "a.py").write_bytes(b"old a\r\n")
    (root / "pkg" / "b.py").write_bytes(b"old b")
    (root / "pkg" / "b.py").chmod(0o755)
    return root


OLD = {"a.py": b"old a\r\n", "pkg/b.py": b"old b"}
NEW = {"a.py": b"new a\r\n", "pkg/b.py": b"\xff\x00"}


class TestIdentity:
    @PROPERTY
    @given(entries(), st.lists(st.dictionaries(st.integers(0, 30), contents, min_size=1), min_size=1, max_size=3))
    def test_undoing_every_apply_brings_everything_back(
        self, tree: list[Entry], rounds: list[dict[int, bytes]]
    ) -> None:
        with folder() as base:
            build(base, tree)
            states = [describe(base, times=True)]
            for chosen in rounds:
                names = sorted(path for path, seen in states[-1].items() if seen.kind == "file") or [b"new"]
                changes = {os.fsdecode(names[number % len(names)]): data for number, data in chosen.items()}
                expected = {
                    path: states[-1][os.fsencode(path)].data for path in changes if os.fsencode(path) in states[-1]
                }
                apply_files(base, changes, expected)
                after = describe(base)
                for path, data in changes.items():
                    assert after[os.fsencode(path)].data == data
                states.append(describe(base, times=True))
            for state in reversed(states[:-1]):
                undo(base)
                now = describe(base, times=True)
                # Of directories the time is that of the undo, as for any writing in them.
                assert {p: s for p, s in now.items() if s.kind != "directory"} == {
                    p: s for p, s in state.items() if s.kind != "directory"
                }
                assert now.keys() == state.keys()
            with pytest.raises(QuantaError, match="nothing to undo"):
                undo(base)


class TestApply:
    def test_writes_keeps_modes_and_undoes(self, root: Path) -> None:
        before = describe(root)
        apply_files(root, NEW, OLD)
        assert {path: (root / path).read_bytes() for path in NEW} == NEW
        assert stat.S_IMODE((root / "pkg" / "b.py").stat().st_mode) == 0o755
        assert undo(root) == ["a.py", "pkg/b.py"]
        assert describe(root) == before

    def test_a_file_that_changed_stops_everything(self, root: Path) -> None:
        (root / "pkg" / "b.py").write_bytes(b"edited")
        before = describe(root, times=True)
        with pytest.raises(QuantaError, match=r"pkg/b\.py changed meanwhile"):
            apply_files(root, NEW, OLD)
        assert describe(root, times=True) == before
        with pytest.raises(QuantaError, match="nothing to undo"):
            undo(root)

    def test_a_file_that_is_only_expected_is_checked_too(self, root: Path) -> None:
        with pytest.raises(QuantaError, match=r"a\.py changed meanwhile"):
            apply_files(root, {"pkg/b.py": b"new"}, {"pkg/b.py": b"old b", "a.py": b"something else"})
        assert (root / "pkg" / "b.py").read_bytes() == b"old b"

    def test_a_file_that_is_gone(self, root: Path) -> None:
        (root / "a.py").unlink()
        with pytest.raises(QuantaError, match=r"a\.py is gone"):
            apply_files(root, NEW, OLD)
        assert (root / "pkg" / "b.py").read_bytes() == b"old b"

    def test_new_files_and_their_folders(self, root: Path) -> None:
        before = describe(root)
        apply_files(root, {"x/y/new.py": b"n", **NEW}, OLD)
        assert (root / "x" / "y" / "new.py").read_bytes() == b"n"
        undo(root)
        assert describe(root) == before
        (root / "x").mkdir()
        (root / "x" / "new.py").write_bytes(b"the user's")
        with pytest.raises(QuantaError, match="already exists"):
            apply_files(root, {"x/new.py": b"n"}, {})
        assert (root / "x" / "new.py").read_bytes() == b"the user's"

    def test_through_a_symlink_inside(self, root: Path) -> None:
        (root / "link.py").symlink_to("pkg/b.py")
        apply_files(root, {"link.py": b"new"}, {"link.py": b"old b"})
        assert (root / "link.py").is_symlink()
        assert (root / "pkg" / "b.py").read_bytes() == b"new"
        assert undo(root) == ["link.py"]
        assert (root / "pkg" / "b.py").read_bytes() == b"old b"

    @pytest.mark.parametrize("target", ["../outside", "/etc/hostname"])
    def test_never_through_a_symlink_that_leads_outside(self, root: Path, target: str) -> None:
        (root.parent / "outside").write_bytes(b"precious")
        (root / "link.py").symlink_to(target)
        (root / "sub").symlink_to(root.parent)
        for path in ("link.py", "sub/outside"):
            with pytest.raises(QuantaError, match="outside the project"):
                apply_files(root, {**NEW, path: b"x"}, {**OLD, path: b"precious"})
        assert (root.parent / "outside").read_bytes() == b"precious"
        assert (root / "a.py").read_bytes() == OLD["a.py"]

    @pytest.mark.parametrize("path", ["/etc/passwd", "../x", "pkg/../../x", ""])
    def test_paths_outside_are_refused(self, root: Path, path: str) -> None:
        with pytest.raises(ValueError):
            apply_files(root, {path: b"x"}, {})

    def test_one_file_under_two_names(self, root: Path) -> None:
        (root / "link.py").symlink_to("a.py")
        with pytest.raises(QuantaError, match="one file"):
            apply_files(root, {"link.py": b"1", "a.py": b"2"}, {"link.py": OLD["a.py"], "a.py": OLD["a.py"]})

    def test_a_directory_in_place_of_a_file(self, root: Path) -> None:
        with pytest.raises(QuantaError, match="pkg"):
            apply_files(root, {"pkg": b"x"}, {})

    def test_a_failure_half_way_rolls_back(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        before = describe(root)
        real, calls = Path.replace, []

        def failing(self: Path, target: Path) -> Path:
            if target.is_relative_to(root):
                calls.append(target)
                if len(calls) == 2:
                    raise OSError(28, "No space left on device")
            return real(self, target)

        monkeypatch.setattr(Path, "replace", failing)
        with pytest.raises(QuantaError, match="nothing was changed"):
            apply_files(root, NEW, OLD)
        assert describe(root) == before
        with pytest.raises(QuantaError, match="nothing to undo"):
            undo(root)

    def test_an_edit_made_while_it_writes_is_kept(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        real = os.fsync

        def editing(fd: int) -> None:
            real(fd)
            if (root / "pkg" / "b.py").read_bytes() == b"old b" and "quanta-tmp" in str(
                Path(f"/proc/self/fd/{fd}").readlink()
            ):
                (root / "pkg" / "b.py").write_bytes(b"typed just now")

        monkeypatch.setattr(os, "fsync", editing)
        with pytest.raises(QuantaError, match="changed meanwhile"):
            apply_files(root, NEW, OLD)
        assert (root / "pkg" / "b.py").read_bytes() == b"typed just now"
        assert (root / "a.py").read_bytes() == OLD["a.py"]
        assert sorted(path.name for path in root.rglob("*")) == ["a.py", "b.py", "pkg"]

    def test_no_place_for_the_record(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_STATE_HOME", str(root / "a.py"))
        with pytest.raises(QuantaError, match="XDG_STATE_HOME"):
            apply_files(root, NEW, OLD)
        assert (root / "a.py").read_bytes() == OLD["a.py"]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_read_only_folder(self, root: Path) -> None:
        (root / "pkg").chmod(0o555)
        before = describe(root)
        with pytest.raises(QuantaError, match="cannot write"):
            apply_files(root, NEW, OLD)
        assert describe(root) == before
        (root / "pkg").chmod(0o755)

    def test_a_read_only_file_stays_one(self, root: Path) -> None:
        (root / "a.py").chmod(0o444)
        apply_files(root, NEW, OLD)
        assert stat.S_IMODE((root / "a.py").stat().st_mode) == 0o444
        undo(root)
        assert stat.S_IMODE((root / "a.py").stat().st_mode) == 0o444


class TestUndo:
    def test_nothing_to_undo(self, root: Path) -> None:
        with pytest.raises(QuantaError, match="nothing to undo"):
            undo(root)

    @pytest.mark.parametrize("how", ["edited", "removed", "chmod", "replaced by a symlink", "replaced by a folder"])
    def test_a_change_since_is_not_overwritten_unless_forced(self, root: Path, how: str) -> None:
        before = describe(root)
        apply_files(root, NEW, OLD)
        path = root / "pkg" / "b.py"
        if how == "edited":
            path.write_bytes(b"mine")
        elif how == "chmod":
            path.chmod(0o600)
        else:
            path.unlink()
            if "symlink" in how:
                path.symlink_to("../a.py")
            elif "folder" in how:
                path.mkdir()
        touched = describe(root, times=True)
        with pytest.raises(QuantaError, match=r"b\.py changed since"):
            undo(root)
        assert describe(root, times=True) == touched
        assert undo(root, force=True) == ["a.py", "pkg/b.py"]
        assert describe(root) == before

    def test_one_after_another(self, root: Path) -> None:
        contents = [OLD["a.py"], b"1", b"2", b"3"]
        for old, new in pairwise(contents):
            apply_files(root, {"a.py": new}, {"a.py": old})
        for expected in (b"2", b"1", OLD["a.py"]):
            undo(root)
            assert (root / "a.py").read_bytes() == expected

    def test_projects_do_not_share(self, root: Path, tmp_path: Path) -> None:
        apply_files(root, NEW, OLD)
        other = tmp_path / "elsewhere" / "project"
        other.mkdir(parents=True)
        with pytest.raises(QuantaError, match="nothing to undo"):
            undo(other)
        undo(root / "pkg" / "..")

    def test_a_damaged_record_is_a_clear_error(self, root: Path) -> None:
        apply_files(root, NEW, OLD)
        (record,) = (state_dir() / "undo").rglob("*.json")
        record.write_bytes(b"{")
        with pytest.raises(QuantaError, match="cannot be read"):
            undo(root)

    def test_old_records_are_dropped(self, root: Path) -> None:
        data = OLD["a.py"]
        for number in range(52):
            apply_files(root, {"a.py": b"%d" % number}, {"a.py": data})
            data = b"%d" % number
        assert len(list((state_dir() / "undo").rglob("*.json"))) == 50
