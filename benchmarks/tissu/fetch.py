"""Fetch the wheels of the packages in ``packages.txt``, as the archives that the corpus recipe reads.

    python -m benchmarks.tissu.fetch FOLDER [--links FOLDER ...]
    python -m benchmarks.tissu.fetch FOLDER --older 2 --packages benchmarks/tissu/releases.txt

The second form adds to the newest release of each package the last one of the minor version before it, and so on.

Wheels only: nothing of what is fetched is executed, as building a source archive would. What a folder given by
``--links`` holds is taken from there without asking an index. FOLDER/lock.tsv says what was had (name, file, SHA-256),
FOLDER/missing.txt what was not; both are written anew by every call, and packages already there are not fetched again.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packaging.version import Version

PACKAGES = Path(__file__).with_name("packages.txt")
_SEPARATORS = re.compile(r"[-_.]+")
_SECONDS = 300


def normal(name: str) -> str:
    """A package's name as PEP 503 writes it."""
    return _SEPARATORS.sub("-", name).lower()


def read_names(path: Path) -> list[str]:
    """The names in a list of packages: one a line, ``#`` starts a comment."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return sorted({normal(line) for line in lines if line})


def wheels(folder: Path) -> dict[str, Path]:
    """The newest file of each package in a folder, by normal name. (Names sort well enough for one fetch's folder.)"""
    return {normal(path.name.split("-")[0]): path for path in sorted(folder.glob("*.whl"))}


def download(name: str, folder: Path, links: Iterable[Path]) -> bool:
    """Whether pip could put a wheel of the newest version into `folder`; first tried without an index."""
    offline = [part for link in links for part in ("--find-links", str(link))]
    tries = [["--no-index", *offline]] if offline else []
    for where in (*tries, []):
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary", ":all:", "--dest", str(folder), *where, name]
        try:
            done = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        if done.returncode == 0:
            return True
    return False


def older(name: str, folder: Path, count: int, links: Sequence[Path] = ()) -> int:
    """Fetch up to `count` earlier releases, each the last before the minor version of the one fetched before it.

    Returns how many there are. The newest must be in `folder`.
    """
    for done in range(count):
        versions = [Version(path.name.split("-")[1]) for path in folder.glob("*.whl") if _is(path, name)]
        if not versions:
            return done
        oldest = min(versions)
        if not download(f"{name}<{oldest.major}.{oldest.minor}", folder, links):
            return done
    return count


def fetch(names: Sequence[str], folder: Path, links: Sequence[Path] = (), *, threads: int = 4) -> list[str]:
    """Fetch what is not yet in `folder`. Returns the names that could not be had."""
    folder.mkdir(parents=True, exist_ok=True)
    waiting = [name for name in names if name not in wheels(folder)]
    with ThreadPoolExecutor(threads) as pool:
        had = list(pool.map(lambda name: download(name, folder, links), waiting))
    return [name for name, got in zip(waiting, had, strict=True) if not got]


def write_lock(folder: Path, missing: Sequence[str]) -> None:
    """Write down what is there and what could not be had."""
    rows = [
        f"{normal(path.name.split('-')[0])}\t{path.name}\t{_digest(path)}\n" for path in sorted(folder.glob("*.whl"))
    ]
    (folder / "lock.tsv").write_text("".join(rows), encoding="utf-8")
    (folder / "missing.txt").write_text("".join(f"{name}\n" for name in missing), encoding="utf-8")


def _is(path: Path, name: str) -> bool:
    return normal(path.name.split("-")[0]) == name


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tissu.fetch", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--links", type=Path, action="append", default=[], help="a folder of wheels to take from first")
    parser.add_argument("--older", type=int, default=0, metavar="N", help="fetch N earlier releases of each, too")
    parser.add_argument("--packages", type=Path, default=PACKAGES)
    options = parser.parse_args(arguments)
    names = read_names(options.packages)
    missing = fetch(names, options.folder, options.links)
    if options.older:
        with ThreadPoolExecutor(4) as pool:
            counts = pool.map(lambda name: older(name, options.folder, options.older, options.links), names)
            print(f"{sum(counts)} earlier releases are there too")
    write_lock(options.folder, missing)
    print(f"{len(names) - len(missing)} of {len(names)} packages are in {options.folder}; not to be had: {missing}")


if __name__ == "__main__":
    main()
