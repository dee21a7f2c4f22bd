"""The tool's own git, on repositories that would like to run something."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from quantatissu.sandbox import Sandbox, confined_git, run_git

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

IDENTITY = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org", "-c", "init.defaultBranch=main"]


def git(root: Path, *args: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *IDENTITY, *args], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init")
    (root / "file.txt").write_text("one\n")
    (root / "data.bin").write_bytes(b"one\n")
    (root / "inner").mkdir()
    (root / "inner" / "module.py").write_text("x = 1\n")
    git(root, "add", ".")
    git(root, "commit", "-m", "first")
    (root / "file.txt").write_text("two\n")
    return root


@pytest.fixture
def hostile(repository: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A repository that names a program wherever it can; the program says on stdout and in a file that it ran."""
    trace = tmp_path / "trace"
    trace.mkdir()
    program = repository / "run.sh"
    program.write_text(f"#!/bin/sh\necho RAN-SOMETHING\necho ran >> {trace}/ran\ncat\n")
    program.chmod(0o755)
    (repository / ".gitattributes").write_text("*.txt filter=bad diff=bad merge=bad\n*.bin diff=text filter=long\n")
    settings = {
        **dict.fromkeys(("core.fsmonitor", "core.pager", "pager.log", "pager.diff", "core.editor"), str(program)),
        **dict.fromkeys(("filter.bad.clean", "filter.bad.smudge", "filter.long.process"), str(program)),
        **dict.fromkeys(("diff.external", "diff.bad.command", "diff.text.textconv"), str(program)),
        **dict.fromkeys(("gpg.program", "core.sshCommand", "merge.bad.driver", "core.askPass"), str(program)),
        "log.showSignature": "true",
        "filter.long.required": "true",
        "core.hooksPath": str(repository / "hooks"),
        "alias.status": f"!{program}",
        "include.path": str(repository / "more.config"),
    }
    (repository / "more.config").write_text(f'[filter "more"]\n\tclean = {program}\n')
    (repository / "hooks").mkdir()
    for name in ("post-checkout", "post-index-change", "pre-commit", "reference-transaction"):
        (repository / "hooks" / name).symlink_to(program)
    for key, value in settings.items():
        git(repository, "config", key, value)
    (repository / "data.bin").write_bytes(b"two\n")
    return repository, trace


@pytest.mark.parametrize(
    "args",
    [
        ["status", "--porcelain"],
        ["diff"],
        ["diff", "--stat", "HEAD"],
        ["log", "-p"],
        ["show", "HEAD"],
        ["blame", "file.txt"],
        ["grep", "--textconv", "two"],
        ["ls-files", "-m"],
        ["hash-object", "file.txt"],
        ["rev-parse", "HEAD"],
        ["ls-remote", "ssh://localhost/x"],
        ["commit", "--allow-empty", "-m", "x"],
    ],
    ids=lambda args: "-".join(args[:2]),
)
def test_nothing_of_a_hostile_repository_runs(sandbox: Sandbox, hostile: tuple[Path, Path], args: list[str]) -> None:
    root, trace = hostile
    before = git_folder(root)
    ended = run_git(sandbox, root, args)
    assert b"RAN-SOMETHING" not in ended.stdout + ended.stderr
    assert list(trace.iterdir()) == []
    assert git_folder(root) == before


def test_the_hostile_repository_is_hostile(hostile: tuple[Path, Path]) -> None:
    root, trace = hostile
    subprocess.run(["git", "diff"], cwd=root, env={"PATH": os.environ["PATH"], "HOME": str(root)}, capture_output=True)
    assert list(trace.iterdir()) == [trace / "ran"]


def git_folder(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (root / ".git").rglob("*") if path.is_file()}


def test_answers_are_gits_own(sandbox: Sandbox, repository: Path) -> None:
    ask = confined_git(repository, sandbox)
    assert ask("status", "--porcelain").stdout == b" M file.txt\n"
    assert ask("ls-files", "-z").stdout.split(b"\0")[:-1] == [b"data.bin", b"file.txt", b"inner/module.py"]
    assert b"-one\n+two\n" in ask("diff").stdout
    assert ask("hash-object", "--stdin", stdin=b"one\n").stdout.decode() == git(
        repository, "rev-parse", "HEAD:data.bin"
    )
    refused = ask("add", "file.txt")
    assert refused.exit_code == 128
    assert b"Read-only file system" in refused.stderr


def test_from_a_folder_inside_the_repository(sandbox: Sandbox, repository: Path) -> None:
    ended = run_git(sandbox, repository / "inner", ["ls-files"])
    assert ended.stdout == b"module.py\n"
    assert run_git(sandbox, repository / "inner", ["rev-parse", "--show-toplevel"]).stdout.decode() == f"{repository}\n"


def test_a_linked_worktree(sandbox: Sandbox, repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", str(tmp_path / "tree"), "-b", "other")
    ended = run_git(sandbox, tmp_path / "tree", ["status", "--branch", "--porcelain"])
    assert (ended.stdout, ended.stderr) == (b"## other\n", b"")


def test_a_git_file_cannot_open_other_folders(sandbox: Sandbox, tmp_path: Path) -> None:
    secret, root = tmp_path / "secret", tmp_path / "root"
    secret.mkdir()
    root.mkdir()
    (secret / "key").write_text("secret")
    (root / ".git").write_text(f"gitdir: {secret}\n")
    ended = run_git(sandbox, root, ["status"])
    assert ended.exit_code == 128
    outside = run_git(sandbox, root, ["diff", "--no-index", "/dev/null", str(secret / "key")])
    assert b"+secret" not in outside.stdout


def test_no_repository(sandbox: Sandbox, tmp_path: Path) -> None:
    ended = run_git(sandbox, tmp_path, ["rev-parse", "HEAD"])
    assert ended.exit_code == 128
    assert b"not a git repository" in ended.stderr
