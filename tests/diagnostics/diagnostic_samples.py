"""The stored outputs of real runs, for the tests beside."""

from __future__ import annotations

from pathlib import Path

from quantatissu.diagnostics import Diagnostic, parse, parse_junit

OUTPUTS = Path(__file__).parent / "outputs"
VERSIONS = sorted(folder.name for folder in OUTPUTS.iterdir() if folder.is_dir())


def stored(name: str) -> list[Path]:
    """The output of one name from every version that has it."""
    found = sorted(OUTPUTS.glob(f"*/{name}"))
    assert found, name
    return found


def read(version: str, name: str) -> list[Diagnostic]:
    path = OUTPUTS / version / name
    return parse_junit(path.read_bytes()) if path.suffix == ".xml" else parse(path.read_bytes())


def by_test(diagnostics: list[Diagnostic]) -> dict[str, Diagnostic]:
    """The diagnostics by test id, without the folder and file."""
    return {
        (found.test or "").rpartition("/")[2].partition("::")[2] or found.test or "": found for found in diagnostics
    }
