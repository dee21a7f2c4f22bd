"""Run `quanta fix` on a folder as a user would, and see what it did there."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.repair.suite import MEDDLING, kill_group

# What the tool may take beyond its own --max-seconds before it is stopped.
PATIENCE_SECONDS = 45.0
# Left behind by interpreters and pytest, not by a repair.
BYPRODUCTS = ("__pycache__", ".pytest_cache", ".hypothesis")


@dataclass(frozen=True, slots=True)
class Answer:
    """``data`` is the object the tool printed (empty when it printed none), ``seconds`` the wall-clock time,
    ``trouble`` what was wrong with the run itself: no JSON, the wrong exit code, killed after its time."""

    data: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    trouble: str | None = None

    @property
    def status(self) -> str:
        return str(self.data.get("status", "none"))


def fix(tool: Sequence[str], folder: Path, test: str, *, seconds: float, options: Sequence[str] = ()) -> Answer:
    """Run ``fix FOLDER --test TEST --json --apply --max-seconds SECONDS`` with `tool` in front."""
    command = [*tool, "fix", str(folder), "--test", test, "--json", "--apply", "--max-seconds", f"{seconds:g}"]
    with tempfile.TemporaryDirectory(prefix="bench-state-") as state:
        environment = {key: value for key, value in os.environ.items() if key not in MEDDLING}
        environment |= {"XDG_STATE_HOME": state, "NO_COLOR": "1"}
        started = time.monotonic()
        process = subprocess.Popen(
            [*command, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=seconds + PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            return Answer({}, time.monotonic() - started, f"killed after {seconds + PATIENCE_SECONDS:g} s")
        finally:
            kill_group(process)
        return answer(out, err, process.returncode, time.monotonic() - started)


def answer(out: bytes, err: bytes, code: int, seconds: float) -> Answer:
    """Read what the tool printed; `code` is its exit code."""
    try:
        data = json.loads(out)
        if not isinstance(data, dict):
            raise ValueError("not an object")
    except ValueError as error:
        last = (err.decode(errors="replace").strip() or "nothing on stderr").splitlines()[-1]
        return Answer({}, seconds, f"no JSON object on stdout ({error}); exit code {code}; {last[:200]}")
    expected = {"fixed": 0, "nothing_to_fix": 0, "not_fixed": 1, "error": 2}.get(str(data.get("status")))
    trouble = None if code == expected else f"status {data.get('status')} with exit code {code}"
    return Answer(data, seconds, trouble)


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of every file below `root` but byproducts of running tests; a link's content is its target."""
    seen: dict[str, tuple[int, bytes]] = {}
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if any(part in BYPRODUCTS for part in relative.parts) or (path.is_dir() and not path.is_symlink()):
            continue
        content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        seen[relative.as_posix()] = (path.lstat().st_mode, content)
    return seen


def changed(before: Mapping[str, tuple[int, bytes]], after: Mapping[str, tuple[int, bytes]]) -> list[str]:
    """The paths that differ between two snapshots, sorted."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def apply_patch(root: Path, patch: str) -> bool:
    """Apply a unified diff to the files below `root` with ``git apply``; False when it does not fit."""
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(root.parent), "GIT_CONFIG_NOSYSTEM": "1"}
    command = shlex.split("git -c core.autocrlf=false apply --whitespace=nowarn -")
    text = patch.encode("utf-8", "surrogateescape")  # JSON carries bytes that are not UTF-8 as lone surrogates
    done = subprocess.run(command, cwd=root, input=text, capture_output=True, env=environment, check=False)
    return done.returncode == 0
