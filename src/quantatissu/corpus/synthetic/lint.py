"""Lint errors with the linter's own messages: seeded edits, kept where ruff reports exactly one finding more.

Whole batches of files go through one run of ruff, the right version of each document among them: a finding is new when
the right version has none of the same rule and message. Ruff parses files and runs nothing of them; its configuration
is our own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from quantatissu.corpus.document import Document
from quantatissu.corpus.synthetic import lint_expressions, lint_names, lint_statements  # noqa: F401 -- fill the table
from quantatissu.corpus.synthetic.chances import chance
from quantatissu.corpus.synthetic.functions import functions
from quantatissu.corpus.synthetic.lint_table import lint_edits
from quantatissu.corpus.synthetic.record import EditRecord, Evidence, Injected, make_record
from quantatissu.corpus.synthetic.settings import SyntheticSettings
from quantatissu.foundation import QuantaError
from quantatissu.foundation.programs import find_program
from quantatissu.rewriting import Source

_RUN_SECONDS = 300
_NUMBER = re.compile(r"\d+")
_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,80}\.py")
_TARGET = "py314"  # the newest Python, so that no document is taken for broken because of its syntax


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of ruff: ``line`` and ``column`` count from 1."""

    code: str
    message: str
    line: int
    column: int

    @property
    def identity(self) -> tuple[str, str]:
        """What stays the same when lines move: messages may name lines."""
        return self.code, _NUMBER.sub("0", self.message)


@lru_cache(maxsize=1)
def find_ruff() -> tuple[str, str]:
    """Path and version of ruff, the one installed beside this Python first. Raises QuantaError when there is none."""
    path = find_program("ruff")
    if path is None:
        raise QuantaError(
            "Lint errors cannot be injected: ruff is not installed.",
            hint="Install it (pip install ruff), or set lint = false in [synthetic].",
        )
    done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=False)
    return path, done.stdout.strip() or "ruff"


def proposals(document: Document, settings: SyntheticSettings, seed: int) -> list[Injected]:
    """Edits of a document that ruff is to be asked about."""
    try:
        source = Source(document.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    places = functions(source)
    found = []
    for row, places_edited in lint_edits(source, chance(seed, document.id, "lint"), settings.lint_per_document):
        edits = tuple(sorted(places_edited))
        line = source.line_of(edits[0].start)
        around = next((place for place in places if place.first <= line <= place.last), None)
        name, first, last = (around.name, around.first, around.last) if around else ("", 1, len(source.lines))
        found.append(Injected(document, edits, row.name, name, first, last))
    return found


def linted(
    batch: Sequence[tuple[Document, Sequence[Injected]]], settings: SyntheticSettings, tally: Counter[str]
) -> Iterator[list[EditRecord]]:
    """For each document in order, the records of its edits that gave exactly one new finding."""
    texts = [text for document, edits in batch for text in (document.text, *(edit.wrong for edit in edits))]
    names = [_file_name(document.origin.path) for document, edits in batch for _ in range(1 + len(edits))]
    found = iter(check(texts, names, settings.rules))
    for _, edits in batch:
        before = next(found)
        records = []
        for edit in edits:
            after = next(found)
            finding = _only_new(before, after) if before is not None and after is not None else None
            tally["unnoticed" if finding is None else "linted"] += 1
            if finding is not None:
                records.append(_record(edit, finding, settings))
        yield records


def _file_name(path: str) -> str:
    """The last part of a path, to which some rules look (``__init__.py``), if it is fit to be a file of ours."""
    name = PurePosixPath(path).name
    return name if _PLAIN.fullmatch(name) else "module.py"


def _only_new(before: Sequence[Finding], after: Sequence[Finding]) -> Finding | None:
    """The finding that ``after`` has and ``before`` has not, if that is the only difference."""
    old, new = Counter(one.identity for one in before), Counter(one.identity for one in after)
    added, gone = new - old, old - new
    if gone or added.total() != 1:
        return None
    (identity,) = added
    same = [one for one in after if one.identity == identity]
    return same[0] if len(same) == 1 else None


def _record(edit: Injected, finding: Finding, settings: SyntheticSettings) -> EditRecord:
    evidence = Evidence(
        method="linter",
        tool=find_ruff()[1],
        code=finding.code,
        message=finding.message,
        path=edit.document.origin.path,
        line=finding.line,
        column=finding.column,
    )
    return make_record(edit, "lint", evidence, context_lines=settings.context_lines)


def check(texts: Sequence[str], names: Sequence[str], rules: Sequence[str]) -> list[list[Finding] | None]:
    """What ruff finds in each text, filed under its name; None for a text that does not parse.

    Raises QuantaError when ruff does not run.
    """
    if not texts:
        return []
    with tempfile.TemporaryDirectory(prefix="quanta-lint-") as folder:
        for number, (text, name) in enumerate(zip(texts, names, strict=True)):
            place = Path(folder) / str(number)
            place.mkdir()
            (place / name).write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
        command = [
            find_ruff()[0], "check", "--isolated", "--no-cache", "--exit-zero", "--quiet", "--output-format", "json",
            "--target-version", _TARGET,
            "--select", ",".join(rules), folder,
        ]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, timeout=_RUN_SECONDS, check=False, cwd=folder, env=_environment()
        )
        try:
            reported: list[Mapping[str, Any]] = json.loads(done.stdout)
        except ValueError:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise QuantaError(
                f"ruff did not answer: {said[-1] if said else f'exit code {done.returncode}'}",
                hint="Check `rules` in [synthetic]; each must be a rule or prefix that this version of ruff knows.",
            ) from None
        return _by_text(reported, Path(folder).resolve(), len(texts))


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("RUFF_")}


def _by_text(reported: Sequence[Mapping[str, Any]], folder: Path, count: int) -> list[list[Finding] | None]:
    found: list[list[Finding] | None] = [[] for _ in range(count)]
    for item in reported:
        number = int(Path(item["filename"]).resolve().relative_to(folder).parts[0])
        if item["code"] in (None, "invalid-syntax", "E902", "E999"):
            found[number] = None
        if (findings := found[number]) is not None:
            place = item["location"]
            findings.append(Finding(item["code"], item["message"], place["row"], place["column"]))
    for findings in found:
        if findings is not None:
            findings.sort(key=lambda one: (one.line, one.column, one.code, one.message))
    return found
