"""Entry point of ``quanta``: reads the command line, runs the verb, and turns every failure into a line or two.

Reading and running are two steps. A verb's function only returns the work as a callable; `main` calls it after the
argument parser is done, so that interrupts, closed pipes and errors have one owner.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Annotated, NoReturn

import typer

from quantatissu import __version__
from quantatissu.cli.corpus import app as corpus
from quantatissu.cli.doctor import doctor
from quantatissu.cli.export import export, import_model
from quantatissu.cli.fix import fix
from quantatissu.cli.generate import complete, generate
from quantatissu.cli.serve import serve
from quantatissu.cli.terminal import printable
from quantatissu.cli.tokenizer import app as tokenizer
from quantatissu.cli.train import train
from quantatissu.cli.undo import undo
from quantatissu.foundation import QuantaError

INTERRUPTED = 130  # what a shell reports for a process that Ctrl-C ended

app = typer.Typer(
    name="quanta",
    rich_markup_mode=None,  # plain help: importing rich costs more than everything else in `--help` together
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("fix")(fix)
app.command("undo")(undo)
app.command("doctor")(doctor)
app.command("train")(train)
app.command("generate")(generate)
app.command("complete")(complete)
app.command("serve")(serve)
app.command("export")(export)
app.command("import")(import_model)
app.add_typer(corpus)
app.add_typer(tokenizer)


_VERBS = {command.name for command in app.registered_commands} | {"corpus", "tokenizer"}


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"quanta {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Print a traceback with any error; may also follow the verb.")
    ] = False,
) -> None:
    """Repair failing Python projects offline, with proof; build corpora to train code models on."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command line (``sys.argv`` by default) and exit: 0 done, 1 not fixed, 2 error, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(guarded(lambda: _run([word for word in given if word != "--debug"] or ["--help"]), given))


def guarded(work: Callable[[], int], given: Sequence[str]) -> int:
    """Do `work` and return its exit code; whatever it raises becomes a line or two, or one JSON object.

    ``given`` is the command line, looked at only for how to speak: ``--json``, ``--debug`` and the verb.
    """
    for stream in (sys.stdout, sys.stderr):
        # A test id may hold anything; a terminal that cannot show a character must not turn a report into a crash.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _ended)
    try:
        code = work()
        sys.stdout.flush()
        return code
    except QuantaError as error:
        return _fail(given, error.exit_code, error.message, error.hint)
    except KeyboardInterrupt:
        return _fail(given, INTERRUPTED, "interrupted; nothing was changed", label="")
    except BrokenPipeError:
        # Whoever read our output has gone; without this the interpreter would complain once more while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except Exception as error:  # the last line of defence: nobody wants to see our traceback unasked
        message = f"internal error: {type(error).__name__}: {error}"
        return _fail(given, 2, message, "This is a fault in QuantaTissu; --debug shows the traceback.")


def _run(given: list[str]) -> int:
    """Parse, then do. Raises QuantaError for a command line that makes no sense, and whatever the verb raises."""
    try:
        work: Callable[[], int] | int | None = app(given, standalone_mode=False, prog_name="quanta")
    except Exception as error:
        # The parser's own exceptions moved between modules over the supported versions; what they can do did not.
        explain = getattr(error, "format_message", None)
        if explain is None:
            raise
        raise QuantaError(explain(), hint=_usage_hint(given)) from error
    return work() if callable(work) else work or 0


def _usage_hint(given: list[str]) -> str:
    verb = next((f" {word}" for word in given if word in _VERBS), "")
    return f"`quanta{verb} --help` lists what there is."


def _fail(given: Sequence[str], code: int, message: str, hint: str | None = None, label: str = "error: ") -> int:
    if "--debug" in given:
        traceback.print_exc()
    if "--json" in given:
        from quantatissu.cli.views.json import error_line

        sys.stdout.write(error_line(message, hint, complete="fix" in given))
        sys.stdout.flush()
        return code
    print(f"{label}{printable(message)}", file=sys.stderr)
    if hint:
        print(f"hint: {printable(hint)}", file=sys.stderr)
    return code


def _ended(number: int, frame: FrameType | None) -> NoReturn:
    """A polite kill unwinds like Ctrl-C, so that workers are stopped and the terminal's cursor comes back."""
    raise KeyboardInterrupt
