"""Real source files that every machine with this package has: the standard library and the installed packages."""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path

SUFFIXES = frozenset(
    (
        *(".py", ".pyi", ".pyx", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".c", ".cc", ".cpp", ".cxx", ".h", ".hpp"),
        *(".java", ".go", ".rs", ".rb", ".php", ".sh", ".sql", ".cs", ".md", ".rst", ".pl", ".lua", ".css", ".html"),
    )
)
# Packages that development leaves unread, so that they can be used to judge its results; their vendored copies too.
HELD_OUT = frozenset(
    "boltons more_itertools toolz cytoolz dateutil python_dateutil funcy humanize sqlglot marshmallow".split()  # noqa: SIM905
)


def python_files() -> list[Path]:
    """Every ``.py`` file of the standard library and the installed packages, in order."""
    return [path for path in code_files() if path.suffix == ".py"]


def code_files() -> list[Path]:
    """Every file there whose name ends like code, in order."""
    roots = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")}
    found = {path for root in roots for path in root.rglob("*") if path.suffix in SUFFIXES and path.is_file()}
    return sorted(path for path in found if not HELD_OUT.intersection(_names(path)))


def _names(path: Path) -> set[str]:
    """The names of a file and its folders without version and suffix, as they are imported."""
    return {re.split(r"[.]|-\d", part, maxsplit=1)[0].replace("-", "_").lower() for part in path.parts}
