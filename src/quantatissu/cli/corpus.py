"""``quanta corpus``: build a corpus from a recipe, read its report, and ask it about single documents."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from quantatissu.cli.terminal import printable
from quantatissu.foundation import QuantaError

if TYPE_CHECKING:
    from quantatissu.corpus.engine import Built
    from quantatissu.corpus.recipe import OpenRecipe

INTERRUPTED = 130
Runner = Literal["native", "ray"]
_NEEDED = ("numpy", "pyarrow", "daft", "tokenizers")

app = typer.Typer(
    name="corpus",
    help="Turn code into training shards, with every line's origin kept.",
    rich_markup_mode=None,
    add_completion=False,
)


@app.command()
def build(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RECIPE.toml] [KEY=VALUE]...", help="The recipe, and settings laid over it."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="The build folder. [the recipe's name]")] = None,
    runner: Annotated[str, typer.Option(metavar="native|ray", help="Where work is done: here, or on Ray.")] = "native",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a build that was interrupted.")] = False,
) -> Callable[[], int]:
    """Build a corpus. Without a recipe: this Python's standard library and installed packages, offline.

    Files are written whole or not at all: after Ctrl-C, a kill or a crash, --resume goes on where it stopped and ends
    with the same bytes. Settings such as dedup.threshold=0.9 or engine.memory=2GB are laid over the recipe.

    Exits with 0 when the corpus is built, 2 on errors, 130 when interrupted.
    """
    return lambda: run_build(words or (), out=out, runner=runner, resume=resume)


@app.command()
def report(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A build folder.")]) -> Callable[[], int]:
    """Write report.html and report.json of a build once more, and say where they are."""
    return lambda: run_report(folder)


@app.command()
def show(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A build folder.")],
    doc: Annotated[str, typer.Option("--doc", metavar="ID", help="A document's id, or its beginning.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> Callable[[], int]:
    """Show one document: where it came from, what became of it, and its text as it is in the corpus."""
    return lambda: run_show(folder, doc, as_json=as_json)


@app.command("why-dropped")
def why_dropped(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A build folder.")],
    path: Annotated[str, typer.Option("--path", metavar="SUBSTRING", help="A part of the path.")],
    limit: Annotated[int, typer.Option(metavar="N", help="Show at most so many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> Callable[[], int]:
    """Say for every file whose path holds SUBSTRING whether it is in the corpus, and if not why."""
    return lambda: run_why_dropped(folder, path, limit=limit, as_json=as_json)


def run_build(words: Sequence[str], *, out: Path | None, runner: str, resume: bool) -> int:
    """Build, say what came of it, and return the exit code. Raises QuantaError for input that makes no sense."""
    _require_extra()
    opened = _recipe(words)
    if runner not in {"native", "ray"}:
        raise QuantaError(f"--runner {runner}: there is no such runner", hint="There are: native, ray.")
    if runner == "ray" and importlib.util.find_spec("ray") is None:
        raise QuantaError("--runner ray: Ray is not installed", hint="pip install 'quantatissu[corpus,ray]'")
    folder = out or Path(opened.recipe.name)
    _require_usable(folder, resume=resume)

    from quantatissu.corpus.engine import build as build_corpus
    from quantatissu.foundation.progress import open_progress

    try:
        built = build_corpus(
            opened, folder, runner="ray" if runner == "ray" else "native", progress=open_progress(sys.stderr)
        )
    except KeyboardInterrupt:
        again = ["quanta", "corpus", "build", *words, "--out", str(folder)]
        again += ["--runner", runner] if runner != "native" else []
        print(f"interrupted; go on with: {shlex.join([*again, '--resume'])}", file=sys.stderr, flush=True)
        sys.stdout.flush()
        # Daft's threads are still unwinding; an interpreter that shuts down under them is aborted now and then.
        os._exit(INTERRUPTED)
    _say(built)
    return 0


def run_report(folder: Path) -> int:
    """Write the report and print the page's path."""
    _require_extra()
    from quantatissu.corpus.report import write_report

    print(printable(str(write_report(_built(folder)))))
    return 0


def run_show(folder: Path, doc: str, *, as_json: bool = False) -> int:
    """Print one document. Raises QuantaError when the build has none with this id, or several."""
    _require_extra()
    from quantatissu.corpus.engine import find_document

    found = find_document(_built(folder), doc)
    if as_json:
        sys.stdout.write(json.dumps(found, sort_keys=True) + "\n")
        return 0
    text = found.pop("text", None)
    _print_fields(found)
    if text is not None:
        print()
        print(printable(text), end="" if text.endswith("\n") else "\n")
    return 0


def run_why_dropped(folder: Path, path: str, *, limit: int = 20, as_json: bool = False) -> int:
    """Print the fate of matching files. Raises QuantaError when there are none."""
    _require_extra()
    from quantatissu.corpus.engine import fates

    if limit < 1:
        raise QuantaError(f"--limit must be at least 1, not {limit}")
    found, total = fates(_built(folder), path, limit=limit)
    if as_json:
        sys.stdout.write(json.dumps({"total": total, "files": found}, sort_keys=True) + "\n")
        return 0
    if not total:
        raise QuantaError(f"no file with {path!r} in its path was read", hint="Upper and lower case matter.")
    for number, fate in enumerate(found):
        if number:
            print()
        _print_fields(fate)
    if total > len(found):
        print(f"\n{total - len(found):,} more; --limit shows them.")
    return 0


def _recipe(words: Sequence[str]) -> OpenRecipe:
    """The recipe that some words name, or the embedded one, with the settings among them."""
    from quantatissu.corpus.recipe import default_recipe, load

    files = [word for word in words if "=" not in word]
    settings = [word for word in words if "=" in word]
    if len(files) > 1:
        raise QuantaError(
            f"one recipe at a time: {files[0]} or {files[1]}", hint="Settings are written key=value, without spaces."
        )
    return load(Path(files[0]), settings) if files else default_recipe(settings)


def _require_extra() -> None:
    """Raises QuantaError when the libraries of the extra are not installed. Imports nothing."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise QuantaError(
            f"`quanta corpus` needs {', '.join(missing)}, not installed here", hint="pip install 'quantatissu[corpus]'"
        )


def _require_usable(folder: Path, *, resume: bool) -> None:
    """Raises QuantaError where a build must not write."""
    if folder.exists() and not folder.is_dir():
        raise QuantaError(f"{folder} is not a folder", hint="Choose another --out.")
    if not resume and folder.is_dir() and any(folder.iterdir()):
        raise QuantaError(
            f"{folder} is not empty", hint="--resume goes on with the build in it; or choose another --out."
        )
    if resume and folder.is_dir() and any(folder.iterdir()) and not (folder / "recipe.toml").is_file():
        raise QuantaError(f"{folder} holds something else than a build", hint="Choose another --out.")


def _built(folder: Path) -> Path:
    if not (folder / "recipe.toml").is_file():
        raise QuantaError(f"{folder} holds no corpus", hint="Pass the folder that `quanta corpus build` wrote.")
    return folder


def _print_fields(fields: dict[str, Any]) -> None:
    """Names and values, one a line; what is empty is left out."""
    wide = max(map(len, fields))
    for name, value in fields.items():
        if value in ("", []):
            continue
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        first, *rest = printable(shown).splitlines() or [""]
        print(f"{name:<{wide}}  {first}")
        for line in rest:
            print(f"{'':<{wide}}  {line}")


def _say(built: Built) -> None:
    print(f"{built.documents:,} documents, {built.tokens:,} tokens in {printable(str(built.folder))}")
    print(f"Report: {printable(str(built.report))}")
