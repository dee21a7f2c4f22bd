"""Random trees, and a description of a tree that shares no code with what is tested."""

# Names here are bytes, which pathlib does not take.
# ruff: noqa: PTH101, PTH102, PTH108, PTH112, PTH114, PTH115, PTH123, PTH208, PTH211

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st


class Entry(NamedTuple):
    parts: tuple[bytes, ...]
    kind: str  # file, link, directory, gone
    mode: int
    data: bytes


_ODD_NAMES = [
    b"\xff\xfe.py",
    "é".encode(),
    b"a b",
    b"new\nline",
    b'quo"te',
    b"back\\slash",
    b"-rf",
    b"tab\there",
    b"x" * 255,
]
_PLAIN_NAMES = [b"a", b"b", b"c", b"sub", b"pkg", b"mod.py", b"data.bin"]
_RESERVED = {b".", b".."}

names = st.one_of(
    st.sampled_from(_PLAIN_NAMES),
    st.sampled_from(_PLAIN_NAMES),
    st.sampled_from(_ODD_NAMES),
    st.binary(min_size=1, max_size=6).map(lambda raw: raw.replace(b"/", b"_").replace(b"\0", b"0")),
).filter(lambda name: name not in _RESERVED and not name.lower().startswith(b".git"))

contents = st.one_of(
    st.sampled_from(
        [b"", b"\n", b"no newline", b"one\ntwo\nthree\n", b"cr\r\nlf\r\n", b"\r", b"\0binary\xff", b"caf\xe9\n"]
    ),
    st.binary(max_size=40),
    st.lists(st.sampled_from([b"a\n", b"b\n", b"    pass\n", b"\n", b"x = 1\r\n", "é\n".encode()]), max_size=30).map(
        b"".join
    ),
)
link_targets = st.sampled_from([b"a", b"../b", b"nowhere", b"/etc/passwd", b"/", b".", b"..", b"\xff", b"sub/mod.py"])


def entries(kinds: str = "file file file link directory", max_size: int = 12) -> st.SearchStrategy[list[Entry]]:
    def of(kind: str) -> st.SearchStrategy[Entry]:
        modes = [0o755, 0o700, 0o555, 0o750] if kind == "directory" else [0o644, 0o755, 0o600, 0o444, 0o400, 0o711]
        data = link_targets if kind == "link" else contents
        return st.builds(
            Entry, st.lists(names, min_size=1, max_size=3).map(tuple), st.just(kind), st.sampled_from(modes), data
        )

    return st.lists(st.one_of([of(kind) for kind in kinds.split()]), max_size=max_size)


def build(root: Path, tree: Sequence[Entry]) -> None:
    """Make the entries, later ones over earlier ones; a parent that is no directory becomes one."""
    base = os.fsencode(root)
    directories: list[tuple[bytes, int]] = []
    for entry in tree:
        path = base
        for part in entry.parts[:-1]:
            path = path + b"/" + part
            if not (os.path.isdir(path) and not os.path.islink(path)):
                clear(path)
                os.mkdir(path)
            os.chmod(path, 0o755)
        path = path + b"/" + entry.parts[-1]
        if entry.kind == "directory" and os.path.isdir(path) and not os.path.islink(path):
            directories.append((path, entry.mode))
            continue
        clear(path)
        if entry.kind == "file":
            with open(path, "wb") as stream:
                stream.write(entry.data)
            os.chmod(path, entry.mode)
        elif entry.kind == "link":
            os.symlink(entry.data, path)
        elif entry.kind == "directory":
            os.mkdir(path)
            directories.append((path, entry.mode))
    for path, mode in directories:
        if os.path.isdir(path) and not os.path.islink(path):
            os.chmod(path, mode)


def clear(path: bytes) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        open_up(path)
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def open_up(path: bytes) -> None:
    """Make every directory below `path` removable."""
    os.chmod(path, 0o755)
    for folder, inner, _ in os.walk(path):
        for name in inner:
            if not os.path.islink(folder + b"/" + name):
                os.chmod(folder + b"/" + name, 0o755)


class Seen(NamedTuple):
    kind: str
    mode: int
    data: bytes
    mtime_ns: int = 0


def describe(root: Path, *, times: bool = False) -> dict[bytes, Seen]:
    """Every path below `root` with its kind, permission bits, bytes, and, if asked, times."""
    found: dict[bytes, Seen] = {}
    base = os.fsencode(root)

    def visit(path: bytes, relative: bytes) -> None:
        for name in os.listdir(path):
            child, inner = path + b"/" + name, relative + b"/" + name if relative else name
            status = os.lstat(child)
            mode, mtime = stat.S_IMODE(status.st_mode), status.st_mtime_ns if times else 0
            if stat.S_ISLNK(status.st_mode):
                found[inner] = Seen("link", 0, os.readlink(child), mtime)
            elif stat.S_ISDIR(status.st_mode):
                found[inner] = Seen("directory", mode, b"", mtime)
                visit(child, inner)
            elif stat.S_ISREG(status.st_mode):
                with open(child, "rb") as stream:
                    found[inner] = Seen("file", mode, stream.read(), mtime)
            else:
                found[inner] = Seen("special", mode, b"")

    visit(base, b"")
    return found


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder that can be removed whatever is made in it; in memory where that can be had, since a
    property makes hundreds of them and would mostly wait for the disk."""
    memory = Path("/dev/shm")
    path = Path(tempfile.mkdtemp(prefix="quanta-test-", dir=memory if os.access(memory, os.W_OK) else None)).resolve()
    try:
        yield path
    finally:
        open_up(os.fsencode(path))
        shutil.rmtree(path)
