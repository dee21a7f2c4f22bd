"""Small projects with a fault, and a way to repair them that checks that nothing was written."""

import hashlib
import os
from pathlib import Path

import pytest

from quantatissu.repair import FixOptions, fix


def fingerprint(root: Path) -> dict[str, tuple[int, bytes]]:
    """Mode, time and content of everything below a folder, caches of the interpreter aside."""
    found = {}
    for folder, _, files in os.walk(root):
        for name in files:
            path = Path(folder) / name
            status = path.lstat()
            digest = hashlib.sha256(path.read_bytes()).digest()
            found[str(path.relative_to(root))] = (status.st_mode, status.st_mtime_ns, digest)
    return found


@pytest.fixture
def project(tmp_path):
    """``project({path: text})`` -> the folder of a fresh project with these files."""

    def make(files, name="project"):
        root = tmp_path / name
        for path, text in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text if isinstance(text, bytes) else text.encode())
        return root

    return make


@pytest.fixture
def repaired(project):
    """``repaired({path: text}, **options)`` -> the result of `fix`, after a check that the tree is untouched."""

    def run(files, only=(), **options):
        root = project(files)
        before = fingerprint(root)
        options.setdefault("max_seconds", 40.0)
        options.setdefault("grace_seconds", 0.5)
        result = fix(FixOptions(root, files=only, **options))
        assert fingerprint(root) == before
        return result

    return run
