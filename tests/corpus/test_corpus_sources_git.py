"""Git repositories as a source: what is committed, and repositories that would like to run something."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from source_support import APACHE, MIT, git, paths, read, reasons, source

from quantatissu.corpus.sources.files import Unreadable
from quantatissu.corpus.sources.git_objects import Blob, Repository, host_and_path
from quantatissu.foundation import QuantaError
from quantatissu.sandbox import available

pytestmark = [
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed"),
    pytest.mark.skipif(available().mechanism is None, reason="no confinement on this machine"),
]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    (root / "vendor").mkdir(parents=True)
    git(root, "init")
    (root / "module.py").write_text("x = 1\n")
    (root / "LICENSE").write_text(MIT)
    (root / "pyproject.toml").write_text('[project]\nname = "work"\nlicense = "MIT"\n')
    (root / "vendor" / "other.c").write_text("int y;\n")
    (root / "vendor" / "COPYING").write_text(APACHE)
    git(root, "add", ".")
    git(root, "commit", "-m", "first")
    git(root, "remote", "add", "origin", "https://somebody:s3cret@example.org:8443/owner/work.git")
    return root


def test_what_is_committed_is_read(repository: Path, tmp_path: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    (repository / "module.py").write_text("x = 2  # not committed\n")
    opened = source(tmp_path, kind="git", repositories=["work"])
    files, skipped = read(opened)
    assert skipped == []
    assert paths(files) == ["LICENSE", "module.py", "pyproject.toml", "vendor/COPYING", "vendor/other.c"]
    module, vendored = files[1], files[4]
    assert module.data == b"x = 1\n"
    assert (module.origin.repository, module.origin.revision) == ("example.org/owner/work", commit)
    assert module.origin.date == "2023-11-14T22:13:20Z"
    assert (module.licences, module.licence_texts) == (("MIT",), (MIT,))
    assert (vendored.licences, vendored.licence_texts) == ((), (APACHE,))
    assert opened.describe() == {"kind": "git", "location": "work", "revision": commit}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("git@github.com:owner/name.git", "github.com/owner/name"),
        ("ssh://git@host.example:2222/a/b/", "host.example/a/b"),
        ("http://token@host/x", "host/x"),
        ("/srv/git/name.git", ""),
        ("file:///srv/git/name.git", ""),
        ("ext::sh -c touch% /tmp/x", ""),
        ("", ""),
    ],
)
def test_remotes_carry_no_credentials(url: str, expected: str) -> None:
    assert host_and_path(url) == expected


def test_a_given_commit_and_the_default_branch(repository: Path, tmp_path: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    (repository / "module.py").write_text("x = 3\n")
    git(repository, "commit", "-am", "second")
    git(repository, "tag", "v2")
    git(repository, "checkout", "-b", "topic", first)
    (repository / "topic.py").write_text("t = 1\n")
    git(repository, "add", ".")
    git(repository, "commit", "-m", "topic")

    def read_paths(**table: object) -> dict[str, bytes]:
        return {file.origin.path: file.data for file in read(source(tmp_path, kind="git", **table))[0]}

    assert read_paths(repositories=["work"], commit=first[:12])["module.py"] == b"x = 1\n"
    assert read_paths(repositories=["work"], commit="v2")["module.py"] == b"x = 3\n"
    assert "topic.py" in read_paths(repositories=["work"])  # the only default it knows of is what is checked out
    git(tmp_path, "clone", "--quiet", str(repository), "clone")
    git(tmp_path / "clone", "remote", "set-head", "origin", "main")
    assert "topic.py" not in read_paths(repositories=["clone"])
    git(tmp_path, "clone", "--quiet", "--bare", str(repository), "bare.git")
    files, _ = read(source(tmp_path, kind="git", repositories=["bare.git"]))
    assert "topic.py" in paths(files)
    assert {file.origin.repository for file in files} == {"bare"}
    with pytest.raises(QuantaError, match="no commit v3"):
        source(tmp_path, kind="git", repositories=["work"], commit="v3").groups()


def test_links_submodules_and_large_files_are_skipped(repository: Path, tmp_path: Path) -> None:
    (repository / "link.py").symlink_to("/etc/passwd")
    (repository / "big.py").write_text("x" * 5000)
    (repository / "model.bin").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    git(repository, "add", ".")
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    git(repository, "commit", "-m", "odd")
    files, skipped = read(source(tmp_path, kind="git", repositories=["work"], max_file_bytes=1000))
    assert len(files) == 5
    assert reasons(skipped) == {
        "link.py": "link",
        "big.py": "too_large",
        "model.bin": "lfs_pointer",
        "module": "submodule",
    }


def test_names_that_are_no_utf8(repository: Path, tmp_path: Path) -> None:
    for name in (b"caf\xe9.py", b"new\nline.py", "na\u00efve.py".encode()):
        Path(os.fsdecode(os.fsencode(repository) + b"/" + name)).write_bytes(name)
    git(repository, "add", ".")
    git(repository, "commit", "-m", "names")
    found = {file.origin.path: file.data for file in read(source(tmp_path, kind="git", repositories=["work"]))[0]}
    assert found["caf\\xe9.py"] == b"caf\xe9.py"
    assert found["new\nline.py"] == b"new\nline.py"
    assert "na\u00efve.py" in found


def test_groups_are_small_stable_and_follow_the_commit(repository: Path, tmp_path: Path) -> None:
    for number in range(12):
        (repository / f"f{number:02}.py").write_text(f"x = {number}\n" * 150)
    git(repository, "add", ".")
    git(repository, "commit", "-m", "more")
    opened = source(tmp_path, kind="git", repositories=["work", "w*"], group_bytes=2000)
    groups = opened.groups()
    assert len(groups) > 3
    whole = read(source(tmp_path, kind="git", repositories=["work"]))
    assert read(opened) == whole
    git(repository, "commit", "--allow-empty", "-m", "next")
    assert [group.fingerprint for group in opened.groups()] != [group.fingerprint for group in groups]


def test_what_git_cannot_read_is_explained(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(QuantaError, match="not a git repository"):
        source(tmp_path, kind="git", repositories=["empty"]).groups()
    git(tmp_path / "empty", "init")
    with pytest.raises(QuantaError, match="no commit yet"):
        source(tmp_path, kind="git", repositories=["empty"]).groups()
    with pytest.raises(QuantaError, match="no folder at nowhere"):
        source(tmp_path, kind="git", repositories=["nowhere"]).groups()
    opened = source(tmp_path, kind="git", repositories=["work"])
    groups = opened.groups()
    blob = git(repository, "rev-parse", "HEAD:module.py")
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    skipped: list[str] = []
    files = [file for group in groups for file in opened.read(group, lambda one: skipped.append(one.reason))]
    assert "module.py" not in paths(files)
    assert skipped == ["missing_object"]


def test_a_blob_that_is_not_what_was_said_is_reported(repository: Path) -> None:
    blob = git(repository, "rev-parse", "HEAD:module.py")
    good, bad = Blob("module.py", "file", blob, 6), Blob("module.py", "file", blob, 7)
    first, second, third = Repository(repository).read([good, bad, good])
    assert first == b"x = 1\n"
    assert isinstance(second, Unreadable) and isinstance(third, Unreadable)


@pytest.fixture
def hostile(repository: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Names a program wherever git would run one; it leaves a file, outside and in the repository, when it runs."""
    trace = tmp_path / "trace"
    trace.mkdir()
    program = repository / "run.sh"
    program.write_text(f"#!/bin/sh\necho ran >> {trace}/ran\necho ran >> {repository}/.git/ran\ncat\n")
    program.chmod(0o755)
    (repository / ".gitattributes").write_text("* filter=bad diff=bad merge=bad\n*.c filter=long\n")
    (repository / "hooks").mkdir()
    for name in ("post-checkout", "post-index-change", "pre-commit", "reference-transaction", "fsmonitor-watchman"):
        (repository / "hooks" / name).symlink_to(program)
    git(repository, "add", "-f", "run.sh", "hooks")
    git(repository, "commit", "-m", "hostile")
    (repository / ".git" / "info" / "attributes").write_text("* filter=bad diff=bad\n")
    settings = {
        **dict.fromkeys(
            ("core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "core.askPass"), str(program)
        ),
        **dict.fromkeys(("filter.bad.clean", "filter.bad.smudge", "filter.long.process"), str(program)),
        **dict.fromkeys(("diff.external", "diff.bad.command", "diff.bad.textconv", "merge.bad.driver"), str(program)),
        **dict.fromkeys(("gpg.program", "uploadpack.packObjectsHook", "core.alternateRefsCommand"), str(program)),
        **{f"alias.{name}": f"!{program}" for name in ("cat-file", "ls-tree", "rev-parse", "config", "symbolic-ref")},
        "core.hooksPath": str(repository / "hooks"),
        "filter.long.required": "true",
        "include.path": str(repository / "more.config"),
        "remote.origin.url": f"ext::{program}",
        "protocol.ext.allow": "always",
    }
    (repository / "more.config").write_text(f"[core]\n\tfsmonitor = {program}\n\tpager = {program}\n")
    for key, value in settings.items():
        subprocess.run(
            ["git", "config", "--file", repository / ".git" / "config", key, value], check=True, cwd=tmp_path
        )
    assert not any(trace.iterdir())
    return repository, trace


def test_nothing_of_a_hostile_repository_runs(hostile: tuple[Path, Path], tmp_path: Path) -> None:
    root, trace = hostile
    before = state(root)
    opened = source(tmp_path, kind="git", repositories=["work"])
    files, _ = read(opened)
    opened.describe()
    assert {file.origin.path: file.data for file in files}["module.py"] == b"x = 1\n"
    assert list(trace.iterdir()) == []
    assert state(root) == before


def test_a_partial_clone_fetches_nothing(hostile: tuple[Path, Path], tmp_path: Path) -> None:
    """git asks the remote that a repository names for objects that are not there, by the program it names."""
    root, trace = hostile
    missing = "7d4290a117a4ddcc11daae7ea675841033830c8f"  # of module.py
    opened = source(tmp_path, kind="git", repositories=["work"])
    groups = opened.groups()
    (root / ".git" / "objects" / missing[:2] / missing[2:]).unlink()
    with (root / ".git" / "config").open("a") as config:
        config.write('[remote "origin"]\n\tpromisor = true\n[core]\n\trepositoryFormatVersion = 1\n')
        config.write(f"[extensions]\n\tpartialClone = origin\n[remote]\n\tuploadpack = {root}/run.sh\n")
    before = state(root)
    with pytest.raises(QuantaError, match="partial clone"):
        opened.groups()
    skipped: list[str] = []
    files = [file for group in groups for file in opened.read(group, lambda one: skipped.append(one.reason))]
    assert "module.py" not in paths(files)
    assert set(skipped) & {"missing_object", "damaged_object"}
    assert list(trace.iterdir()) == []
    assert state(root) == before


def test_the_hostile_repository_is_hostile(hostile: tuple[Path, Path]) -> None:
    root, trace = hostile
    git_quietly(root, "status")
    assert list(trace.iterdir()) == [trace / "ran"]


def git_quietly(root: Path, *args: str) -> str:
    """git with nothing switched off, but for the programs that only `git` of the test would run."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(root)}
    return subprocess.run(["git", *args], cwd=root, env=environment, capture_output=True, text=True).stdout.strip()


def state(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted((root / ".git").rglob("*")) if path.is_file()}
