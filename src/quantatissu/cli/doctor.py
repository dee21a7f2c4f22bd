"""``quanta doctor``: what works here, and what to do about what does not."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from quantatissu.cli.checks import Check, machine_checks, project_checks
from quantatissu.cli.options import project_root
from quantatissu.cli.terminal import printable


def doctor(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The project's folder.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> Callable[[], int]:
    """Say what works here and what to do about what does not.

    Exits with 0 when `quanta fix` can work here, 1 when something it needs is missing.
    """
    return lambda: run(path, as_json=as_json)


def run(path: Path, *, as_json: bool = False) -> int:
    """Check, print, and return the exit code."""
    root = project_root(path)
    checks = [*machine_checks(), *project_checks(root)]
    usable = not any(check.standing == "missing" for check in checks)
    if as_json:
        answer = {"status": "ok" if usable else "missing", "checks": [asdict(check) for check in checks]}
        sys.stdout.write(json.dumps(answer) + "\n")
    else:
        _show(checks, usable)
    return 0 if usable else 1


def _show(checks: Sequence[Check], usable: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    looks = {"ok": ("ok", "green"), "info": ("-", "dim"), "warning": ("!", "yellow"), "missing": ("no", "bold red")}
    table = Table.grid(padding=(0, 2))
    for check in checks:
        mark, style = looks[check.standing]
        detail = Text(printable(check.detail), overflow="fold")
        if check.advice:
            detail.append(f"\n{printable(check.advice)}", style="cyan" if check.standing == "missing" else "dim")
        table.add_row(Text(mark, style=style), check.name, detail)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 120)
    console.print(table)
    console.print()
    console.print("`quanta fix` can work here." if usable else "`quanta fix` cannot work here yet.", style="bold")
