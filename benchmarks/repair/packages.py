"""The packages the tasks are made from, and how their source archives are fetched and unpacked.

Chosen because they are pure Python, widely used, and their source archives carry tests that pass with plain pytest.
``releases`` are consecutive ones, oldest first; mutants are made in the last, release tasks from each neighbouring
pair. Packages marked ``apart`` appear only in the split that is kept apart from tuning.
"""

from __future__ import annotations

import fnmatch
import hashlib
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".benchmarks"


@dataclass(frozen=True, slots=True)
class Package:
    """One package.

    ``source`` are globs of the files faults go into, ``tests`` of the files that hold tests (a file that matches both
    is a test), relative to the archive's root; ``path`` is put on PYTHONPATH; ``arguments`` are given to pytest.
    """

    name: str
    releases: tuple[str, ...]
    source: tuple[str, ...]
    tests: tuple[str, ...] = ("tests/*",)
    path: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    apart: bool = False
    skip: tuple[str, ...] = field(default=())

    @property
    def version(self) -> str:
        return self.releases[-1]

    def is_test(self, path: str) -> bool:
        return _matches(path, (*self.tests, "conftest.py", "*/conftest.py"))

    def is_source(self, path: str) -> bool:
        return path.endswith(".py") and _matches(path, self.source) and not self.is_test(path)

    def sources(self, root: Path) -> list[str]:
        """The source files below `root`, relative, sorted."""
        found = (file.relative_to(root).as_posix() for file in root.rglob("*.py"))
        return sorted(path for path in found if self.is_source(path) and not _matches(path, self.skip))

    def command(self, python: Path | str) -> str:
        """The test command as a person would type it in the package's folder."""
        prefix = f"PYTHONPATH={':'.join(self.path)} " if self.path else ""
        return " ".join((f"{prefix}{python} -m pytest", *self.arguments))


def _matches(path: str, globs: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(path, glob) for glob in globs)


def _releases(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PACKAGES = {
    package.name: package
    for package in (
        Package(
            "cachetools",
            _releases("7.2.7 7.2.8 7.3.0 7.3.1 7.3.2 8.0.0 8.0.1"),
            source=("src/cachetools/*",),
            path=("src",),
        ),
        Package(
            "tabulate",
            _releases("0.8.9 0.8.10 0.9.0 0.10.0"),
            source=("tabulate.py", "tabulate/*"),
            tests=("test/*",),
        ),
        Package(
            "pyrsistent",
            _releases("0.17.3 0.18.0 0.18.1 0.19.1 0.19.2 0.19.3 0.20.0"),
            source=("pyrsistent/*",),
            # Its stateful random test takes longer than all the others together, and fails on slow machines.
            arguments=("tests", "--ignore=tests/hypothesis_vector_test.py"),
        ),
        Package(
            "parse",
            _releases("1.19.0 1.19.1 1.20.0 1.20.1 1.20.2 1.21.0 1.21.1 1.22.0 1.22.1 1.22.2 1.22.3 1.22.4"),
            source=("parse.py", "parse/*"),
            arguments=("-o", "addopts="),
        ),
        Package(
            "semver",
            _releases("3.0.0 3.0.1 3.0.2 3.0.4 3.1.0 3.1.1"),
            source=("src/semver/*",),
            path=("src",),
            arguments=("-o", "addopts=", "tests"),
        ),
        Package(
            "xmltodict",
            _releases("0.12.0 0.13.0 0.14.1 0.14.2 0.15.0 0.15.1 1.0.0 1.0.1 1.0.2 1.0.3 1.0.4"),
            source=("xmltodict.py",),
        ),
        Package(
            "jsonpointer",
            _releases("2.2 2.3 2.4 3.0.0 3.1.0 3.1.1 3.2.0 3.2.1 3.3 3.4 3.5 3.6 3.7 3.8 3.9 3.10 3.11 3.12"),
            source=("jsonpointer.py",),
            tests=("tests.py",),
            arguments=("tests.py",),
        ),
        Package(
            "voluptuous",
            _releases("0.12.2 0.13.0 0.13.1 0.14.0 0.14.1 0.14.2 0.15.0 0.15.1 0.15.2 0.16.0"),
            source=("voluptuous/*",),
            tests=("voluptuous/tests/*",),
        ),
        Package(
            "isodate", _releases("0.6.0 0.6.1 0.7.2"), source=("src/isodate/*",), path=("src",), arguments=("tests",)
        ),
        Package("inflection", _releases("0.4.0 0.5.0 0.5.1"), source=("inflection*",), tests=("test_inflection.py",)),
        Package(
            "parsimonious",
            _releases("0.8.1 0.9.0 0.10.0 0.11.0"),
            source=("parsimonious/*",),
            tests=("parsimonious/tests/*",),
            apart=True,
        ),
        Package(
            "tinydb",
            _releases("4.5.0 4.5.1 4.5.2 4.6.0 4.6.1 4.7.0 4.7.1 4.8.0 4.8.1 4.8.2 4.9.0"),
            source=("tinydb/*",),
            arguments=("-o", "addopts=", "tests"),
            apart=True,
        ),
        Package(
            "webcolors",
            _releases("1.13 24.6.0 24.8.0 24.11.1 25.10.0"),
            source=("src/webcolors/*",),
            tests=("tests/*",),
            path=("src",),
            arguments=("tests",),
            apart=True,
        ),
        Package(
            "rfc3986",
            _releases("1.4.0 1.5.0 2.0.0"),
            source=("src/rfc3986/*",),
            path=("src",),
            apart=True,
        ),
        Package(
            "schema",
            _releases("0.7.2 0.7.4 0.7.5 0.7.7 0.7.8"),
            source=("schema.py", "schema/*"),
            tests=("test_schema.py",),
            apart=True,
        ),
    )
}


class FetchError(Exception):
    """An archive could not be had, or is not the one it should be."""


def digest(archive: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(archive.read_bytes()).hexdigest()


def fetch(name: str, version: str, *, sha256: str | None = None, python: str | Path = sys.executable) -> Path:
    """The source archive of one release, from the cache or by ``pip download``.

    Raises FetchError when pip cannot get it, or when its SHA-256 is not `sha256`.
    """
    folder = CACHE / "archives" / f"{name}-{version}"
    found = sorted(folder.glob("*.tar.gz"))
    if not found:
        folder.mkdir(parents=True, exist_ok=True)
        command = [str(python), "-m", "pip", "download", "-q", "--no-deps", "--disable-pip-version-check"]
        command += ["--no-binary", name, "--dest", str(folder), f"{name}=={version}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = sorted(folder.glob("*.tar.gz"))
        if not found:
            last = (done.stderr.strip() or "pip said nothing").splitlines()[-1]
            raise FetchError(f"{name} {version} could not be fetched: {last}")
    if sha256 is not None and digest(found[0]) != sha256:
        raise FetchError(f"{found[0]} is not the archive the tasks were made from; delete it and try again")
    return found[0]


def unpack(archive: Path, target: Path) -> Path:
    """Unpack `archive` so that its single top folder becomes `target`, which must not exist. Returns `target`."""
    holding = target.with_name(target.name + ".unpacking")
    with tarfile.open(archive) as tar:
        tar.extractall(holding, filter="data")
    (top,) = holding.iterdir()
    top.rename(target)
    holding.rmdir()
    return target
