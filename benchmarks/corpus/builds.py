"""Corpus builds as benchmarks run them: in processes of their own, watched and compared; and inputs of any size."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import random
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_LINES = (3, 60)  # of a definition that takes part


def build_command(recipe: Path | None, out: Path, settings: Sequence[str] = (), *, resume: bool = False) -> list[str]:
    """``quanta corpus build`` with this interpreter."""
    words = [sys.executable, "-m", "quantatissu", "corpus", "build", *([str(recipe)] if recipe else []), *settings]
    return [*words, "--out", str(out), *(["--resume"] if resume else [])]


@dataclass(frozen=True, slots=True)
class Watched:
    """A finished process: wall-clock seconds, processor seconds of it and all it started, and the most memory that they
    held at once, in bytes: ``private`` counts a page that several share once, ``resident`` in each of them. ``at`` is
    what the process had last said when the former was largest.
    """

    seconds: float
    processor_seconds: float
    private: int
    resident: int
    at: str


def watch(command: Sequence[str], log: Path) -> Watched:
    """Run a command to its end and measure it. Raises CalledProcessError, and shows its log, when it fails."""
    started = time.perf_counter()
    private = resident = 0
    at = ""
    spent: dict[int, float] = {}
    with log.open("wb") as sink, subprocess.Popen(command, stdout=sink, stderr=sink) as process:
        while process.poll() is None:
            tree = _tree(process.pid)
            spent |= {one: seconds for one in tree if (seconds := _processor_seconds(one)) is not None}
            now_private, now_resident = _memory(tree)
            if now_private > private:
                private, at = now_private, _last_line(log)
            resident = max(resident, now_resident)
            time.sleep(0.05)
    if process.returncode:
        print(log.read_text(errors="replace"))
        raise subprocess.CalledProcessError(process.returncode, command)
    return Watched(time.perf_counter() - started, sum(spent.values()), private, resident, at)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1] if lines else "starting"


def _tree(root: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        children.setdefault(parent, []).append(int(folder.name))
    found, waiting = [], [root]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


def _processor_seconds(process: int) -> float | None:
    """Of a process by itself, so far; also of one whose parent never asks how it ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(processes: Sequence[int]) -> tuple[int, int]:
    private = resident = 0
    for process in processes:
        try:
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
            fields = dict(line.split(":", 1) for line in rollup.splitlines()[1:])
            private += int(fields["Pss"].split()[0]) << 10
            resident += int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE
        except (OSError, KeyError, ValueError):
            continue
    return private, resident


def contents(folder: Path) -> dict[str, str]:
    """The digest of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_modules(folder: Path, megabytes: float, *, seed: int, repeats: float = 0.0) -> Path:
    """``code-NNN.jsonl`` in a folder: modules put together at random from real top-level functions and classes of the
    standard library; a share ``repeats`` of them are copies of the one before. Returns a pattern for the files.
    """
    pool = _definitions()
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    written = number = 0
    text = ""
    while written < megabytes * 1_000_000:
        with (folder / f"code-{number:03d}.jsonl").open("w", encoding="utf-8") as file:
            size = 0
            while size < 32_000_000 and written + size < megabytes * 1_000_000:
                if not text or draw.random() >= repeats:
                    parts = draw.sample(pool, draw.randrange(4, 24))
                    text = "\n\n".join([f"# Module {draw.getrandbits(64):x}.\n", *parts])
                repository = f"repository-{draw.randrange(500)}"
                row = {"content": text, "path": f"m/{draw.getrandbits(40):x}.py", "repository": repository}
                file.write(json.dumps({**row, "licences": "MIT"}) + "\n")
                size += len(text)
        written += size
        number += 1
    return folder / "code-*.jsonl"


def _definitions() -> list[str]:
    from benchmarks.corpus.files import python_files

    root = Path(os.__file__).parent.resolve()
    found = []
    for path in python_files():
        if path.is_relative_to(root) and "site-packages" not in path.parts:
            found += list(_definitions_in(path))
    return sorted(set(found))


def _definitions_in(path: Path) -> Iterator[str]:
    try:
        text = path.read_text(encoding="utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (OSError, ValueError, SyntaxError):
        return
    lines = text.splitlines()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.end_lineno is not None:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if _LINES[0] <= node.end_lineno - first < _LINES[1]:
                yield "\n".join(lines[first - 1 : node.end_lineno]) + "\n"


def write_recipe(path: Path, sources: Sequence[str], extra: str = "") -> Path:
    """A recipe file from TOML tables of sources and of everything else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('name = "benchmark"\n' + "".join(f"[[source]]\n{one}\n" for one in sources) + extra)
    return path
