"""``quanta fix``: find a patch that makes the failing tests pass, prove it, show it, and write it when asked to."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol, TextIO

import typer

from quantatissu.cli.options import FixArguments, fix_options, lint_options, project_root
from quantatissu.cli.terminal import confirm, interactive, printable, process_age, uninterrupted
from quantatissu.foundation import QuantaError

if TYPE_CHECKING:
    from quantatissu.repair.report import FixOptions, FixResult, LintOptions, Listener

EXIT_CODE = {"fixed": 0, "nothing_to_fix": 0, "not_fixed": 1, "error": 2}
INTERRUPTED = 130


def fix(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A project, a folder of it, or a test file.")] = Path(),
    test: Annotated[str | None, typer.Option(metavar="CMD", help="The test command (found by itself).")] = None,
    python: Annotated[str | None, typer.Option(metavar="EXE", help="The interpreter that runs the tests.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write the patch without asking.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    show_all: Annotated[bool, typer.Option("--all", help="Show the runners-up too.")] = False,
    max_seconds: Annotated[float | None, typer.Option(metavar="N", help="Time for everything. [60]")] = None,
    max_candidates: Annotated[int | None, typer.Option(metavar="N", help="Try at most this many patches.")] = None,
    files: Annotated[list[str] | None, typer.Option(metavar="GLOB", help="Patch only these; repeatable.")] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="X,Y", help="Let the tests use: network-loopback, network, home."),
    ] = None,
    env: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Pass this variable to the tests; repeatable.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Seed of everything random. [0]")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who helps the search: tissu, a folder, or none. [tissu]")
    ] = None,
    lint: Annotated[bool, typer.Option("--lint", help="Fix what ruff finds, not the tests.")] = False,
    select: Annotated[
        list[str] | None, typer.Option(metavar="X,Y", help="With --lint: these rules, not the project's.")
    ] = None,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="With --lint: fixes that only tests could judge, even without tests.")
    ] = False,
) -> Callable[[], int]:
    """Repair a failing Python project, and prove it.

    Tests run confined: no network, no writes outside a private copy, no secrets. In a terminal the patch is shown and
    you are asked; otherwise nothing is written without --apply, and standard output is the patch.

    With --lint what ruff finds is fixed instead, also where ruff itself has no safe fix: a fix counts when ruff finds
    it gone and nothing new, and the tests that passed still pass.

    Exits with 0 when fixed or nothing to fix, 1 when not fixed, 2 on errors.
    """
    arguments = FixArguments(
        path=path,
        test=test,
        python=python,
        max_seconds=max_seconds,
        max_candidates=max_candidates,
        files=files,
        allow=allow,
        environment=env,
        seed=seed,
        model=model,
    )
    engine = _linter(lint_options(lint=lint, select=select, unsafe=unsafe))
    return lambda: run(arguments, apply=apply, as_json=as_json, show_all=show_all, engine=engine)


class Engine(Protocol):
    """What searches for the patch; `quantatissu.repair.fix`, or a stand-in."""

    def __call__(self, options: FixOptions, listener: Listener) -> FixResult: ...


class Writer(Protocol):
    """What writes a patch; `quantatissu.workspace.apply_files`, which raises when a file changed meanwhile."""

    def __call__(self, root: Path, changes: Mapping[str, bytes], expected: Mapping[str, bytes]) -> object: ...


def run(
    arguments: FixArguments,
    *,
    apply: bool = False,
    as_json: bool = False,
    show_all: bool = False,
    engine: Engine | None = None,
    writer: Writer | None = None,
) -> int:
    """Run the verb and return its exit code. Raises QuantaError for arguments that make no sense."""
    options, warnings = fix_options(arguments)
    engine = engine or _engine()
    # An object on standard output is a promise: whatever else a library prints goes where people look.
    with redirect_stdout(sys.stderr):
        started = process_age()
        result = _search(engine, options, quiet=as_json)
    result = _with_start(dataclasses.replace(result, warnings=(*warnings, *result.warnings)), started)
    applied = False
    if apply and not result.interrupted and result.status == "fixed":
        try:
            applied = _apply(options, result, writer)
        except QuantaError as error:
            # The search may have taken a minute: what it found is reported together with why it was not written.
            result = dataclasses.replace(result, status="error", message=error.message, hint=error.hint)
    if as_json:
        from quantatissu.cli.views import json

        sys.stdout.write(json.line(result, applied=applied))
        return _exit_code(result)
    _show(result, show_all=show_all)
    if applied:
        _say_applied(arguments.path, result)
    elif result.status == "fixed" and not result.interrupted:
        if not interactive():
            print("Nothing was written; --apply writes the patch.", file=sys.stderr)
        elif confirm("\nApply this patch?"):
            _apply(options, result, writer)
            _say_applied(arguments.path, result)
        else:
            print("Nothing was written.")
    return _exit_code(result)


def _with_start(result: FixResult, started: float) -> FixResult:
    """The same result with the time from the start of the process on its account."""
    seconds = {"start": round(started, 3), **result.seconds}
    seconds["total"] = round(seconds.get("total", 0.0) + started, 3)
    first = result.seconds_to_first
    return dataclasses.replace(
        result, seconds=seconds, seconds_to_first=None if first is None else round(first + started, 3)
    )


def _linter(asked: LintOptions | None) -> Engine | None:
    """What fixes lint findings in place of failing tests, where that was asked for."""
    if asked is None:
        return None

    def fix_findings(options: FixOptions, listener: Listener) -> FixResult:
        from quantatissu.repair.lint import fix_lint

        return fix_lint(options, asked, listener)

    return fix_findings


def _engine() -> Engine:
    from quantatissu.repair import fix as repair

    return repair


def _search(engine: Engine, options: FixOptions, *, quiet: bool) -> FixResult:
    if quiet:
        from quantatissu.repair.report import Silent

        return engine(options, Silent())
    from rich.console import Console

    from quantatissu.cli.views.live import LiveView, LogView

    console = Console(stderr=True)
    view = LiveView(console, _short(options.path)) if console.is_terminal and not console.is_dumb_terminal else None
    with view or LogView(sys.stderr) as listener:
        return engine(options, listener)


def _apply(options: FixOptions, result: FixResult, writer: Writer | None) -> bool:
    assert result.patch is not None, "a fixed result carries its patch"
    if writer is None:
        from quantatissu.workspace import apply_files

        writer = apply_files
    with uninterrupted():
        writer(project_root(options.path), result.patch.contents, result.patch.before)
    return True


def _show(result: FixResult, *, show_all: bool) -> None:
    """The report on a terminal; into a pipe the patch alone goes to standard output, byte for byte."""
    from rich.console import Console

    from quantatissu.cli.views.render import report

    to_terminal = sys.stdout.isatty()
    console = Console(stderr=not to_terminal, highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 120)
    console.print(report(result, show_all=show_all, show_patch=to_terminal))
    if result.patch and not to_terminal:
        sys.stdout.flush()
        sys.stdout.buffer.write(result.patch.diff.encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()


def _say_applied(path: Path, result: FixResult) -> None:
    assert result.patch is not None
    where = "" if path == Path() else f" {path}"
    names = printable(", ".join(sorted(result.patch.contents)))
    print(f"Applied to {names}. `quanta undo{where}` takes it back.", file=_people())


def _people() -> TextIO:
    return sys.stdout if sys.stdout.isatty() else sys.stderr


def _short(path: Path) -> str:
    home = Path.home()
    return str("~" / path.relative_to(home)) if path.is_relative_to(home) else str(path)


def _exit_code(result: FixResult) -> int:
    return INTERRUPTED if result.interrupted else EXIT_CODE[result.status]
