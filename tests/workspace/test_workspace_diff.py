"""Diffs: real `git apply` turns the old tree into the new one, and back."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_workspace_snapshot import PROPERTY, project
from workspace_trees import Entry, Seen, build, contents, describe, entries, folder

from quantatissu.workspace import FileState, Workspace, diff_files, unified_diff
from quantatissu.workspace.diff import quote_path

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is the judge here")


def git_apply(root: Path, diff: str, *options: str) -> None:
    environment = {
        **os.environ,
        "GIT_CONFIG_NOSYSTEM": "1",
        "HOME": "/nonexistent",
        "GIT_CEILING_DIRECTORIES": str(root),
    }
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", *options],
        cwd=root,
        env=environment,
        input=diff.encode("utf-8"),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode() + diff


def as_git_sees(root: Path) -> dict[bytes, tuple[str, bool, bytes]]:
    """Files and symlinks; of permission bits only the owner's execute bit; no directories."""

    def entry(seen: Seen) -> tuple[str, bool, bytes]:
        return seen.kind, bool(seen.mode & 0o100) and seen.kind == "file", seen.data

    return {path: entry(seen) for path, seen in describe(root).items() if seen.kind != "directory"}


def remove_empty_directories(root: Path) -> None:
    for path in sorted((path for path, seen in describe(root).items() if seen.kind == "directory"), reverse=True):
        with contextlib.suppress(OSError):
            (root / os.fsdecode(path)).rmdir()


def endless_links(root: Path) -> list[bytes]:
    """Symlinks that lead to themselves, or through one that does."""
    found = []
    for path in describe(root):
        try:
            (root / os.fsdecode(path)).stat()
        except OSError as error:
            found += [path] if error.errno == errno.ELOOP else []
    return found


def git_gives_up(old: Path, new: Path) -> bool:
    """Of a symlink that leads to itself and becomes a directory, git cannot apply its own diff either."""
    return any((new / os.fsdecode(path)).is_dir() for path in endless_links(old))


def writable(tree: list[Entry]) -> list[Entry]:
    return [entry._replace(mode=entry.mode | 0o600 if entry.kind == "file" else 0o755) for entry in tree]


@needs_git
class TestGitApply:
    @settings(PROPERTY, max_examples=50)
    @given(entries(), entries("file file link directory gone"))
    def test_old_tree_plus_diff_is_new_tree(self, tree: list[Entry], later: list[Entry]) -> None:
        tree, later = writable(tree), writable(later)
        with folder() as base:
            root, store = project(base, tree)
            with Workspace(root, store) as workspace:
                before = workspace.snapshot()
                shutil.copytree(root, base / "old", symlinks=True)
                remove_empty_directories(base / "old")  # git does not know of them
                build(root, later)
                diff = workspace.diff(before)
                after = workspace.snapshot()
                assert diff == workspace.diff(before, after)
                assert (diff == "") == (as_git_sees(root) == as_git_sees(base / "old"))
                if diff and not git_gives_up(base / "old", root) and not git_gives_up(root, base / "old"):
                    original = as_git_sees(base / "old")
                    git_apply(base / "old", diff)
                    assert as_git_sees(base / "old") == as_git_sees(root)
                    git_apply(base / "old", workspace.diff(after, before))
                    assert as_git_sees(base / "old") == original
                    git_apply(base / "old", diff)
                    git_apply(base / "old", diff, "--reverse")
                    assert as_git_sees(base / "old") == original

    @PROPERTY
    @given(
        st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"\n", b"d"]), max_size=60).map(b"".join),
        st.lists(st.tuples(st.integers(0, 70), st.sampled_from([b"", b"x\n", b"a\nb\n", b"d"])), max_size=6),
    )
    def test_edits_in_repetitive_text(self, old: bytes, edits: list[tuple[int, bytes]]) -> None:
        lines = old.splitlines(keepends=True)
        for at, text in edits:
            lines[at : at + 1] = [text]
        new = b"".join(lines)
        with folder() as base:
            (base / "f").write_bytes(old)
            diff = diff_files({"f": old}, {"f": new})
            if old != new:
                git_apply(base, diff)
            assert (base / "f").read_bytes() == new

    def test_a_branch_against_its_origin(self, tmp_path: Path) -> None:
        root, store = project(
            tmp_path, [Entry((b"a",), "file", 0o644, b"1\n2\n"), Entry((b"gone",), "file", 0o755, b"x")]
        )
        with Workspace(root, store).branch() as branch:
            (branch.root / "a").write_bytes(b"1\n3\n")
            (branch.root / "gone").unlink()
            (branch.root / "pkg" / "__pycache__").mkdir(parents=True)
            (branch.root / "pkg" / "__pycache__" / "m.pyc").write_bytes(b"\0")
            (branch.root / "pkg" / "new").write_bytes(b"caf\xe9")
            (branch.root / "pkg" / "link").symlink_to("../a")
            git_apply(root, branch.diff())
            assert "pyc" not in branch.diff()
            expected = as_git_sees(branch.root)
            del expected[b"pkg/__pycache__/m.pyc"]
            assert as_git_sees(root) == expected


class TestForm:
    def test_an_ordinary_change(self) -> None:
        old = b"".join(b"line %d\n" % n for n in range(1, 21))
        new = old.replace(b"line 5\n", b"line five\n").replace(b"line 20\n", b"line 20")
        assert diff_files({"m.py": old}, {"m.py": new}).splitlines() == [
            "diff --git a/m.py b/m.py",
            f"index {blob(old)}..{blob(new)} 100644",
            "--- a/m.py",
            "+++ b/m.py",
            "@@ -2,7 +2,7 @@",
            *[f" line {n}" for n in (2, 3, 4)],
            "-line 5",
            "+line five",
            *[f" line {n}" for n in (6, 7, 8)],
            "@@ -17,4 +17,4 @@",
            *[f" line {n}" for n in (17, 18, 19)],
            "-line 20",
            "+line 20",
            "\\ No newline at end of file",
        ]

    def test_nothing_changed(self) -> None:
        assert diff_files({"a": b"x"}, {"a": b"x"}) == ""
        assert unified_diff({}, {}) == ""

    def test_mode_only(self) -> None:
        diff = unified_diff({b"a": FileState.file(b"x", 0o644)}, {b"a": FileState.file(b"x", 0o755)})
        assert diff == "diff --git a/a b/a\nold mode 100644\nnew mode 100755\n"

    @given(st.dictionaries(st.sampled_from(["a", "é", "b c"]), contents), st.dictionaries(st.just("a"), contents))
    def test_always_plain_text(self, old: dict[str, bytes], new: dict[str, bytes]) -> None:
        diff_files(old, new).encode("utf-8")

    @pytest.mark.parametrize(
        ("name", "quoted"),
        [
            (b"plain.py", "plain.py"),
            (b"with space", "with space"),
            ("é".encode(), '"\\303\\251"'),
            (b"\xff", '"\\377"'),
            (b'q"\\\n\t', '"q\\"\\\\\\n\\t"'),
            (b"\x01\x7f", '"\\001\\177"'),
        ],
    )
    def test_names_are_quoted_as_git_does(self, name: bytes, quoted: str) -> None:
        assert quote_path(name) == quoted

    def test_large_and_repetitive_files_take_no_time(self) -> None:
        old = b"".join(b"x\n" if n % 3 else b"    return %d\n" % (n % 50) for n in range(60_000))
        new = b"first\n" + old[: len(old) // 2] + b"middle\n" + old[len(old) // 2 :].replace(b"7\n", b"8\n") + b"last\n"
        start = time.perf_counter()
        diff = diff_files({"f": old}, {"f": new})
        assert time.perf_counter() - start < 5
        assert diff.startswith("diff --git")


def blob(data: bytes) -> str:
    """The name git gives these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
