"""Ruff as a program: findings as data, positions in characters.

Ruff parses files and runs nothing of them, so it needs no sandbox; the project's configuration of it is read. Text that
is not on disk goes through its standard input, under the name of the file it stands for.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from quantatissu.foundation import QuantaError
from quantatissu.foundation.programs import find_program
from quantatissu.repair.texts import TextFile, decode
from quantatissu.rewriting import Edit

# Always looked at: an edit that leaves a name undefined is wrong, whatever the project lints for.
GUARDS = ("F821", "F822", "F823")
_RUN_SECONDS = 120
_BROKEN = ("invalid-syntax", "E902", "E999")
_SUFFIXES = (".py", ".pyi")


@dataclass(frozen=True, slots=True)
class RuffFix:
    """What ruff itself would change, and whether it calls that safe; ``edits`` are in characters of the file's text."""

    safe: bool
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: ``path`` relative to the project, ``line`` and ``column`` from 1, the span in characters."""

    code: str
    message: str
    path: str
    line: int
    column: int
    start: int
    end: int
    fix: RuffFix | None = None

    @property
    def safe(self) -> bool:
        """Whether ruff says that its own edit keeps what the code does."""
        return self.fix is not None and self.fix.safe

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.code} {self.message}"


@lru_cache(maxsize=1)
def find_ruff() -> str:
    """The path of ruff: the one installed beside this Python, else on PATH. Raises QuantaError when there is none."""
    found = find_program("ruff")
    if found is None:
        hint = "Install it: pip install 'quantatissu[lint]', or ruff on PATH."
        raise QuantaError("quanta fix --lint needs ruff, and there is none.", hint=hint)
    return found


@dataclass(frozen=True)
class Ruff:
    """Ruff with one project's configuration; ``select`` are rules in its place when there are any."""

    root: Path
    select: tuple[str, ...] = ()

    def check_path(self, path: Path) -> tuple[dict[str, list[Finding]], dict[str, str]]:
        """Findings of a file or folder by path relative to the root, and why files were refused.

        Raises QuantaError when ruff does not run.
        """
        found: dict[str, list[Finding]] = {}
        refused: dict[str, str] = {}
        texts: dict[str, TextFile | None] = {}
        for item in self._ask([str(path)]):
            file = Path(item["filename"])
            if file.suffix not in _SUFFIXES or item.get("cell") is not None or not file.is_relative_to(self.root):
                continue
            name = file.relative_to(self.root).as_posix()
            if item["code"] is None or item["code"] in _BROKEN:
                refused.setdefault(name, f"line {item['location']['row']}: {item['message']}")
                continue
            if name not in texts:
                texts[name] = decode(file.read_bytes())
            read = texts[name]
            if read is None:
                refused.setdefault(name, "its encoding is not what it says")
            else:
                found.setdefault(name, []).append(_finding(item, name, read.text))
        return {name: found[name] for name in sorted(found) if name not in refused}, dict(sorted(refused.items()))

    def check_text(self, name: str, text: str, file: TextFile) -> list[Finding] | None:
        """Findings of a text in the place of a file, names left undefined among them; None when it does not parse."""
        extra = ["--extend-select", ",".join(GUARDS), "--stdin-filename", str(self.root / name), "-"]
        items = self._ask(extra, file.encode(text))
        if any(item["code"] is None or item["code"] in _BROKEN for item in items):
            return None
        found = [_finding(item, name, text) for item in items]
        return sorted(found, key=lambda one: (one.start, one.end, one.code, one.message))

    def _selection(self) -> list[str]:
        return ["--select", ",".join(self.select)] if self.select else []

    def _ask(self, arguments: Sequence[str], given: bytes | None = None) -> list[Mapping[str, Any]]:
        options = ["check", "--no-cache", "--exit-zero", "--quiet", "--output-format", "json", *self._selection()]
        done = self._run([*options, *arguments], given)
        try:
            answer: list[Mapping[str, Any]] = json.loads(done.stdout or b"[]" if done.returncode == 0 else b"")
        except ValueError:
            raise _refusal(done) from None
        return answer

    def _run(self, arguments: Sequence[str], given: bytes | None) -> subprocess.CompletedProcess[bytes]:
        command = [find_ruff(), *arguments]
        try:
            return subprocess.run(
                command,
                input=given or b"",
                capture_output=True,
                timeout=_RUN_SECONDS,
                check=False,
                cwd=self.root,
                env=_environment(),
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise QuantaError(f"ruff did not run: {error}", hint="Install it anew: pip install ruff.") from error


def format_lines(path: str, text: str, first: int, last: int) -> str | None:
    """A text with lines first..last, from 1, formatted by ruff, quotes aside; None where it will not.

    ``path`` decides the configuration. Ruff widens the range to whole statements.
    """
    command = [find_ruff(), "format", "--quiet", "--no-cache", "--config", "format.quote-style='preserve'"]
    command += ["--range", f"{first}:1-{last + 1}:1", "--stdin-filename", path, "-"]
    try:
        done = subprocess.run(
            command, input=text.encode(), capture_output=True, timeout=_RUN_SECONDS, check=False, env=_environment()
        )
        return done.stdout.decode() if done.returncode == 0 else None
    except (OSError, UnicodeError, subprocess.TimeoutExpired):
        return None


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("RUFF_")}


def _refusal(done: subprocess.CompletedProcess[bytes]) -> QuantaError:
    said = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    reason = " ".join(said[:4]) if said else f"exit code {done.returncode}"
    return QuantaError(
        f"ruff did not answer: {reason}", hint="Check --select and the project's [tool.ruff]; `ruff check` says more."
    )


def _finding(item: Mapping[str, Any], name: str, text: str) -> Finding:
    starts = line_starts(text)

    def offset(place: Mapping[str, int]) -> int:
        row = min(place["row"], len(starts)) - 1
        return min(starts[row] + place["column"] - 1, len(text)) if place["row"] <= len(starts) else len(text)

    fix = None
    if (given := item.get("fix")) and given.get("edits"):
        edits = (Edit(offset(e["location"]), offset(e["end_location"]), e["content"]) for e in given["edits"])
        fix = RuffFix(given["applicability"] == "safe", tuple(sorted(edits)))
    place, end = item["location"], item["end_location"]
    return Finding(
        item["code"], item["message"], name, place["row"], place["column"], offset(place), offset(end), fix
    )  # fmt: skip


@lru_cache(maxsize=8)
def line_starts(text: str) -> tuple[int, ...]:
    """Where each line begins, as Python and ruff count lines."""
    return (0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text)))
