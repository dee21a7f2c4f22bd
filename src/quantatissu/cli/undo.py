"""``quanta undo``: bring back what was there before the last applied patch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from quantatissu.cli.options import project_root
from quantatissu.cli.terminal import printable, uninterrupted


def undo(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The project's folder.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Also overwrite files that changed since.")] = False,
) -> Callable[[], int]:
    """Take back the last patch that quanta applied here, byte for byte."""
    return lambda: run(path, force=force)


def run(path: Path, *, force: bool = False) -> int:
    """Undo and name the files. Raises QuantaError when there is nothing to undo or a file changed since."""
    from quantatissu.workspace import undo as take_back

    with uninterrupted():
        restored = take_back(project_root(path), force=force)
    for name in restored:
        print(f"restored {printable(str(name))}")
    return 0
