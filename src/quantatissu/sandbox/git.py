"""The tool's own git calls on a repository it does not trust: read-only, in the sandbox, with nothing of it executed.

A repository's configuration can name programs: hooks, fsmonitor, clean and smudge filters, textconv, external diffs,
pagers, signature checkers. They are switched off one by one, and what would still get through runs confined.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from quantatissu.sandbox.confine import Sandbox
from quantatissu.sandbox.policy import Finished, Limits, Policy
from quantatissu.sandbox.probe import open_sandbox

GIT_LIMITS = Limits(wall_seconds=60, memory_bytes=2 << 30, processes=64, output_bytes=64 << 20)

_SETTINGS = (
    *("core.fsmonitor=false", "core.hooksPath=/dev/null", "core.attributesFile=/dev/null", "core.pager=cat"),
    *("core.sshCommand=false", "core.editor=false", "core.askPass=false", "core.untrackedCache=false"),
    *("diff.external=", "diff.ignoreSubmodules=all", "status.submoduleSummary=false", "submodule.recurse=false"),
    *("log.showSignature=false", "gpg.program=false", "gpg.ssh.program=false", "gpg.x509.program=false"),
    *("credential.helper=", "protocol.allow=never", "safe.directory=*", "gc.auto=0", "maintenance.auto=false"),
)
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "false",
    "GIT_LITERAL_PATHSPECS": "1",
}
_NO_DRIVERS = {
    **dict.fromkeys(("diff", "log", "show", "diff-tree", "diff-index", "diff-files", "whatchanged", "format-patch")),
    "blame": "--no-textconv",
    "grep": "--no-textconv",
}


def run_git(sandbox: Sandbox, root: Path, args: Sequence[str], *, stdin: bytes | None = None) -> Finished:
    """``git ARGS`` in ``root``, which may lie anywhere in a repository; paths in ``args`` are taken literally.

    Raises QuantaError when git is not installed. That ``root`` is in no repository is git's own answer, exit code 128.
    """
    policy = Policy(readable=repository_paths(root), environment=_ENVIRONMENT, limits=GIT_LIMITS)
    cwd = Path(os.path.realpath(root))

    def git(line: Sequence[str], settings: Sequence[str], data: bytes | None = None) -> Finished:
        options = [part for setting in (*_SETTINGS, *settings) for part in ("-c", setting)]
        command = ["git", "--no-pager", "--no-optional-locks", "--no-replace-objects", *options, *line]
        return sandbox.run(command, cwd=cwd, policy=policy, stdin=data)

    pattern = r"^(filter\..*\.(clean|smudge|process|required)|diff\..*\.(command|textconv)|merge\..*\.driver)$"
    named = git(["config", "--null", "--name-only", "--get-regexp", pattern], ())
    keys = {key.decode("utf-8", "surrogateescape") for key in named.stdout.split(b"\0") if key}
    # A driver's name may itself hold a "=", which `-c` cannot carry; such a repository keeps its confined driver.
    settings = [f"{key}={'false' if key.endswith('.required') else ''}" for key in sorted(keys) if "=" not in key]
    return git(_without_drivers(args), settings, stdin)


def confined_git(root: Path, sandbox: Sandbox | None = None) -> Callable[..., Finished]:
    """`run_git` for one folder: call the result with git's arguments, one by one."""
    chosen = sandbox or open_sandbox()

    def git(*args: str, stdin: bytes | None = None) -> Finished:
        return run_git(chosen, root, args, stdin=stdin)

    return git


def repository_paths(root: Path) -> tuple[Path, ...]:
    """What git must be able to read for ``root``: the work tree's top, and a git folder that lies elsewhere."""
    top = Path(os.path.realpath(root))
    for folder in (top, *top.parents):
        marker = folder / ".git"
        if marker.is_dir():
            return (folder,)
        if marker.is_file():
            return (folder, *_linked(folder, marker))
    return (top,)


def _linked(folder: Path, marker: Path) -> tuple[Path, ...]:
    """The git folder a ``.git`` file points to (a worktree's, a submodule's) and the one it shares objects with."""
    target = _pointer(marker, b"gitdir:")
    if target is None:
        return ()
    found = [Path(os.path.normpath(folder / target))]
    common = _pointer(found[0] / "commondir", b"")
    if common is not None:
        found.append(Path(os.path.normpath(found[0] / common)))
    # The file is the repository's own word: it opens nothing that is not a git folder.
    return tuple(path for path in found if (path / "HEAD").is_file())


def _pointer(file: Path, prefix: bytes) -> str | None:
    try:
        with file.open("rb") as opened:
            line = opened.read(4096)
    except OSError:
        return None
    if not line.startswith(prefix):
        return None
    return os.fsdecode(line[len(prefix) :].strip()) or None


def _without_drivers(args: Sequence[str]) -> list[str]:
    if not args or args[0] not in _NO_DRIVERS:
        return list(args)
    options = [_NO_DRIVERS[args[0]] or "--no-ext-diff", "--no-textconv"]
    return [args[0], *dict.fromkeys(options), *args[1:]]
