"""What the confined file tree is made of: a policy turned into an ordered list of steps. Changes nothing on the host.

The tree starts as an empty memory file system and only what a step names is there. Two mechanisms carry the same steps
out: the launcher by mount calls, and bubblewrap by its arguments. Paths are plain strings here, cut and compared.
"""

# ruff: noqa: PTH110, PTH112, PTH114, PTH115, PTH116, PTH117, PTH118, PTH120

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from quantatissu.foundation import QuantaError
from quantatissu.sandbox.policy import Policy

Kind = Literal["directory", "symlink", "copy", "scratch", "cover", "bind"]

# Top-level folders of the system itself; symbolic links among them (/bin -> usr/bin) stay links.
SYSTEM_TREES = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix", "/gnu")

# What programs look up in /etc. Nothing that holds a secret: no shadow, no ssh, no ssl/private, no tool's credentials.
SYSTEM_FILES = tuple(
    f"/etc/{name}"
    for name in (
        *("passwd", "group", "nsswitch.conf", "hosts", "host.conf", "hostname", "resolv.conf", "gai.conf", "networks"),
        *("services", "protocols", "rpc", "localtime", "timezone", "ld.so.cache", "ld.so.conf", "ld.so.preload"),
        *("mime.types", "magic", "os-release", "lsb-release", "debian_version", "redhat-release", "alpine-release"),
        *("locale.alias", "locale.conf", "inputrc", "shells", "ssl/openssl.cnf", "ssl/cert.pem", "papersize"),
    )
)
SYSTEM_FOLDERS = tuple(
    f"/etc/{name}"
    for name in (
        *("alternatives", "ld.so.conf.d", "fonts", "ssl/certs", "pki/tls/certs", "pki/ca-trust", "ca-certificates"),
        *("crypto-policies", "python3", "terminfo", "perl", "java-17-openjdk", "java-21-openjdk"),
    )
)
_ALWAYS_SCRATCH = (("/tmp", 0o1777), ("/var/tmp", 0o1777), ("/dev/shm", 0o1777), ("/run", 0o755))  # noqa: S108
_ALWAYS_FOLDERS = ("/etc", "/home", "/root", "/var", "/dev", "/proc")
_LARGEST_COPY = 4 << 20


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to make at ``path``, an absolute path inside. Folders above it are made as needed, a mount point that a
    writable bind lacks in the bind's own source (an empty ``.git`` in a branch); a read-only source is never touched.

    ``directory``: an empty read-only folder. ``symlink``: to ``source``. ``copy``: a small file, copied from the host's
    ``source``. ``scratch``: an empty folder that may be written to, with ``mode``. ``cover``: an empty read-only folder
    on top of one that a bind brought. ``bind``: the host's ``source``, a folder unless ``is_file``.
    """

    kind: Kind
    path: str
    source: str = ""
    writable: bool = False
    mode: int = 0o755
    is_file: bool = False


def steps(policy: Policy, *, home: Path) -> tuple[Step, ...]:
    """The tree for a policy, outermost paths first. ``home`` is the host's home folder.

    Raises QuantaError when a bind's source is missing, when a target is reached through a symbolic link inside another
    bind (untrusted content could then choose where the mount lands), or when the whole host is asked for.
    """
    tree = _Tree()
    for path in _ALWAYS_FOLDERS:
        tree.want(Step("directory", path))
    for path in SYSTEM_TREES:
        if os.path.islink(path):
            tree.want(Step("symlink", path, source=os.readlink(path)))
        elif os.path.isdir(path):
            tree.want(Step("bind", path, source=path))
    for path in SYSTEM_FILES:
        if _is_small_file(path):
            tree.want(Step("copy", path, source=os.path.realpath(path)))
    for path in SYSTEM_FOLDERS:
        if os.path.isdir(path):
            tree.want(Step("bind", path, source=os.path.realpath(path)))
    for path, mode in _ALWAYS_SCRATCH:
        tree.want(Step("scratch", path, mode=mode))
    home_path = tree.canonical(_absolute(home))
    if home_path != "/" and not _inside(home_path, SYSTEM_TREES):
        if policy.home_readable and os.path.isdir(home_path):
            tree.want(Step("bind", home_path, source=home_path))
        else:
            tree.want(Step("scratch", home_path, mode=0o755))
    for readable in policy.readable:
        path = _absolute(readable)
        if os.path.lexists(path):
            real = tree.canonical(path)
            if os.path.exists(real):
                tree.want_bind(real, real, writable=False)
    for bind in policy.binds:
        source, target = os.path.realpath(bind.source), tree.canonical(_absolute(bind.target))
        if not os.path.exists(source):
            raise QuantaError(f"cannot show {bind.source} in the sandbox: it does not exist")
        tree.want_bind(source, target, writable=bind.writable)
    return tuple(tree.ordered())


def writable_paths(tree: Iterable[Step]) -> tuple[str, ...]:
    """The paths inside beneath which something may be written."""
    return tuple(step.path for step in tree if step.kind == "scratch" or (step.kind == "bind" and step.writable))


class _Tree:
    """Wanted steps by path (a later wish for the same path wins), then put in order with what lies between added."""

    def __init__(self) -> None:
        self._wanted: dict[str, Step] = {}
        self._links: dict[str, str] = {}

    def want(self, step: Step) -> None:
        self._wanted[step.path] = step

    def want_bind(self, source: str, target: str, *, writable: bool) -> None:
        if "/" in (source, target):
            raise QuantaError(
                "the sandbox cannot be given the whole file system", hint="Name the folders the command needs."
            )
        self.want(Step("bind", target, source=source, writable=writable, is_file=not os.path.isdir(source)))

    def canonical(self, path: str) -> str:
        """``path`` with the host's symbolic links followed; each is remembered, so that both spellings work inside."""
        for _ in range(40):
            for prefix in _prefixes(path):
                if os.path.islink(prefix):
                    content = os.readlink(prefix)
                    self._links[prefix] = content
                    rest = path[len(prefix) :].lstrip("/")
                    path = os.path.normpath(os.path.join(os.path.dirname(prefix), content, rest))
                    break
            else:
                return path
        raise QuantaError(f"too many symbolic links in {path}")

    def ordered(self) -> Iterator[Step]:
        for link, content in self._links.items():
            self._wanted.setdefault(link, Step("symlink", link, source=content))
        done: dict[str, Step] = {}
        for step in sorted(self._wanted.values(), key=lambda step: (step.path.count("/"), step.path)):
            for made in self._prepared(step, done):
                done[made.path] = made
                yield made

    def _prepared(self, step: Step, done: dict[str, Step]) -> Iterator[Step]:
        """The step, preceded by what makes room for it inside an outer bind; nothing when it is there already."""
        outer = _nearest(step.path, done)
        if outer is None or outer.kind != "bind":
            yield step
            return
        if step.kind in ("symlink", "directory"):
            return  # the bind's own content stands
        relative = os.path.relpath(step.path, outer.path)
        read_only = step.kind == "bind" and not step.writable and not outer.writable
        if read_only and os.path.join(outer.source, relative) == step.source:
            return  # the outer bind shows the very same thing
        missing = _first_missing(outer, relative)
        if missing is not None and not outer.writable:
            yield from _covered(outer, missing)
        yield step


def _covered(outer: Step, missing: str) -> Iterator[Step]:
    """Replace a read-only bind's folder that lacks an entry by one of the same content in which it can be made."""
    folder = os.path.dirname(missing)
    source = os.path.normpath(os.path.join(outer.source, os.path.relpath(folder, outer.path)))
    yield Step("cover", folder)
    try:
        entries = sorted(os.scandir(source), key=lambda entry: entry.name)
    except OSError as error:
        raise QuantaError(f"cannot make {missing} inside the sandbox: {error}") from error
    for entry in entries:
        path = os.path.join(folder, entry.name)
        if entry.is_symlink():
            yield Step("symlink", path, source=os.readlink(entry.path))
        else:
            yield Step("bind", path, source=entry.path, is_file=not entry.is_dir(follow_symlinks=False))


def _first_missing(outer: Step, relative: str) -> str | None:
    """The first component below a bind that its source lacks, as a path inside; None when all are there."""
    if outer.is_file:
        raise QuantaError(f"cannot show anything below {outer.path} in the sandbox: it is a file")
    for prefix in _prefixes("/" + relative):
        host, inside = outer.source + prefix, outer.path + prefix
        try:
            mode = os.lstat(host).st_mode
        except FileNotFoundError:
            return inside
        except OSError as error:
            raise QuantaError(f"cannot look at {host}: {error.strerror}") from error
        if stat.S_ISLNK(mode):
            raise QuantaError(
                f"cannot mount at {inside} in the sandbox: it is a symbolic link in {outer.source}",
                hint="Replace the link by a folder, or leave the path out.",
            )
    return None


def _nearest(path: str, done: dict[str, Step]) -> Step | None:
    while path != "/":
        path = os.path.dirname(path)
        step = done.get(path)
        if step is not None and step.kind in ("bind", "scratch", "cover"):
            return step
    return None


def _prefixes(path: str) -> Iterator[str]:
    """``/a``, ``/a/b``, ``/a/b/c`` for ``/a/b/c``."""
    position = path.find("/", 1)
    while position > 0:
        yield path[:position]
        position = path.find("/", position + 1)
    if path != "/":
        yield path


def _absolute(path: Path) -> str:
    text = os.fspath(path)
    if not os.path.isabs(text):
        raise QuantaError(f"a path in a sandbox policy must be absolute: {text}")
    return os.path.normpath(text)


def _inside(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def _is_small_file(path: str) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST_COPY and os.access(path, os.R_OK)
